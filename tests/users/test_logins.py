"""Guessing, and getting in."""

import asyncio
import threading
import unicodedata

import pytest

from melanzana.access.permissions import Role
from melanzana.errors import LoginRefusedError, UnavailableError
from melanzana.realms.records import RealmChange
from melanzana.users.records import HashingLimits, NewUser, UserChange, UserSettings
from melanzana.users.service import UserService
from support_auth import SOMEBODY
from support_people import AWAY, CHEAP, HOME, OPERATOR, PASSWORD, People

pytestmark = pytest.mark.anyio


async def refused(service: UserService, username: str = "ada", password: str = "wrong password", address: str = HOME) -> str:
    with pytest.raises(LoginRefusedError) as caught:
        await service.check_password("eggplant", username, password, address)
    assert caught.value.detail == {}
    return caught.value.message


async def test_the_right_password_lets_in(people: People) -> None:
    """Whatever the case of the name; the login is recorded with its address and without the password."""
    person = await people.add("Ada")
    logged_in = await people.service.check_password("eggplant", " ada".strip(), PASSWORD, HOME)
    assert logged_in.id == person.id
    assert logged_in.last_login_at == people.auth.clock.now()
    entry = (await people.entries())[0]
    assert (entry.action, entry.outcome, entry.subject, entry.actor.address) == ("login", "success", person.id, HOME)
    assert PASSWORD not in str(await people.entries())


async def test_63_wrong_unknown_and_disabled_look_alike(people: People) -> None:
    """One error and one hash each, also for an account without a password; the audit trail tells them apart."""
    await people.add("ada")
    disabled = await people.add("disabled")
    await people.service.accounts.change("eggplant", disabled.id, UserChange(enabled=False), OPERATOR)
    await people.add("elsewhere", password=None)
    messages, costs = set(), []
    for username, password in (("ada", "wrong password"), ("nobody", PASSWORD), ("disabled", PASSWORD), ("elsewhere", PASSWORD)):
        before = people.service.hashing.computed
        messages.add(await refused(people.service, username, password))
        costs.append(people.service.hashing.computed - before)
    assert len(messages) == 1
    assert costs == [1, 1, 1, 1]
    reasons = [entry.detail["reason"] for entry in (await people.entries())[:4]]
    assert reasons == ["the account has no password", "the account or its realm is disabled", "unknown name", "wrong password"]


async def test_63_an_impossible_password_is_refused_before_hashing(people: People) -> None:
    """A megabyte and an empty one cost no hash and get the same answer; composed and decomposed letters are one password."""
    person = await people.add(password="re\u0301sume\u0301 of a year\x20more")
    before = people.service.hashing.computed
    assert await refused(people.service, password="x" * 2**20) == await refused(people.service, password="")
    assert people.service.hashing.computed == before
    composed = unicodedata.normalize("NFC", "re\u0301sume\u0301 of a year more")
    assert (await people.service.check_password("eggplant", "ada", composed, HOME)).id == person.id
    await refused(people.service, password="NUL\x00 in the midst of it")


async def test_64_parallel_guesses_are_counted_exactly(people: People) -> None:
    """Of a hundred guesses at once, in two processes, five are looked at; the rest get the same answer and cost no hash."""
    await people.add()
    other = people.another_process()
    before = people.service.hashing.computed
    services = (people.service, other)
    messages = await asyncio.gather(*(refused(services[number % 2]) for number in range(100)))
    assert len(set(messages)) == 1
    assert people.service.hashing.computed - before + other.hashing.computed == 5
    await other.close()


async def test_64_the_delay_grows_and_success_resets_it(people: People) -> None:
    """Five typing errors are free, then the wait doubles; meanwhile even the right password gets the same answer."""
    await people.add()
    waits = []
    for _ in range(10):
        waits.append(await _wrong_after_waiting(people))
    assert waits == [0, 0, 0, 0, 0, 1, 2, 4, 8, 16]
    assert await refused(people.service, password=PASSWORD) == await refused(people.service)
    people.auth.clock.move(32)
    await people.service.check_password("eggplant", "ada", PASSWORD, HOME)
    assert [await _wrong_after_waiting(people) for _ in range(6)] == [0, 0, 0, 0, 0, 1]


async def _wrong_after_waiting(people: People) -> int:
    """Guess wrong every second until a guess is looked at; the seconds that it took."""
    before = people.service.hashing.computed
    for seconds in range(1_000):
        await refused(people.service)
        if people.service.hashing.computed > before:
            return seconds
        people.auth.clock.move(1)
    raise AssertionError("the wait has no end")


async def test_64_nobody_is_locked_out_at_another_address(people: People) -> None:
    """Guesses from two hundred addresses, and a hundred from one, and the right person elsewhere is in at the first attempt."""
    await people.add()
    for number in range(200):
        await refused(people.service, address=f"203.0.113.{number}")
    for _ in range(100):
        await refused(people.service, address=HOME)
    assert (await people.service.check_password("eggplant", "ada", PASSWORD, AWAY)).username == "ada"


async def test_64_one_address_cannot_try_one_password_on_everybody(people: People) -> None:
    """After fifty names an address waits, whether the names exist or not."""
    before = people.service.hashing.computed
    for number in range(80):
        await refused(people.service, username=f"name{number}", address=HOME)
    assert people.service.hashing.computed - before == 50


async def test_64_a_restart_forgets_no_guess(people: People) -> None:
    """Another process on the same database goes on where the first one was."""
    await people.add()
    for _ in range(5):
        await refused(people.service)
    again = people.another_process()
    await refused(again, password=PASSWORD)
    assert again.hashing.computed == 0
    await again.close()


async def test_65_a_flood_of_logins_leaves_the_token_endpoint_alone(people: People) -> None:
    """While every password thread is held and the queue is full, clients get tokens; the login beyond is 503 and not counted."""
    await people.add()
    free = threading.Event()
    held = [asyncio.create_task(people.service.hashing._run(free.wait)) for _ in range(CHEAP.workers + CHEAP.queue)]
    await asyncio.sleep(0)
    try:
        for _ in range(20):
            with pytest.raises(UnavailableError):
                await people.service.check_password("eggplant", "ada", PASSWORD, HOME)
        assert await people.auth.token()
    finally:
        free.set()
        await asyncio.gather(*held)
    await people.service.check_password("eggplant", "ada", PASSWORD, HOME)


async def test_a_hash_with_old_parameters_is_made_anew_at_login(people: People) -> None:
    """Parameters can be raised under living accounts."""
    person = await people.add()
    settings = UserSettings(
        base_url="https://tests.example.org", hashing=HashingLimits(memory_kib=16, passes=2, workers=1, queue=4)
    )
    stronger = UserService(people.auth.database, people.auth.clock, people.audit, people.auth.realms, settings)
    await stronger.check_password("eggplant", "ada", PASSWORD, HOME)
    fresh, _ = await stronger.accounts.get("eggplant", person.id)
    assert "m=16,t=2" in str(fresh.password_hash)
    await stronger.check_password("eggplant", "ada", PASSWORD, HOME)
    assert (await stronger.accounts.get("eggplant", person.id))[0].password_hash == fresh.password_hash
    await stronger.close()


async def test_nobody_logs_in_to_a_disabled_realm(people: People) -> None:
    """Not with the right password either."""
    await people.auth.realms.create_realm("other", SOMEBODY)
    await people.service.accounts.create("other", NewUser(username="eve", password=PASSWORD), OPERATOR)
    await people.service.check_password("other", "eve", PASSWORD, HOME)
    await people.auth.realms.change_realm("other", RealmChange(enabled=False), SOMEBODY)
    with pytest.raises(LoginRefusedError):
        await people.service.check_password("other", "eve", PASSWORD, HOME)


async def test_an_unknown_name_is_not_written_down(people: People) -> None:
    """It may be a password in the wrong field."""
    await refused(people.service, username="my secret passphrase")
    dump = await people.auth.database.read(lambda tx: "\n".join(map(str, tx.connection.driver_connection.iterdump())))  # type: ignore[union-attr]
    assert "my secret passphrase" not in dump


async def test_a_person_of_one_realm_is_unknown_in_another(people: People) -> None:
    """Realms are tenants."""
    await people.add(role=Role.ADMIN)
    await people.auth.realms.create_realm("other", SOMEBODY)
    with pytest.raises(LoginRefusedError):
        await people.service.check_password("other", "ada", PASSWORD, HOME)

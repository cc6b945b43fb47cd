"""One-time links: the first administrator, and choosing a password."""

import asyncio

import pytest

from melanzana.access.permissions import Role
from melanzana.errors import LoginRefusedError, NotFoundError, RequestError
from melanzana.users.records import NewUser, UserChange
from support_people import HOME, OPERATOR, PASSWORD, People

pytestmark = pytest.mark.anyio
BOSS = NewUser(username="boss", password=PASSWORD)


def token_of(address: str | None) -> str:
    assert address is not None
    return address.partition("?token=")[2]


async def test_66_the_first_administrator_is_made_once(people: People) -> None:
    """Nobody exists at first; the setup address makes one administrator, then it is closed and no other is handed out."""
    links = people.service.links
    assert await people.service.accounts.everybody("eggplant") == []
    token = token_of(await links.setup_address())
    made = await links.first_admin(token, BOSS, HOME)
    assert made.role is Role.ADMIN
    assert (await people.service.check_password("eggplant", "boss", PASSWORD, HOME)).id == made.id
    for attempt in (links.check_setup(token), links.first_admin(token, NewUser(username="eve", password=PASSWORD), HOME)):
        with pytest.raises(NotFoundError):
            await attempt
    assert await links.setup_address() is None
    assert len(await people.service.accounts.everybody("eggplant")) == 1


async def test_66_a_newer_setup_address_ends_the_one_before(people: People) -> None:
    """As at a restart; and wrong tokens open nothing."""
    links = people.service.links
    first, second = token_of(await links.setup_address()), token_of(await links.setup_address())
    for token in (first, "", "x", second[:-1], second + "x"):
        with pytest.raises(NotFoundError):
            await links.first_admin(token, BOSS, HOME)
    await links.first_admin(second, BOSS, HOME)


async def test_66_the_address_is_not_used_up_by_a_bad_password(people: People) -> None:
    """The form can be sent again."""
    links = people.service.links
    token = token_of(await links.setup_address())
    with pytest.raises(RequestError):
        await links.first_admin(token, NewUser(username="boss", password="short"), HOME)
    await links.first_admin(token, BOSS, HOME)


async def test_66_two_at_once_make_one_administrator(people: People) -> None:
    """The token is used in the transaction that makes the account."""
    links = people.service.links
    token = token_of(await links.setup_address())
    names = [NewUser(username=f"boss{number}", password=PASSWORD) for number in range(5)]
    outcomes = await asyncio.gather(*(links.first_admin(token, name, HOME) for name in names), return_exceptions=True)
    assert len([outcome for outcome in outcomes if isinstance(outcome, NotFoundError)]) == 4
    assert len(await people.service.accounts.everybody("eggplant")) == 1


async def test_66_an_administrator_from_the_command_line_closes_the_setup(people: People) -> None:
    """An address that was handed out before does not work any more."""
    token = token_of(await people.service.links.setup_address())
    await people.add("boss", Role.ADMIN)
    with pytest.raises(NotFoundError):
        await people.service.links.first_admin(token, NewUser(username="eve", password=PASSWORD), HOME)


async def test_a_link_sets_a_password_once(people: People) -> None:
    """The old password and every session end; a setup token is no password token and the other way round."""
    person = await people.add()
    session = await people.service.open_session(person, HOME, "")
    links = people.service.links
    setup = token_of(await links.setup_address())
    _, address = await links.password_address("eggplant", person.id, OPERATOR)
    token = token_of(address)
    with pytest.raises(NotFoundError):
        await links.choose_password(setup, "another long password", HOME)
    with pytest.raises(NotFoundError):
        await links.first_admin(token, BOSS, HOME)
    with pytest.raises(RequestError):
        await links.choose_password(token, "short", HOME)
    assert (await links.whose_password(token)).id == person.id
    await links.choose_password(token, "another long password", HOME)
    with pytest.raises(NotFoundError):
        await links.choose_password(token, "a third long password", HOME)
    assert await people.service.live_session("eggplant", session.session.id) is None
    with pytest.raises(LoginRefusedError):
        await people.service.check_password("eggplant", "ada", PASSWORD, HOME)
    await people.service.check_password("eggplant", "ada", "another long password", HOME)


async def test_a_link_ends(people: People) -> None:
    """After a day, by a newer one, with another password, and while the account is disabled."""
    person, links = await people.add(), people.service.links

    async def fresh() -> str:
        return token_of((await links.password_address("eggplant", person.id, OPERATOR))[1])

    old = await fresh()
    newer = await fresh()
    with pytest.raises(NotFoundError):
        await links.whose_password(old)
    await people.service.accounts.change("eggplant", person.id, UserChange(enabled=False), OPERATOR)
    with pytest.raises(NotFoundError):
        await links.whose_password(newer)
    await people.service.accounts.change("eggplant", person.id, UserChange(enabled=True), OPERATOR)
    people.auth.clock.move(24 * 3600)
    with pytest.raises(NotFoundError):
        await links.whose_password(newer)
    last = await fresh()
    await people.service.accounts.change("eggplant", person.id, UserChange(password="another long password"), OPERATOR)
    with pytest.raises(NotFoundError):
        await links.whose_password(last)


async def test_no_token_of_a_link_is_stored_or_recorded(people: People) -> None:
    """A copy of the database opens nothing."""
    person = await people.add()
    tokens = [
        token_of(await people.service.links.setup_address()),
        token_of((await people.service.links.password_address("eggplant", person.id, OPERATOR))[1]),
    ]
    dump = await people.auth.database.read(lambda tx: "\n".join(map(str, tx.connection.driver_connection.iterdump())))  # type: ignore[union-attr]
    assert not [token for token in tokens if token in dump]

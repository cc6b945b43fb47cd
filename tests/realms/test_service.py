"""Realms and keys: every change is recorded, and acts in every process at its next look."""

import asyncio
from pathlib import Path

import pytest

from melanzana.access.records import Actor
from melanzana.audit.records import AuditFilter
from melanzana.audit.service import AuditService
from melanzana.clock import SystemClock
from melanzana.errors import ConflictError, InsufficientScopeError, NotFoundError, RequestError
from melanzana.realms.keys import new_signing_key
from melanzana.realms.records import ALGORITHMS, KeyState, RealmChange, SigningKey
from melanzana.realms.service import RealmService, RealmSettings
from melanzana.storage.database import Database, SqliteDatabase
from melanzana.storage.migrations import migrate
from support_auth import BASE_URL, MASTER, Auth, open_rooms
from support_storage import rows, statement

pytestmark = pytest.mark.anyio
ADA = Actor(kind="user", id="u-1", name="Ada", address="192.0.2.1")


def another_process(auth: Auth) -> RealmService:
    """The same database seen by a process that has started and knows nothing yet."""
    audit = AuditService(auth.database, auth.clock)
    return RealmService(auth.database, auth.clock, MASTER, audit, RealmSettings(base_url=BASE_URL))


async def keys_by_state(service: RealmService, realm: str = "eggplant") -> dict[KeyState, list[SigningKey]]:
    found: dict[KeyState, list[SigningKey]] = {}
    for key in await service.keys(realm):
        found.setdefault(key.state, []).append(key)
    return found


async def recorded(database: Database, realm: str = "eggplant") -> list[tuple[str, str, dict[str, str]]]:
    """Action, subject and detail of every record of Ada's, oldest first."""
    found = await AuditService(database, SystemClock()).records(realm, AuditFilter(actor="u-1"))
    return [(record.entry.action, record.entry.subject, dict(record.entry.detail)) for record in reversed(found)]


async def test_new_realm(auth: Auth) -> None:
    """A new realm has an active and a next key, the home realm's address, and a record in both trails."""
    await auth.realms.start()
    made = await auth.realms.create_realm("team-a", ADA)
    states = await keys_by_state(auth.realms, "team-a")
    assert {state: len(keys) for state, keys in states.items()} == {KeyState.ACTIVE: 1, KeyState.NEXT: 1}
    assert (made.enabled, made.base_url, made.token_type, made.algorithm) == (True, BASE_URL, "JWT", "RS256")
    for trail in ("eggplant", "team-a"):
        assert [(action, subject) for action, subject, _ in await recorded(auth.database, trail)] == [("realm.create", "team-a")]
    with pytest.raises(ConflictError):
        await auth.realms.create_realm("team-a", ADA)
    assert len(await auth.realms.keys("team-a")) == 2


async def test_names_are_case_sensitive(auth: Auth) -> None:
    """`Eggplant` is not `eggplant`."""
    with pytest.raises(NotFoundError):
        await auth.realms.current("Eggplant")


async def test_rotation(auth: Auth) -> None:
    """The next key, published before, becomes the active one; the active one passive; there is another next one."""
    before = await keys_by_state(auth.realms)
    assert await auth.realms.rotate_key("eggplant", ADA) == before[KeyState.NEXT][0].kid
    after = await keys_by_state(auth.realms)
    assert after[KeyState.ACTIVE][0].kid == before[KeyState.NEXT][0].kid
    assert [key.kid for key in after[KeyState.PASSIVE]] == [before[KeyState.ACTIVE][0].kid]
    assert len(after[KeyState.NEXT]) == 1
    assert after[KeyState.ACTIVE][0].changed_at == auth.clock.now()
    assert await recorded(auth.database) == [("key.rotate", after[KeyState.ACTIVE][0].kid, {})]


async def test_rotation_acts_elsewhere(auth: Auth) -> None:
    """Another process signs with the new key at its next look, without unsealing again what it knows."""
    other = another_process(auth)
    await other.start()
    known = (await other.signing_key("eggplant")).key
    old = (await other.signing_key("eggplant")).kid
    kid = await auth.realms.rotate_key("eggplant", ADA)
    assert (await other.signing_key("eggplant")).kid == kid
    verifying = other.ring.verifying("eggplant", old)
    assert verifying is not None
    assert verifying.key is known


async def test_concurrent_rotations(tmp_path: Path) -> None:
    """Rotations by two processes at once leave one active and one next key."""
    server = SqliteDatabase.open(tmp_path / "test.db")
    visitor = SqliteDatabase.open(tmp_path / "test.db", role="visitor")
    await migrate(server)
    services = []
    for database in (server, visitor):
        audit = AuditService(database, SystemClock())
        services.append(RealmService(database, SystemClock(), MASTER, audit, RealmSettings(base_url=BASE_URL)))
        await services[-1].start()
    await services[0].change_realm("eggplant", RealmChange(algorithm="EdDSA"), ADA)
    kids = await asyncio.gather(*[services[number % 2].rotate_key("eggplant", ADA) for number in range(8)])
    states = await keys_by_state(services[1])
    assert len(set(kids)) == 8
    assert (len(states[KeyState.ACTIVE]), len(states[KeyState.NEXT]), len(states[KeyState.PASSIVE])) == (1, 1, 8)
    active = states[KeyState.ACTIVE][0].kid
    assert (await services[0].signing_key("eggplant")).kid == (await services[1].signing_key("eggplant")).kid == active
    assert (await AuditService(server, SystemClock()).verify("eggplant")).ok
    await visitor.close()
    await server.close()


async def test_disabled_active_key(auth: Auth) -> None:
    """When the active key is disabled, the next one signs at once; the disabled one's private part is gone."""
    before = await keys_by_state(auth.realms)
    active, following = before[KeyState.ACTIVE][0].kid, before[KeyState.NEXT][0].kid
    disabled = await auth.realms.disable_key("eggplant", active, ADA)
    assert (disabled.state, disabled.sealed_pem) == (KeyState.DISABLED, b"")
    assert (await auth.realms.signing_key("eggplant")).kid == following
    assert active not in {key["kid"] for key in (await auth.realms.key_set("eggplant"))["keys"]}
    assert await recorded(auth.database) == [("key.change", active, {"state": "disabled", "was": "active"})]
    with pytest.raises(ConflictError):
        await auth.realms.disable_key("eggplant", active, ADA)


async def test_disabled_next_key(auth: Auth) -> None:
    """When the next key is disabled another one takes its place; it stays in the list, disabled."""
    before = await keys_by_state(auth.realms)
    await auth.realms.disable_key("eggplant", before[KeyState.NEXT][0].kid, ADA)
    after = await keys_by_state(auth.realms)
    assert after[KeyState.ACTIVE][0].kid == before[KeyState.ACTIVE][0].kid
    assert after[KeyState.NEXT][0].kid != before[KeyState.NEXT][0].kid
    assert [key.kid for key in after[KeyState.DISABLED]] == [before[KeyState.NEXT][0].kid]


async def test_removed_key(auth: Auth) -> None:
    """Only a passive or disabled key can be forgotten, and only in its own realm."""
    old = (await auth.realms.signing_key("eggplant")).kid
    for key in await auth.realms.keys("eggplant"):
        with pytest.raises(ConflictError):
            await auth.realms.remove_key("eggplant", key.kid, ADA)
    await auth.realms.rotate_key("eggplant", ADA)
    await auth.realms.ensure_realm("other")
    with pytest.raises(NotFoundError):
        await auth.realms.remove_key("other", old, ADA)
    await auth.realms.remove_key("eggplant", old, ADA)
    assert old not in {key.kid for key in await auth.realms.keys("eggplant")}
    with pytest.raises(NotFoundError):
        await auth.realms.disable_key("eggplant", old, ADA)


@pytest.mark.parametrize("algorithm", ALGORITHMS[1:])
async def test_another_algorithm(algorithm: str, auth: Auth) -> None:
    """The next key is one of the new algorithm at once, published; the rotation after that signs with it."""
    replaced = (await keys_by_state(auth.realms))[KeyState.NEXT][0].kid
    await auth.realms.change_realm("eggplant", RealmChange(algorithm=algorithm), ADA)
    assert (await auth.realms.signing_key("eggplant")).algorithm == "RS256"
    shown = {key["kid"]: key["alg"] for key in (await auth.realms.key_set("eggplant"))["keys"]}
    assert sorted(shown.values()) == sorted(["RS256", algorithm])
    assert replaced not in shown
    await auth.realms.rotate_key("eggplant", ADA)
    assert (await auth.realms.signing_key("eggplant")).algorithm == algorithm
    assert {key["alg"] for key in (await auth.realms.key_set("eggplant"))["keys"]} == {"RS256", algorithm}


async def test_realm_of_an_older_version(auth: Auth) -> None:
    """A realm with an active key alone gets a next one with its first rotation."""
    await auth.database.write(statement("DELETE FROM signing_keys WHERE state = 'next'"))
    await auth.realms.rotate_key("eggplant", ADA)
    states = await keys_by_state(auth.realms)
    assert {state: len(keys) for state, keys in states.items()} == dict.fromkeys(
        (KeyState.ACTIVE, KeyState.NEXT, KeyState.PASSIVE), 1
    )


async def test_realm_without_keys(auth: Auth) -> None:
    """A realm that has lost its keys gets new ones when it must sign."""
    await auth.database.write(statement("DELETE FROM signing_keys"))
    await auth.database.write(statement("UPDATE realms SET revision = revision + 1"))
    key = await auth.realms.signing_key("eggplant")
    assert key.state is KeyState.ACTIVE
    assert len(await auth.realms.keys("eggplant")) == 2


async def test_settings(auth: Auth) -> None:
    """Settings that are given change, others stay; what changes nothing is not recorded and raises no revision."""
    change = RealmChange(token_type="at+jwt", token_seconds=60)
    changed = await auth.realms.change_realm("eggplant", change, ADA)
    assert (changed.token_type, changed.token_seconds, changed.algorithm, changed.enabled) == ("at+jwt", 60, "RS256", True)
    again = await auth.realms.change_realm("eggplant", change, ADA)
    assert again.revision == changed.revision
    assert await recorded(auth.database) == [("realm.change", "eggplant", {"token_type": "at+jwt", "token_seconds": "60"})]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (RealmChange(token_type="jwt"), "token_type"),
        (RealmChange(algorithm="none"), "algorithm"),
        (RealmChange(algorithm="HS256"), "algorithm"),
        (RealmChange(token_seconds=0), "token_seconds"),
        (RealmChange(token_seconds=86_400), "token_seconds"),
        (RealmChange(not_before=-1), "not_before"),
        (RealmChange(not_before=2**60), "not_before"),
    ],
)
async def test_settings_that_are_refused(change: RealmChange, field: str, auth: Auth) -> None:
    """A bad value is refused with its field, and nothing changes."""
    before = await auth.realms.current("eggplant")
    with pytest.raises(RequestError) as caught:
        await auth.realms.change_realm("eggplant", change, ADA)
    assert caught.value.detail["field"] == field
    assert await auth.realms.current("eggplant") == before


async def test_home_realm_stays_enabled(auth: Auth) -> None:
    """Nobody can disable the home realm; another one can be disabled and enabled, and each process sees it at its next look."""
    with pytest.raises(ConflictError):
        await auth.realms.change_realm("eggplant", RealmChange(enabled=False), ADA)
    await auth.realms.ensure_realm("other")
    process = another_process(auth)
    await process.start()
    await auth.realms.change_realm("other", RealmChange(enabled=False), ADA)
    assert (await process.current("other")).enabled is False
    assert (await process.realm("other")).enabled is False
    await auth.realms.change_realm("other", RealmChange(enabled=True), ADA)
    assert (await process.realm("other")).enabled is True


async def test_reach(auth: Auth) -> None:
    """Callers of the home realm reach every realm, others their own; nobody learns whether another one exists."""
    for name in ("a", "b"):
        await auth.realms.ensure_realm(name)
    assert [realm.name for realm in await auth.realms.within_reach("eggplant")] == ["a", "b", "eggplant"]
    assert [realm.name for realm in await auth.realms.within_reach("a")] == ["a"]
    assert (await auth.realms.reach("a", "a")).name == (await auth.realms.reach("eggplant", "a")).name == "a"
    refusals = []
    for name in ("b", "eggplant", "nowhere"):
        with pytest.raises(NotFoundError) as caught:
            await auth.realms.reach("a", name)
        refusals.append(caught.value.message)
    assert len(set(refusals)) == 1
    with pytest.raises(InsufficientScopeError):
        auth.realms.demand_home("a")


async def test_change_and_record_are_one(auth: Auth) -> None:
    """When the record cannot be written, the key is not rotated."""
    await auth.database.write(statement("DROP TABLE audit"))
    before = await auth.realms.keys("eggplant")
    with pytest.raises(Exception, match="audit"):
        await auth.realms.rotate_key("eggplant", ADA)
    assert await auth.realms.keys("eggplant") == before


async def test_restart_keeps_the_keys(auth: Auth) -> None:
    """A start makes nothing anew: the same ids, and no private key in the database in clear."""
    before = await auth.realms.key_set("eggplant")
    again = await open_rooms(auth.database, auth.clock)
    assert await again.realms.key_set("eggplant") == before
    sealed = await auth.database.read(rows("SELECT sealed_pem FROM signing_keys"))
    assert not any(b"PRIVATE" in pem for pem in sealed)


async def test_a_slower_load_does_not_bring_back_old_keys(auth: Auth) -> None:
    """Looks and rotations that run at the same time end with the newest keys."""
    other = another_process(auth)
    await other.start()
    await auth.realms.change_realm("eggplant", RealmChange(algorithm="EdDSA"), ADA)
    for _ in range(5):
        kid, *_ = await asyncio.gather(auth.realms.rotate_key("eggplant", ADA), *[other.current("eggplant") for _ in range(5)])
        assert (await other.signing_key("eggplant")).kid == kid


def test_no_72_new_realm_gets_its_own_key() -> None:
    """Two realms never share a key: each is made from fresh randomness."""
    kids = {new_signing_key(realm, MASTER, SystemClock().now(), "ES256").kid for realm in ("a", "b")}
    assert len(kids) == 2

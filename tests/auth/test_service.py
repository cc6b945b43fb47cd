"""Clients come, get tokens, and go at once."""

import jwt
import pytest
from sqlalchemy import text

from melanzana.access.permissions import Scope
from melanzana.access.records import PrincipalKind
from melanzana.clients.records import Client, Credentials
from melanzana.errors import (
    ConflictError,
    InvalidTokenError,
    NotFoundError,
    OAuthError,
    RequestError,
    SettingsError,
    UnavailableError,
)
from melanzana.realms.master_key import MasterKey
from melanzana.storage.database import InlineDatabase
from melanzana.storage.migrations import migrate
from support_auth import BASE_URL, MASTER, SOMEBODY, Auth, StillClock, form, open_rooms
from support_storage import rows, statement

pytestmark = pytest.mark.anyio


async def test_principal_of_an_api_client(auth: Auth) -> None:
    """An API client's token gives its name and every permission but making clients and doing an agent's work."""
    principal = await auth.service.verify_token(await auth.token())
    assert (principal.realm, principal.kind, principal.name) == ("eggplant", PrincipalKind.API_CLIENT, "ci")
    assert principal.client_id == auth.client.client_id
    assert principal.agent_id is None
    assert principal.scopes == frozenset(Scope) - {Scope.CLIENTS_MANAGE, Scope.AGENTS_WORK}


async def test_principal_of_an_agent(auth: Auth) -> None:
    """An agent's token names the agent and allows its work and nothing else."""
    agent = await auth.agent_client()
    assert agent.client_id.startswith("client:dai:agent:")
    principal = await auth.service.verify_token(await auth.token(agent))
    assert (principal.kind, principal.agent_id, principal.scopes) == (PrincipalKind.AGENT, 7, frozenset({Scope.AGENTS_WORK}))


async def test_token_with_fewer_permissions(auth: Auth) -> None:
    """A token that was asked for with permission words has those only; habitual words leave all."""
    narrow = await auth.service.verify_token(await auth.token(scope="executions:read openid"))
    assert narrow.scopes == {Scope.EXECUTIONS_READ}
    habitual = await auth.service.verify_token(await auth.token(scope="openid"))
    assert Scope.EXECUTIONS_START in habitual.scopes


async def test_revoked_client(auth: Auth) -> None:
    """A revoked client's living token is refused at the next request, it gets no new one, and revoking again changes nothing."""
    token = await auth.token()
    first = await auth.clients.revoke_client("eggplant", auth.client.client_id, actor=SOMEBODY)
    assert first.revoked_at == auth.clock.now()
    with pytest.raises(InvalidTokenError):
        await auth.service.verify_token(token)
    with pytest.raises(OAuthError):
        await _grant(auth, auth.client.client_secret)
    auth.clock.move(60)
    assert await auth.clients.revoke_client("eggplant", auth.client.client_id, actor=SOMEBODY) == first


async def test_regenerated_secret(auth: Auth) -> None:
    """A new secret ends the old one and its tokens in the same second, and its own tokens are good."""
    old = await auth.token()
    renewed = await auth.clients.regenerate_secret("eggplant", auth.client.client_id, actor=SOMEBODY)
    assert renewed.client_id == auth.client.client_id
    assert renewed.client_secret != auth.client.client_secret
    with pytest.raises(OAuthError):
        await _grant(auth, auth.client.client_secret)
    with pytest.raises(InvalidTokenError):
        await auth.service.verify_token(old)
    await auth.service.verify_token(await auth.token(renewed))


async def _grant(auth: Auth, secret: str) -> str:
    credentials = Credentials(client_id=auth.client.client_id, client_secret=secret)
    return (await auth.service.grant_client_credentials("eggplant", credentials, None, "192.0.2.1")).access_token


async def test_clients_that_cannot_be_changed(auth: Auth) -> None:
    """An unknown client cannot be revoked or renewed, and a revoked one not renewed."""
    for verb in (auth.clients.revoke_client, auth.clients.regenerate_secret):
        with pytest.raises(NotFoundError):
            await verb("eggplant", "nobody", actor=SOMEBODY)
    await auth.clients.revoke_client("eggplant", auth.client.client_id, actor=SOMEBODY)
    with pytest.raises(ConflictError):
        await auth.clients.regenerate_secret("eggplant", auth.client.client_id, actor=SOMEBODY)


async def test_list_of_clients(auth: Auth) -> None:
    """The list has every client of the realm by kind, oldest first, and no secret or digest in its text."""
    auth.clock.move(1)
    agent = await auth.agent_client()
    both = await auth.clients.list_clients("eggplant")
    assert [client.client_id for client in both] == [auth.client.client_id, agent.client_id]
    assert await auth.clients.list_clients("eggplant", PrincipalKind.AGENT) == both[1:]
    assert (both[0].description, both[0].created_by) == ("nightly runs", "tests")
    assert auth.client.client_secret not in repr(auth.client)
    assert "digest" not in repr(both)


@pytest.mark.parametrize("name", ["", " ", "two\nlines", "bell\a", "\u202eright to left", "\ud800", "x" * 201])
async def test_bad_names(name: str, auth: Auth) -> None:
    """A name that is blank, too long or not printable is refused with its field."""
    with pytest.raises(RequestError) as caught:
        await auth.clients.create_client("eggplant", name, actor=SOMEBODY)
    assert caught.value.detail == {"field": "name"}


async def test_last_use_is_noted_to_the_minute(auth: Auth) -> None:
    """`last_used_at` is empty before the first grant and follows it, at most a minute behind."""
    assert (await _client(auth)).last_used_at is None
    await auth.token()
    first = auth.clock.now()
    assert (await _client(auth)).last_used_at == first
    auth.clock.move(59)
    await auth.token()
    assert (await _client(auth)).last_used_at == first
    auth.clock.move(1)
    await auth.token()
    assert (await _client(auth)).last_used_at == auth.clock.now()


async def _client(auth: Auth) -> Client:
    (client,) = await auth.clients.list_clients("eggplant")
    return client


async def test_database_holds_no_secret(auth: Auth) -> None:
    """Neither a secret nor a private key stands in the database, and equal secrets of two installations have different digests."""
    dump = await auth.database.read(
        lambda tx: b"".join(
            bytes(str(row), "utf-8") for table in ("clients", "signing_keys") for row in tx.execute(text(f"SELECT * FROM {table}"))
        )
    )
    assert auth.client.client_secret.encode() not in dump
    assert b"PRIVATE KEY" not in dump
    assert MASTER.digest("x") != MasterKey(b"another master key of 32 bytes..").digest("x")


async def test_restart_keeps_the_keys(auth: Auth) -> None:
    """After a restart the key is the same one and tokens from before are still good."""
    token = await auth.token()
    again = await open_rooms(auth.database, auth.clock)
    assert (await again.service.verify_token(token)).client_id == auth.client.client_id
    assert await again.realms.key_set("eggplant") == await auth.realms.key_set("eggplant")


async def test_other_master_key(auth: Auth) -> None:
    """With another master key the start is refused, and says what to restore."""
    other = MasterKey(b"another master key of 32 bytes..")
    with pytest.raises(SettingsError, match=r"master\.key"):
        await open_rooms(auth.database, auth.clock, other)


async def test_first_start() -> None:
    """The first start makes the realm with its active and its next key and no client; the second changes nothing."""
    database = InlineDatabase.open()
    await migrate(database)
    for _ in range(2):
        rooms = await open_rooms(database, StillClock(), realm="tests")
        assert await database.read(rows("SELECT name FROM realms")) == ["tests"]
        assert len((await rooms.realms.key_set("tests"))["keys"]) == 2
        assert await rooms.clients.list_clients("tests") == []
    with pytest.raises(NotFoundError):
        await rooms.realms.realm("eggplant")
    await database.close()


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "..", "x" * 64, "é"])
async def test_bad_realm_names(name: str, auth: Auth) -> None:
    """A realm's name is safe in an address."""
    with pytest.raises(RequestError):
        await auth.realms.ensure_realm(name)


async def test_rotated_key(auth: Auth) -> None:
    """After a rotation old tokens stay good and new ones name a key that was published before; a removed key's tokens end."""
    old = await auth.token()
    kid = await auth.realms.rotate_key("eggplant")
    new = await auth.token()
    assert jwt.get_unverified_header(new)["kid"] == kid
    old_kid = jwt.get_unverified_header(old)["kid"]
    assert {key["kid"] for key in (await auth.realms.key_set("eggplant"))["keys"]} > {kid, old_kid}
    await auth.service.verify_token(old)
    await auth.realms.remove_key("eggplant", old_kid)
    with pytest.raises(InvalidTokenError):
        await auth.service.verify_token(old)
    await auth.service.verify_token(new)


async def test_disabled_realm(auth: Auth) -> None:
    """A disabled realm's tokens are refused at once; after a restart it gives none either."""
    token = await auth.token()
    await auth.database.write(statement("UPDATE realms SET enabled = 0"))
    with pytest.raises(InvalidTokenError):
        await auth.service.verify_token(token)
    again = await open_rooms(auth.database, auth.clock)
    credentials = Credentials(client_id=auth.client.client_id, client_secret=auth.client.client_secret)
    with pytest.raises(OAuthError) as caught:
        await again.service.grant_client_credentials("eggplant", credentials, None, "192.0.2.1")
    assert (caught.value.status, caught.value.error) == (403, "access_denied")


async def test_realm_made_elsewhere_is_found(auth: Auth) -> None:
    """A realm that another process made is known at the next request for it."""
    other = await open_rooms(auth.database, auth.clock, realm="second")
    client = await other.clients.create_client("second", "theirs", actor=SOMEBODY)
    async with auth.http() as http:
        answer = await http.post(f"{BASE_URL}/auth/realms/second/protocol/openid-connect/token", data=form(client))
    principal = await auth.service.verify_token(answer.json()["access_token"])
    assert (principal.realm, principal.name) == ("second", "theirs")


async def test_database_that_does_not_answer(auth: Auth) -> None:
    """Without the database no token is believed: the answer is that the server is not available, not that the token is bad."""
    token = await auth.token()
    await auth.database.close()
    with pytest.raises(UnavailableError):
        await auth.service.verify_token(token)
    async with auth.http() as http:
        answer = await http.post(auth.client.token_url, data=form(auth.client))
    assert (answer.status_code, answer.json()["error"], answer.headers["retry-after"]) == (503, "temporarily_unavailable", "2")


class CountingKey(MasterKey):
    """The master key, counting its digests."""

    digests = 0

    def digest(self, client_secret: str) -> bytes:
        self.digests += 1
        return super().digest(client_secret)


async def test_refusals_cost_the_same(auth: Auth) -> None:
    """An unknown client, a revoked one, a missing secret and a wrong one each cost one look-up and one digest."""
    master = CountingKey(b"0123456789abcdef0123456789abcdef")
    clients = (await open_rooms(auth.database, auth.clock, master)).clients
    revoked = await clients.create_client("eggplant", "old", actor=SOMEBODY)
    await clients.revoke_client("eggplant", revoked.client_id, actor=SOMEBODY)
    refused = [
        ("nobody", "x"),
        (revoked.client_id, revoked.client_secret),
        (auth.client.client_id, None),
        (auth.client.client_id, "x"),
    ]
    for client_id, secret in refused:
        before = master.digests
        with pytest.raises(OAuthError, match="Invalid client or Invalid client credentials"):
            await clients.authenticate("eggplant", Credentials(client_id=client_id, client_secret=secret), "192.0.2.1")
        assert master.digests - before == 1

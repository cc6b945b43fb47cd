"""API clients are made, changed, renewed and ended, and every change acts at the next request and stands in the audit trail."""

import asyncio
import hmac
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from melanzana.access.records import Actor, PrincipalKind
from melanzana.access.throttle import ThrottleLimits
from melanzana.audit.records import Action, AuditRecord
from melanzana.audit.service import AuditService
from melanzana.clients import proving
from melanzana.clients.records import Client, ClientStatus, CreatedClient, Credentials
from melanzana.clients.service import ClientService
from melanzana.errors import ConflictError, InvalidTokenError, NotFoundError, OAuthError, RequestError
from melanzana.realms.master_key import MasterKey
from support_auth import MASTER, SOMEBODY, Auth, form, open_rooms
from support_clients import dump

pytestmark = pytest.mark.anyio
REALM, HERE = "eggplant", "192.0.2.1"


def _with(created: CreatedClient) -> Credentials:
    return Credentials(client_id=created.client_id, client_secret=created.client_secret)


async def _refused(clients: ClientService, credentials: Credentials, address: str = HERE) -> OAuthError:
    with pytest.raises(OAuthError) as caught:
        await clients.authenticate(REALM, credentials, address)
    return caught.value


async def _trail(auth: Auth) -> list[AuditRecord]:
    return await AuditService(auth.database, auth.clock).records(REALM)


async def test_settings_of_a_new_client(auth: Auth) -> None:
    """What a client is made with is what it has; without settings it may do all that its kind may, from anywhere, for ever."""
    until = auth.clock.now() + timedelta(days=90)
    made = await auth.clients.create_client(
        REALM,
        "narrow",
        "for one job",
        actor=SOMEBODY,
        scopes=frozenset({"executions:start"}),
        expires_at=until,
        allowed_addresses=("192.0.2.7",),
    )
    client = await auth.clients.client(REALM, made.client_id)
    assert (client.permitted, client.expires_at, client.allowed_addresses) == ({"executions:start"}, until, ("192.0.2.7/32",))
    assert (client.created_by, client.status(auth.clock.now())) == ("tests", ClientStatus.ACTIVE)
    full = await auth.clients.client(REALM, auth.client.client_id)
    assert (full.scopes, full.expires_at, full.allowed_addresses) == (None, None, ())
    assert "clients:manage" not in full.permitted


async def test_a_client_of_another_realm_is_not_found(auth: Auth) -> None:
    """No verb of one realm reaches a client of another."""
    await auth.realms.ensure_realm("other")
    verbs: list[Callable[..., Any]] = [auth.clients.revoke_client, auth.clients.regenerate_secret, auth.clients.change_client]
    for verb in verbs:
        with pytest.raises(NotFoundError):
            await verb("other", auth.client.client_id, actor=SOMEBODY)
    with pytest.raises(NotFoundError):
        await auth.clients.client("other", auth.client.client_id)
    assert await auth.clients.live_client("other", auth.client.client_id) is None
    with pytest.raises(OAuthError):
        await auth.clients.authenticate("other", _with(auth.client), HERE)
    await auth.clients.authenticate(REALM, _with(auth.client), HERE)


async def test_a_change_acts_on_every_process_at_once(auth: Auth) -> None:
    """What one process changes, another one's next question sees: addresses, expiry, permissions."""
    second = (await open_rooms(auth.database, auth.clock)).clients
    client_id = auth.client.client_id
    await auth.clients.change_client(REALM, client_id, actor=SOMEBODY, scopes=frozenset({"models:read"}))
    seen = await second.live_client(REALM, client_id)
    assert seen is not None
    assert seen.permitted == {"models:read"}
    await auth.clients.change_client(REALM, client_id, actor=SOMEBODY, allowed_addresses=("198.51.100.0/24",))
    seen = await second.live_client(REALM, client_id)
    assert seen is not None
    assert (second.admits(seen, HERE), second.admits(seen, "198.51.100.9")) == (False, True)
    assert (await _refused(second, _with(auth.client))).detail["reason"] == "address is not allowed"
    await second.authenticate(REALM, _with(auth.client), "198.51.100.9")


async def test_an_expired_client(auth: Auth) -> None:
    """From its date on a client is refused, with its tokens; a later date lets it in again."""
    token = await auth.token()
    await auth.clients.change_client(
        REALM, auth.client.client_id, actor=SOMEBODY, expires_at=auth.clock.now() + timedelta(seconds=30)
    )
    await auth.service.verify_token(token)
    auth.clock.move(30)
    with pytest.raises(InvalidTokenError):
        await auth.service.verify_token(token)
    assert (await _refused(auth.clients, _with(auth.client))).detail["reason"] == "client is expired"
    assert (await auth.clients.client(REALM, auth.client.client_id)).status(auth.clock.now()) is ClientStatus.EXPIRED
    await auth.clients.change_client(REALM, auth.client.client_id, actor=SOMEBODY, expires_at=None)
    await auth.clients.authenticate(REALM, _with(auth.client), HERE)
    await auth.service.verify_token(token)


async def test_no_18_a_revoked_client_is_out_on_every_process(auth: Auth) -> None:
    """Its living tokens are refused at the next request, on every process, and it gets no new one; for good."""
    token, second = await auth.token(), await open_rooms(auth.database, auth.clock)
    await second.service.verify_token(token)
    await auth.clients.revoke_client(REALM, auth.client.client_id, actor=SOMEBODY)
    for rooms in (auth, second):
        with pytest.raises(InvalidTokenError):
            await rooms.service.verify_token(token)
        assert (await _refused(rooms.clients, _with(auth.client))).status == 401
    for verb in (auth.clients.change_client, auth.clients.regenerate_secret):
        with pytest.raises(ConflictError):
            await verb(REALM, auth.client.client_id, actor=SOMEBODY)  # type: ignore[operator]


async def test_no_19_the_old_secret_ends_at_once(auth: Auth) -> None:
    """Without a grace period a regenerated secret ends the old one and its tokens, on every process."""
    token, second = await auth.token(), await open_rooms(auth.database, auth.clock)
    renewed = await auth.clients.regenerate_secret(REALM, auth.client.client_id, actor=SOMEBODY)
    for rooms in (auth, second):
        with pytest.raises(InvalidTokenError):
            await rooms.service.verify_token(token)
        await _refused(rooms.clients, _with(auth.client))
        await rooms.clients.authenticate(REALM, _with(renewed), HERE)


async def test_no_19_the_old_secret_ends_with_its_grace(auth: Auth) -> None:
    """With a grace period both secrets work until its very end, and tokens live on unless their end is asked for."""
    token = await auth.token()
    renewed = await auth.clients.regenerate_secret(REALM, auth.client.client_id, actor=SOMEBODY, grace_seconds=3_600)
    await auth.service.verify_token(token)
    auth.clock.move(3_599)
    for secret in (auth.client, renewed):
        await auth.clients.authenticate(REALM, _with(secret), HERE)
    auth.clock.move(1)
    assert (await _refused(auth.clients, _with(auth.client))).detail["reason"] == "wrong secret"
    await auth.clients.authenticate(REALM, _with(renewed), HERE)
    young = await auth.token(renewed)
    again = await auth.clients.regenerate_secret(
        REALM, auth.client.client_id, actor=SOMEBODY, grace_seconds=86_400, end_tokens=True
    )
    with pytest.raises(InvalidTokenError):
        await auth.service.verify_token(young)
    for secret in (renewed, again):
        await auth.clients.authenticate(REALM, _with(secret), HERE)


async def test_no_19_only_the_last_secret_before_has_grace(auth: Auth) -> None:
    """Two renewals leave two secrets, not three; a renewal without grace and a revocation leave one and none."""
    first, client_id = auth.client, auth.client.client_id
    second = await auth.clients.regenerate_secret(REALM, client_id, actor=SOMEBODY, grace_seconds=3_600)
    third = await auth.clients.regenerate_secret(REALM, client_id, actor=SOMEBODY, grace_seconds=3_600)
    await _refused(auth.clients, _with(first))
    for secret in (second, third):
        await auth.clients.authenticate(REALM, _with(secret), HERE)
    fourth = await auth.clients.regenerate_secret(REALM, client_id, actor=SOMEBODY)
    for secret in (second, third):
        await _refused(auth.clients, _with(secret))
    await auth.clients.authenticate(REALM, _with(fourth), HERE)


@pytest.mark.parametrize("seconds", [-1, 86_401])
async def test_a_grace_that_is_no_grace(seconds: int, auth: Auth) -> None:
    """The grace period is a day at most."""
    with pytest.raises(RequestError, match="grace_seconds"):
        await auth.clients.regenerate_secret(REALM, auth.client.client_id, actor=SOMEBODY, grace_seconds=seconds)


class CountingKey(MasterKey):
    """The master key, counting its digests."""

    digests = 0

    def digest(self, client_secret: str) -> bytes:
        self.digests += 1
        return super().digest(client_secret)


async def test_no_23_24_every_refusal_costs_the_same(auth: Auth, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown, revoked, expired, elsewhere, no secret, a wrong one from its first or its last character: one look-up each, one
    digest, two comparisons of digests of equal length."""
    master = CountingKey(b"0123456789abcdef0123456789abcdef")
    clients = (await open_rooms(auth.database, auth.clock, master)).clients
    compared: list[tuple[int, int]] = []
    looked_up: list[str] = []
    real_compare = hmac.compare_digest

    def compare(left: bytes, right: bytes) -> bool:
        compared.append((len(left), len(right)))
        return real_compare(left, right)

    monkeypatch.setattr(proving.hmac, "compare_digest", compare)
    glance = auth.database.glance

    async def counted(question: Callable[[Connection], Any]) -> Any:
        looked_up.append("glance")
        return await glance(question)

    monkeypatch.setattr(auth.database, "glance", counted)
    revoked = await clients.create_client(REALM, "old", actor=SOMEBODY)
    await clients.revoke_client(REALM, revoked.client_id, actor=SOMEBODY)
    elsewhere = await clients.create_client(REALM, "elsewhere", actor=SOMEBODY, allowed_addresses=("198.51.100.1",))
    expired = await clients.create_client(REALM, "late", actor=SOMEBODY, expires_at=auth.clock.now() + timedelta(seconds=1))
    auth.clock.move(1)
    right = auth.client.client_secret
    tried = [
        ("client:dai:api:integration:nobody", right),
        (auth.client.client_id, None),
        (auth.client.client_id, "x" + right[1:]),
        (auth.client.client_id, right[:-1] + "!"),
        (revoked.client_id, revoked.client_secret),
        (expired.client_id, expired.client_secret),
        (elsewhere.client_id, elsewhere.client_secret),
    ]
    costs, answers = set(), set()
    for client_id, secret in tried:
        compared.clear()
        looked_up.clear()
        before = master.digests
        error = await _refused(clients, Credentials(client_id=client_id, client_secret=secret))
        costs.add((master.digests - before, tuple(compared), len(looked_up)))
        answers.add((error.error, error.status, error.message, error.detail.get("challenge")))
    assert costs == {(1, ((32, 32), (32, 32)), 2)}  # the realm and the client
    assert len(answers) == 1


async def test_no_23_refusals_are_equal_byte_by_byte(auth: Auth) -> None:
    """Over HTTP the answers of all refused clients have the same body and the same headers."""
    revoked = await auth.clients.create_client(REALM, "old", actor=SOMEBODY)
    await auth.clients.revoke_client(REALM, revoked.client_id, actor=SOMEBODY)
    elsewhere = await auth.clients.create_client(REALM, "elsewhere", actor=SOMEBODY, allowed_addresses=("198.51.100.1",))
    forms = [
        form(auth.client, client_id="client:dai:api:integration:nobody"),
        form(auth.client, client_secret="wrong"),
        form(auth.client, client_secret=""),
        form(revoked),
        form(elsewhere),
    ]
    async with auth.http() as http:
        answers = [await http.post(auth.client.token_url, data=each) for each in forms]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1


async def test_no_25_the_header_names_one_client_and_the_body_another(auth: Auth) -> None:
    """No token comes of it, with the other's secret or without."""
    other = await auth.clients.create_client(REALM, "other", actor=SOMEBODY)
    basic = (auth.client.client_id, auth.client.client_secret)
    async with auth.http() as http:
        for secret in (other.client_secret, ""):
            answer = await http.post(auth.client.token_url, data=form(other, client_secret=secret), auth=basic)
            assert answer.status_code in {400, 401}
            assert "access_token" not in answer.text


async def test_no_26_the_same_credentials_twice(auth: Auth) -> None:
    """Header and body may say the same; a body with another secret is refused."""
    basic = (auth.client.client_id, auth.client.client_secret)
    async with auth.http() as http:
        assert (await http.post(auth.client.token_url, data=form(auth.client), auth=basic)).status_code == 200
        wrong = await http.post(auth.client.token_url, data=form(auth.client, client_secret="mlz_other"), auth=basic)
        assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_request")


async def test_no_38_guessing_waits_and_the_honest_one_does_not(auth: Auth) -> None:
    """Twenty wrong secrets in a minute make that client and address wait, with the right secret too; elsewhere it goes on."""
    wrong = Credentials(client_id=auth.client.client_id, client_secret="wrong")
    for _ in range(20):
        assert (await _refused(auth.clients, wrong)).status == 401
    blocked = await _refused(auth.clients, _with(auth.client))
    assert (blocked.status, blocked.detail["retry_after"]) == (429, 60)
    await auth.clients.authenticate(REALM, _with(auth.client), "198.51.100.1")
    auth.clock.move(60)
    await auth.clients.authenticate(REALM, _with(auth.client), HERE)


async def test_no_38_unknown_clients_count_at_their_address(auth: Auth) -> None:
    """A hundred failures from one address, unknown ids among them, make every client there wait, and nobody elsewhere."""
    for number in range(100):
        await _refused(auth.clients, Credentials(client_id=f"nobody {number}", client_secret="x"))
    assert (await _refused(auth.clients, _with(auth.client))).status == 429
    await auth.clients.authenticate(REALM, _with(auth.client), "198.51.100.1")


async def test_no_38_parallel_guesses_are_counted_exactly(auth: Auth) -> None:
    """However many guesses come at once, twenty are judged."""
    wrong = Credentials(client_id=auth.client.client_id, client_secret="wrong")
    errors = await asyncio.gather(*(_refused(auth.clients, wrong) for _ in range(200)))
    statuses = [error.status for error in errors]
    assert (statuses.count(401), statuses.count(429)) == (20, 180)


async def test_no_42_equal_secrets_have_different_digests(auth: Auth) -> None:
    """The database holds no secret in clear; two clients with the same secret have different digests; the pepper is not there."""
    digests = {proving.secret_digest(MASTER, f"client {number}", "the same secret") for number in range(2)}
    assert len(digests) == 2
    assert proving.secret_digest(MasterKey(b"another master key of 32 bytes.."), "client 0", "the same secret") not in digests
    renewed = await auth.clients.regenerate_secret(REALM, auth.client.client_id, actor=SOMEBODY, grace_seconds=60)
    held = await dump(auth, "clients", "client_single_uses", "audit")
    for secret in (auth.client.client_secret, renewed.client_secret, "0123456789abcdef0123456789abcdef"):
        assert secret not in held


async def test_every_change_is_in_the_trail_and_no_secret_is(auth: Auth) -> None:
    """Each verb records who did it to which client; a change that changes nothing records nothing."""
    actor = Actor(kind="user", id="u1", name="ada", address="192.0.2.9")
    made = await auth.clients.create_client(REALM, "ci 2", actor=actor, scopes=frozenset({"models:read"}))
    one = (REALM, made.client_id)
    await auth.clients.change_client(*one, actor=actor, description="nightly")
    await auth.clients.change_client(*one, actor=actor, description="nightly")
    renewed = await auth.clients.regenerate_secret(*one, actor=actor, grace_seconds=3_600)
    for _ in range(2):
        await auth.clients.revoke_client(*one, actor=actor)
    trail = [record.entry for record in reversed(await _trail(auth)) if record.entry.subject == made.client_id]
    assert [entry.action for entry in trail] == [
        Action.CLIENT_CREATE,
        Action.CLIENT_CHANGE,
        Action.CLIENT_REGENERATE,
        Action.CLIENT_REVOKE,
    ]
    assert {(entry.actor.name, entry.actor.address) for entry in trail} == {("ada", "192.0.2.9")}
    assert trail[0].detail["scopes"] == "models:read"
    assert dict(trail[1].detail) == {"description": "nightly"}
    assert dict(trail[2].detail) == {"grace_seconds": "3600", "tokens": "kept"}
    assert made.client_secret not in str(trail)
    assert renewed.client_secret not in str(trail)


async def test_a_change_that_cannot_be_recorded_does_not_happen(auth: Auth) -> None:
    """Without its record in the trail nothing changes: both are one transaction."""

    class BrokenTrail(AuditService):
        def record(self, tx: Connection, entry: Any) -> None:
            raise OSError("no space left")

    clients = ClientService(auth.database, auth.clock, MASTER, auth.realms, BrokenTrail(auth.database, auth.clock))
    before = await auth.clients.list_clients(REALM)
    for change in (
        clients.create_client(REALM, "new", actor=SOMEBODY),
        clients.change_client(REALM, auth.client.client_id, actor=SOMEBODY, name="other"),
        clients.regenerate_secret(REALM, auth.client.client_id, actor=SOMEBODY),
        clients.revoke_client(REALM, auth.client.client_id, actor=SOMEBODY),
    ):
        with pytest.raises(OSError, match="no space"):
            await change
    assert await auth.clients.list_clients(REALM) == before


async def test_last_use_has_its_address(auth: Auth) -> None:
    """The last use is noted to the minute, with where it came from."""
    client = await auth.clients.client(REALM, auth.client.client_id)
    await auth.clients.mark_used(client, auth.clock.now(), "198.51.100.9")
    seen = await auth.clients.client(REALM, auth.client.client_id)
    assert (seen.last_used_at, seen.last_used_address) == (auth.clock.now(), "198.51.100.9")


async def test_a_form_counts_once_a_session(auth: Auth) -> None:
    """The second sending of a form is known, also when both come at once; another session's form is another."""
    assert await auth.clients.claim_form("a", "form 1")
    assert not await auth.clients.claim_form("a", "form 1")
    assert await auth.clients.claim_form("b", "form 1")
    both = await asyncio.gather(*(auth.clients.claim_form("a", "form 2") for _ in range(5)))
    assert both.count(True) == 1


async def test_what_was_used_once_is_forgotten_when_it_has_expired_anyway(auth: Auth) -> None:
    """The table of uses does not grow for ever."""
    for number in range(10):
        await auth.clients.claim_form("a", f"form {number}")
    auth.clock.move(86_400)
    await auth.clients.claim_form("a", "another")
    assert len((await dump(auth, "client_single_uses")).splitlines()) == 1


async def test_limits_can_be_set() -> None:
    """The figures of the security list are the defaults."""
    limits = ThrottleLimits()
    assert (limits.failures_per_client_and_address, limits.failures_per_address, limits.window_seconds) == (20, 100, 60)


async def test_agents_have_no_narrower_rights(auth: Auth) -> None:
    """An agent's client may do an agent's work and nothing else, whatever is asked for."""
    with pytest.raises(RequestError):
        await auth.clients.create_client(
            REALM, "agent", actor=SOMEBODY, kind=PrincipalKind.AGENT, agent_id=1, scopes=frozenset({"models:read"})
        )
    made = await auth.agent_client()
    client: Client = await auth.clients.client(REALM, made.client_id)
    assert client.permitted == {"agents:work"}

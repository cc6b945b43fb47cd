"""The verbs of clients: make, list, change, renew, end, and recognise the one that presents credentials.

The agents' room makes the credentials of agents here, System > API Access, its REST and the command line those of scripts; the
token endpoint asks whose credentials were presented. A client is looked up by primary key on every request of its tokens: so a
revoked client, a replaced secret, a date that has passed and a withdrawn permission count at the next request, in every process.
Every verb is bound to a realm, and every change stands in the audit trail with it or not at all.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Unpack
from uuid import uuid4

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from melanzana.access.records import Actor, PrincipalKind
from melanzana.access.throttle import Throttle, ThrottleLimits
from melanzana.audit.records import Action
from melanzana.audit.service import AuditService
from melanzana.clients import downloads, restrictions, store, telling
from melanzana.clients.assertions import Assertion
from melanzana.clients.credentials import new_client_id, new_client_secret
from melanzana.clients.proving import Hearing, NotProvenError, claimed_id, prove, secret_digest, shown_id
from melanzana.clients.records import Client, ClientFields, ClientSettings, ClientStatus, CreatedClient, Credentials, KeySet
from melanzana.clock import Clock
from melanzana.errors import ConflictError, NotFoundError, OAuthError, RequestError, UnavailableError
from melanzana.realms.master_key import MasterKey
from melanzana.realms.service import RealmService
from melanzana.storage.database import Database

#: `last_used_at` is brought up to date no more often, to spare a write a grant.
_USED_RESOLUTION = timedelta(minutes=1)
#: How long the old secret may stay good beside a new one.
LONGEST_GRACE_SECONDS = 24 * 3_600
#: Purposes of what may be used once.
_ASSERTION, _DOWNLOAD, _FORM = "assertion", "download", "form"
_log = structlog.get_logger("melanzana.clients")


class ClientService:
    """Programs that get tokens."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        master: MasterKey,
        realms: RealmService,
        audit: AuditService,
        *,
        limits: ThrottleLimits | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._master = master
        self._realms = realms
        self._audit = audit
        self._throttle = Throttle(clock, limits or ThrottleLimits())

    # --- making, changing, ending ------------------------------------------------------------

    async def create_client(
        self,
        realm: str,
        name: str,
        description: str = "",
        *,
        actor: Actor,
        kind: PrincipalKind = PrincipalKind.API_CLIENT,
        agent_id: int | None = None,
        scopes: frozenset[str] | None = None,
        expires_at: datetime | None = None,
        allowed_addresses: tuple[str, ...] = (),
        public_keys: KeySet | None = None,
        with_secret: bool = True,
    ) -> CreatedClient:
        """A new client; its secret is in the answer and nowhere else. `scopes` None: all that its kind may do.

        `public_keys`: it may prove itself by assertions signed with these; without a secret, by them only.
        Errors: NotFoundError for an unknown realm; RequestError with the field that is wrong.
        """
        home, now = await self._realms.realm(realm), self._clock.now()
        settings = ClientSettings(
            name=name,
            description=description,
            scopes=scopes,
            expires_at=expires_at,
            allowed_addresses=allowed_addresses,
            public_keys=public_keys,
        )
        settings = restrictions.checked(settings, kind)
        restrictions.check_expiry(expires_at, now)
        if public_keys is None and not with_secret:
            raise RequestError("a client without a secret needs a public key to prove itself with", field="public_keys")
        secret = new_client_secret() if with_secret else ""
        client_id = new_client_id(kind)
        client = Client(
            client_id=client_id,
            realm=realm,
            kind=kind,
            subject=str(uuid4()),
            agent_id=agent_id,
            secret_digest=secret_digest(self._master, client_id, secret) if secret else b"",
            previous_digest=None,
            previous_until=None,
            pepper_version=self._master.pepper_version,
            generation=1,
            created_by=actor.name,
            created_at=now,
            last_used_at=None,
            last_used_address=None,
            revoked_at=None,
            **_columns_of(settings),
        )

        def change(tx: Connection) -> None:
            store.add_client(tx, client)
            self._audit.record(tx, telling.entry(client, Action.CLIENT_CREATE, actor, kind=kind.value, **telling.told(client)))

        await self._database.write(change)
        _log.info("client created", client_id=client.client_id, realm=realm, kind=kind.value, created_by=actor.name)
        return CreatedClient(client_id=client.client_id, client_secret=secret, token_url=self._realms.token_url(home), name=name)

    async def list_clients(self, realm: str, kind: PrincipalKind | None = None) -> list[Client]:
        """The realm's clients, oldest first, revoked ones too."""
        await self._realms.realm(realm)
        return await self._database.read(lambda tx: store.clients_of(tx, realm, kind))

    async def client(self, realm: str, client_id: str) -> Client:
        """One client, in whatever state. Errors: NotFoundError."""
        return await self._database.read(lambda tx: _known(tx, realm, client_id))

    async def change_client(self, realm: str, client_id: str, *, actor: Actor, **fields: Unpack[ClientFields]) -> Client:
        """Write these settings over the client's; the next request of its tokens is judged by the new ones, other keys end them.

        Errors: NotFoundError; ConflictError when it is revoked; RequestError with the field that is wrong.
        """
        now = self._clock.now()
        if "expires_at" in fields:
            restrictions.check_expiry(fields["expires_at"], now)

        def change(tx: Connection) -> Client:
            before = _changeable(tx, realm, client_id)
            wanted = _columns_of(restrictions.checked(replace(before.settings, **fields), before.kind))
            values = {name: value for name, value in wanted.items() if value != getattr(before, name)}
            if not values:
                return before
            _check_can_prove(before, values)
            new_generation = {"generation": before.generation + 1} if "public_keys" in values else {}  # a key may be out
            after = store.change(tx, before, values | new_generation)
            told = {name: text for name, text in telling.told(after).items() if name in values}
            self._audit.record(tx, telling.entry(after, Action.CLIENT_CHANGE, actor, **told))
            return after

        client = await self._database.write(change)
        _log.info("client changed", client_id=client_id, realm=realm, fields=sorted(fields))
        return client

    async def regenerate_secret(
        self, realm: str, client_id: str, *, actor: Actor, grace_seconds: int = 0, end_tokens: bool | None = None
    ) -> CreatedClient:
        """A new secret. The old one stays good for `grace_seconds`, at most a day; 0 ends it at once.

        `end_tokens`: whether every token made before ends now; None: it does when the old secret ends at once.
        Errors: NotFoundError; ConflictError when it is revoked or has no secret; RequestError.
        """
        if not 0 <= grace_seconds <= LONGEST_GRACE_SECONDS:
            raise RequestError(f"grace_seconds is from 0 to {LONGEST_GRACE_SECONDS}", field="grace_seconds")
        ends = grace_seconds == 0 if end_tokens is None else end_tokens
        home, now, secret = await self._realms.realm(realm), self._clock.now(), new_client_secret()
        digest, version = secret_digest(self._master, client_id, secret), self._master.pepper_version

        def change(tx: Connection) -> Client:
            before = _changeable(tx, realm, client_id)
            if not before.secret_digest:
                raise ConflictError("this client has no secret: it proves itself with its public key", state="no secret")
            values: dict[str, Any] = {
                "secret_digest": digest,
                "pepper_version": version,
                "previous_digest": before.secret_digest if grace_seconds else None,
                "previous_until": now + timedelta(seconds=grace_seconds) if grace_seconds else None,
                "generation": before.generation + int(ends),
            }
            after = store.change(tx, before, values)
            detail = {"grace_seconds": str(grace_seconds), "tokens": "ended" if ends else "kept"}
            self._audit.record(tx, telling.entry(after, Action.CLIENT_REGENERATE, actor, **detail))
            return after

        client = await self._database.write(change)
        _log.info("client secret regenerated", client_id=client_id, realm=realm)
        return CreatedClient(client_id=client_id, client_secret=secret, token_url=self._realms.token_url(home), name=client.name)

    async def revoke_client(self, realm: str, client_id: str, *, actor: Actor) -> Client:
        """End the client and its tokens, for good; revoking again changes nothing. Errors: NotFoundError."""
        now = self._clock.now()

        def change(tx: Connection) -> Client:
            before = _known(tx, realm, client_id)
            if before.revoked_at is not None:
                return before
            after = store.change(tx, before, {"revoked_at": now, "previous_digest": None, "previous_until": None})
            self._audit.record(tx, telling.entry(after, Action.CLIENT_REVOKE, actor, name=after.name))
            return after

        client = await self._database.write(change)
        _log.info("client revoked", client_id=client_id, realm=realm)
        return client

    # --- recognising ------------------------------------------------------------

    async def authenticate(self, realm: str, credentials: Credentials, address: str) -> Client:
        """The client that presented these credentials: its secret, or an assertion signed with its key.

        An unknown client, a revoked or expired one, a missing secret, a wrong one and a wrong address take the same way to the
        same answer. Which it was stands in the error's detail (`reason`, `client_id`) for log and audit, never in the answer.
        Errors: NotFoundError for an unknown realm; OAuthError.
        """
        home = await self._realms.current(realm)
        if not home.enabled:
            raise OAuthError("access_denied", "Realm not enabled", status=403)
        if credentials.assertion is not None and credentials.client_secret is not None:
            raise OAuthError("invalid_request", "More than one way of client authentication")
        client_id = claimed_id(credentials)
        if client_id is None:
            raise OAuthError("invalid_client", "Missing client_id parameter", status=400)
        self._check_patience(client_id, address)
        client = await self._database.glance(lambda tx: store.client(tx, realm, client_id))
        self._check_patience(client_id, address)  # nothing is awaited from here to `failed`: parallel guesses are counted exactly
        audiences = {self._realms.issuer(realm), self._realms.token_url(home)}
        hearing = Hearing(credentials=credentials, address=address, audiences=audiences, now=self._clock.now())
        try:
            proof = prove(client, hearing, self._master)
            assert client is not None
            if proof is not None:
                await self._claim_assertion(client, proof)
        except NotProvenError as error:
            self._throttle.failed(client_id, address)
            known = shown_id(client_id)
            _log.warning("client not believed", client_id=known, realm=realm, address=address, reason=str(error))
            raise _invalid_client(realm, credentials, known, str(error)) from None
        return client

    async def live_client(self, realm: str, client_id: str) -> Client | None:
        """The client, unless it is unknown, revoked, expired, of another realm, or its realm is disabled: one look at the database.

        Errors: UnavailableError when the database does not answer.
        """
        now = self._clock.now()
        return await self._database.glance(lambda tx: store.live_client(tx, realm, client_id, now))

    def admits(self, client: Client, address: str) -> bool:
        """Whether this client may come from this address; asked at each grant and each request of its tokens."""
        return restrictions.admits(client.allowed_addresses, address)

    async def mark_used(self, client: Client, now: datetime, address: str = "") -> None:
        """Note the use; a disk that does not take the note is no reason to refuse a token."""
        if client.last_used_at is None or now - client.last_used_at >= _USED_RESOLUTION:
            with suppress(UnavailableError):
                await self._database.write(lambda tx: store.mark_used(tx, client.client_id, now, address))

    def _check_patience(self, client_id: str, address: str) -> None:
        if wait := self._throttle.wait_seconds(client_id, address):
            raise OAuthError("too_many_requests", f"Too many failed attempts; wait {wait} seconds", status=429, retry_after=wait)

    # --- what may be used once ------------------------------------------------------------

    def ticket_for(self, created: CreatedClient, session_id: str) -> str:
        """What the page of a new secret carries, so that its Download can ask for the file of credentials."""
        return downloads.sealed_ticket(created, session_id, self._clock.now(), self._master)

    async def download(self, realm: str, session_id: str, ticket: str, *, actor: Actor) -> CreatedClient | None:
        """The credentials of a ticket, once; None when it was used before or is too old.

        Errors: NotFoundError when it is no ticket of this session.
        """
        opened = downloads.open_ticket(ticket, session_id, self._master)
        if opened.expires_at <= self._clock.now():
            return None

        def change(tx: Connection) -> None:
            store.add_single_use(tx, session_id, _DOWNLOAD, opened.digest, opened.expires_at)
            client = _known(tx, realm, opened.created.client_id)
            self._audit.record(tx, telling.entry(client, Action.CLIENT_DOWNLOAD, actor, name=client.name))

        return opened.created if await self._first_time(change) else None

    async def claim_form(self, session_id: str, form_id: str) -> bool:
        """Whether this form of a page is sent for the first time: what was sent twice by a reload is done once."""
        digest, until = sha256(form_id.encode("utf-8", "surrogatepass")).digest(), self._clock.now() + timedelta(days=1)
        return await self._first_time(lambda tx: store.add_single_use(tx, session_id, _FORM, digest, until))

    async def _claim_assertion(self, client: Client, proof: Assertion) -> None:
        """Errors: NotProvenError when the assertion's id was used before, in whatever process."""
        until = datetime.fromtimestamp(proof.expires_at_seconds, UTC)
        digest = sha256(proof.jti.encode("utf-8", "surrogatepass")).digest()
        if not await self._first_time(lambda tx: store.add_single_use(tx, client.client_id, _ASSERTION, digest, until)):
            raise NotProvenError("assertion: jti was used before")

    async def _first_time(self, use: Callable[[Connection], None]) -> bool:
        now = self._clock.now()

        def change(tx: Connection) -> None:
            store.forget_single_uses(tx, now)
            use(tx)

        try:
            await self._database.write(change)
        except IntegrityError:
            return False
        return True


def _known(tx: Connection, realm: str, client_id: str) -> Client:
    found = store.client(tx, realm, client_id)
    if found is None:
        raise NotFoundError(f"there is no client {client_id!r}")
    return found


def _changeable(tx: Connection, realm: str, client_id: str) -> Client:
    found = _known(tx, realm, client_id)
    if found.revoked_at is not None:
        raise ConflictError(f"the client {client_id!r} was revoked, for good; make a new one", state=ClientStatus.REVOKED.value)
    return found


def _columns_of(settings: ClientSettings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.__slots__}


def _check_can_prove(before: Client, values: Mapping[str, Any]) -> None:
    if not before.secret_digest and "public_keys" in values and values["public_keys"] is None:
        raise RequestError("a client without a secret needs a public key to prove itself with", field="public_keys")


def _invalid_client(realm: str, credentials: Credentials, client_id: str, reason: str) -> OAuthError:
    challenge = f'Basic realm="{realm}"' if credentials.by_header else None
    text = "Invalid client or Invalid client credentials"
    return OAuthError("invalid_client", text, status=401, challenge=challenge, reason=reason, client_id=client_id)

"""The verbs of clients: make, list, change, renew, end, and recognise the one that presents credentials.

The agents' room makes the credentials of agents here, System > API Access, its REST and the command line those of scripts; the
token endpoint asks whose credentials were presented. A client is looked up by primary key on every request of its tokens: so a
revoked client, a replaced secret, a date that has passed and a withdrawn permission count at the next request, in every process.
Every verb is bound to a realm, and every change stands in the audit trail with it or not at all.
"""

import hmac
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Unpack
from uuid import uuid4

import structlog
from sqlalchemy import Connection

from melanzana.access.records import Actor, PrincipalKind
from melanzana.access.throttle import Throttle, ThrottleLimits
from melanzana.audit.records import Action, AuditEntry
from melanzana.audit.service import AuditService
from melanzana.clients import restrictions, store
from melanzana.clients.credentials import new_client_id, new_client_secret
from melanzana.clients.records import Client, ClientFields, ClientSettings, ClientStatus, CreatedClient, Credentials
from melanzana.clock import Clock
from melanzana.errors import ConflictError, NotFoundError, OAuthError, RequestError, UnavailableError
from melanzana.realms.master_key import DUMMY_DIGEST, MasterKey
from melanzana.realms.service import RealmService
from melanzana.storage.database import Database

_LONGEST_CLIENT_ID = 255
#: `last_used_at` is brought up to date no more often, to spare a write a grant.
_USED_RESOLUTION = timedelta(minutes=1)
#: How long the old secret may stay good beside a new one.
LONGEST_GRACE_SECONDS = 24 * 3_600
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
    ) -> CreatedClient:
        """A new client; its secret is in the answer and nowhere else. `scopes` None: all that its kind may do.

        Errors: NotFoundError for an unknown realm; RequestError with the field that is wrong.
        """
        home, now = await self._realms.realm(realm), self._clock.now()
        settings = ClientSettings(
            name=name, description=description, scopes=scopes, expires_at=expires_at, allowed_addresses=allowed_addresses
        )
        settings = restrictions.checked(settings, kind)
        restrictions.check_expiry(expires_at, now)
        secret = new_client_secret()
        client = Client(
            client_id=new_client_id(kind),
            realm=realm,
            kind=kind,
            subject=str(uuid4()),
            agent_id=agent_id,
            secret_digest=self._master.digest(secret),
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
            self._audit.record(tx, _entry(client, Action.CLIENT_CREATE, actor, kind=kind.value, **_told(client)))

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
        """Write these settings over the client's; the next request of its tokens is judged by the new ones.

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
            after = store.change(tx, before, values)
            told = {name: text for name, text in _told(after).items() if name in values}
            self._audit.record(tx, _entry(after, Action.CLIENT_CHANGE, actor, **told))
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
        digest, version = self._master.digest(secret), self._master.pepper_version

        def change(tx: Connection) -> Client:
            before = _changeable(tx, realm, client_id)
            values: dict[str, Any] = {
                "secret_digest": digest,
                "pepper_version": version,
                "previous_digest": before.secret_digest if grace_seconds else None,
                "previous_until": now + timedelta(seconds=grace_seconds) if grace_seconds else None,
                "generation": before.generation + int(ends),
            }
            after = store.change(tx, before, values)
            detail = {"grace_seconds": str(grace_seconds), "tokens": "ended" if ends else "kept"}
            self._audit.record(tx, _entry(after, Action.CLIENT_REGENERATE, actor, **detail))
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
            self._audit.record(tx, _entry(after, Action.CLIENT_REVOKE, actor, name=after.name))
            return after

        client = await self._database.write(change)
        _log.info("client revoked", client_id=client_id, realm=realm)
        return client

    # --- recognising ------------------------------------------------------------

    async def authenticate(self, realm: str, credentials: Credentials, address: str) -> Client:
        """The client that presented these credentials.

        An unknown client, a revoked or expired one, a missing secret, a wrong one and a wrong address take the same way to the
        same answer. Which it was stands in the error's detail (`reason`, `client_id`) for log and audit, never in the answer.
        Errors: NotFoundError for an unknown realm; OAuthError.
        """
        if not (await self._realms.realm(realm)).enabled:
            raise OAuthError("access_denied", "Realm not enabled", status=403)
        client_id = credentials.client_id
        if client_id is None:
            raise OAuthError("invalid_client", "Missing client_id parameter", status=400)
        self._check_patience(client_id, address)
        client = await self._database.glance(lambda tx: store.client(tx, realm, client_id[:_LONGEST_CLIENT_ID]))
        self._check_patience(client_id, address)  # nothing is awaited from here to `failed`: parallel guesses are counted exactly
        reason = self._refusal(client, credentials.client_secret or "", address)
        if client is None or reason is not None:
            self._throttle.failed(client_id, address)
            known = client_id[:_LONGEST_CLIENT_ID]
            _log.warning("token refused", client_id=known, realm=realm, address=address, reason=reason)
            raise _invalid_client(realm, credentials, reason or "unknown client")
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

    def _refusal(self, client: Client | None, secret: str, address: str) -> str | None:
        """Why these credentials are refused; one digest and two comparisons, whoever asks."""
        now = self._clock.now()
        presented = self._master.digest(secret)
        digest, previous = DUMMY_DIGEST, DUMMY_DIGEST
        if client is not None:
            digest = client.secret_digest
            if client.previous_digest is not None and client.previous_until is not None and now < client.previous_until:
                previous = client.previous_digest
        right = hmac.compare_digest(presented, digest) | hmac.compare_digest(presented, previous)
        if client is None:
            return "unknown client"
        if not right:
            return "wrong secret" if secret else "no secret"
        if (status := client.status(now)) is not ClientStatus.ACTIVE:
            return f"client is {status}"
        return None if self.admits(client, address) else "address is not allowed"


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


def _told(client: Client) -> dict[str, str]:
    """The settings as the audit trail tells them."""
    return {
        "name": client.name,
        "description": client.description,
        "scopes": "all" if client.scopes is None else " ".join(sorted(client.scopes)),
        "expires_at": "never" if client.expires_at is None else client.expires_at.isoformat(timespec="seconds"),
        "allowed_addresses": " ".join(client.allowed_addresses) or "any",
    }


def _entry(client: Client, action: Action, actor: Actor, **detail: str) -> AuditEntry:
    return AuditEntry(realm=client.realm, action=action, actor=actor, subject=client.client_id, detail=detail)


def _invalid_client(realm: str, credentials: Credentials, reason: str) -> OAuthError:
    challenge = f'Basic realm="{realm}"' if credentials.by_header else None
    return OAuthError(
        "invalid_client",
        "Invalid client or Invalid client credentials",
        status=401,
        challenge=challenge,
        reason=reason,
        client_id=credentials.client_id,
    )

"""The verbs of the authorization server: make and end clients, grant tokens, believe tokens.

`api.py` (token endpoint) and `gate.py` (every other route) call it, the agents' room for the credentials of agents, and the command
line. A token is verified without a look at the database, and then its client is looked up by primary key on every request: so a
revoked client and a replaced secret end their tokens at the next request, not when the tokens expire.
"""

import asyncio
import hmac
import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import structlog

from melanzana.auth import store, tokens
from melanzana.auth.client_credentials import new_client_id, new_client_secret
from melanzana.auth.keys import KeyRing, LiveKey, new_signing_key, unseal
from melanzana.auth.master_key import DUMMY_DIGEST, MasterKey
from melanzana.auth.permissions import HABITUAL_SCOPES, SCOPES_OF, granted
from melanzana.auth.records import Client, CreatedClient, Credentials, Grant, Principal, PrincipalKind, Realm
from melanzana.auth.throttle import Throttle, ThrottleLimits
from melanzana.clock import Clock
from melanzana.errors import InvalidTokenError, NotFoundError, OAuthError, RequestError, UnavailableError
from melanzana.storage.database import Database

DEFAULT_REALM = "eggplant"
_REALM_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_LONGEST_CLIENT_ID = 255
#: `last_used_at` is brought up to date no more often, to spare a write a grant.
_USED_RESOLUTION = timedelta(minutes=1)
_log = structlog.get_logger("melanzana.auth")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthSettings:
    """What an operator decides."""

    base_url: str  #: public address without trailing slash; issuers are built from it, never from a request
    realm: str = DEFAULT_REALM  #: made at first start
    token_lifetime_seconds: int = 300  #: as the product's; short, since nothing shortens a token that left its owner
    throttle: ThrottleLimits = field(default_factory=ThrottleLimits)


class AuthService:
    """Call `start` once before anything else."""

    def __init__(self, database: Database, clock: Clock, master: MasterKey, settings: AuthSettings) -> None:
        self._database = database
        self._clock = clock
        self._master = master
        self._settings = settings
        self._throttle = Throttle(clock, settings.throttle)
        self._ring = KeyRing()
        self._realms: dict[str, Realm] = {}
        self._issuers: dict[str, str] = {}

    async def start(self) -> None:
        """Make the default realm at first start, note the public address, load the keys.

        Errors: SettingsError when the master key does not fit the database.
        """
        await self.ensure_realm(self._settings.realm)
        await self._database.write(lambda tx: store.set_base_url(tx, self._settings.base_url))

    # ── realms and keys ──

    async def ensure_realm(self, name: str) -> Realm:
        """The realm, made with its first key when it is new."""
        if not _REALM_NAME.fullmatch(name):
            raise RequestError("a realm's name is 1 to 63 letters, digits, - and _, the first a letter or digit", field="realm")
        if await self._database.read(lambda tx: store.realm(tx, name)) is None:
            now = self._clock.now()
            key = await asyncio.to_thread(new_signing_key, name, self._master, now)
            new = Realm(name=name, enabled=True, base_url=None, created_at=now)
            await self._database.write(lambda tx: store.add_realm(tx, new, key))
            _log.info("realm created", realm=name, kid=key.kid)
        await self._load()
        return self._realms[name]

    async def realm(self, name: str) -> Realm:
        """Errors: NotFoundError when there is none; names are case-sensitive."""
        known = self._realms.get(name)
        if known is None and _REALM_NAME.fullmatch(name):
            if await self._database.read(lambda tx: store.realm(tx, name)) is not None:
                await self._load()
            known = self._realms.get(name)
        if known is None:
            raise NotFoundError("Realm does not exist")
        return known

    async def key_set(self, realm: str) -> dict[str, Any]:
        """The published keys (JWK set) of a realm."""
        await self.realm(realm)
        return self._ring.published(realm)

    def signing_key(self, realm: str) -> LiveKey | None:
        """The key that signs the realm's tokens now."""
        return self._ring.signing(realm)

    async def rotate_key(self, realm: str) -> str:
        """Sign with a new key from now on; the old one verifies until `remove_key`. Gives the new key's id."""
        await self.realm(realm)
        key = await asyncio.to_thread(new_signing_key, realm, self._master, self._clock.now())
        await self._database.write(lambda tx: store.add_key(tx, key))
        await self._load()
        _log.info("signing key rotated", realm=realm, kid=key.kid)
        return key.kid

    async def remove_key(self, kid: str) -> None:
        """Distrust a key: every token it signed is refused from now on."""
        await self._database.write(lambda tx: store.remove_key(tx, kid))
        await self._load()
        _log.info("signing key removed", kid=kid)

    def issuer(self, realm: str) -> str:
        return f"{self._settings.base_url}/auth/realms/{realm}"

    def token_url(self, realm: Realm) -> str:
        """Where its clients get tokens; what the running server says of itself beats this process's settings."""
        base_url = realm.base_url or self._settings.base_url
        return f"{base_url}/auth/realms/{realm.name}/protocol/openid-connect/token"

    async def _load(self) -> None:
        stored_realms, stored_keys = await self._database.read(lambda tx: (store.all_realms(tx), store.keys(tx)))
        live = await asyncio.to_thread(lambda: [unseal(key, self._master) for key in stored_keys])
        self._ring = KeyRing(live)
        self._realms = {realm.name: realm for realm in stored_realms}
        self._issuers = {self.issuer(name): name for name in self._realms}

    # ── clients ──

    async def create_client(
        self,
        realm: str,
        name: str,
        description: str = "",
        created_by: str = "",
        *,
        kind: PrincipalKind = PrincipalKind.API_CLIENT,
        agent_id: int | None = None,
    ) -> CreatedClient:
        """A new client; its secret is in the answer and nowhere else.

        Errors: NotFoundError for an unknown realm; RequestError for a bad name or description.
        """
        home = await self.realm(realm)
        _check_text("name", name, 200)
        if description:
            _check_text("description", description, 2_000)
        secret = new_client_secret()
        client = Client(
            client_id=new_client_id(kind),
            realm=realm,
            kind=kind,
            name=name,
            description=description,
            subject=str(uuid4()),
            agent_id=agent_id,
            secret_digest=self._master.digest(secret),
            pepper_version=self._master.pepper_version,
            generation=1,
            created_by=created_by,
            created_at=self._clock.now(),
            last_used_at=None,
            revoked_at=None,
        )
        await self._database.write(lambda tx: store.add_client(tx, client))
        _log.info("client created", client_id=client.client_id, realm=realm, kind=kind.value, created_by=created_by)
        return CreatedClient(client_id=client.client_id, client_secret=secret, token_url=self.token_url(home), name=name)

    async def list_clients(self, realm: str, kind: PrincipalKind | None = None) -> list[Client]:
        """The realm's clients, oldest first, revoked ones too."""
        await self.realm(realm)
        return await self._database.read(lambda tx: store.clients_of(tx, realm, kind))

    async def regenerate_secret(self, client_id: str) -> CreatedClient:
        """A new secret; the old one and every token got with it end at once.

        Errors: NotFoundError when the client is unknown or revoked.
        """
        secret = new_client_secret()
        digest, version = self._master.digest(secret), self._master.pepper_version
        client = await self._database.write(lambda tx: store.replace_secret(tx, client_id, digest, version))
        if client is None:
            raise NotFoundError(f"there is no client {client_id!r} that could get a new secret")
        _log.info("client secret regenerated", client_id=client_id)
        home = await self.realm(client.realm)
        return CreatedClient(client_id=client_id, client_secret=secret, token_url=self.token_url(home), name=client.name)

    async def revoke_client(self, client_id: str) -> Client:
        """End the client and its tokens, for good; revoking again changes nothing.

        Errors: NotFoundError when the client is unknown.
        """
        at = self._clock.now()
        client = await self._database.write(lambda tx: store.revoke(tx, client_id, at))
        if client is None:
            raise NotFoundError(f"there is no client {client_id!r}")
        _log.info("client revoked", client_id=client_id)
        return client

    # ── tokens ──

    async def grant_client_credentials(self, realm: str, credentials: Credentials, scope: str | None, address: str) -> Grant:
        """The client credentials grant (RFC 6749 section 4.4). `address`: where the request came from.

        Errors: NotFoundError for an unknown realm; OAuthError for everything that is wrong with the request.
        """
        client = await self.authenticate_client(realm, credentials, address)
        words = _allowed_scope(client, scope)
        key = await self._signing_key(realm)
        now = self._clock.now()
        request = tokens.TokenRequest(
            client=client,
            issuer=self.issuer(realm),
            scope=words,
            address=address,
            issued_at_seconds=int(now.timestamp()),
            lifetime_seconds=self._settings.token_lifetime_seconds,
        )
        grant = tokens.issue(request, key)
        await self._mark_used(client, now)
        _log.info("token granted", client_id=client.client_id, realm=realm, address=address, session=grant.session_state)
        return grant

    async def authenticate_client(self, realm: str, credentials: Credentials, address: str) -> Client:
        """The client that presented these credentials.

        An unknown client, a revoked one, a missing secret and a wrong one take the same way to the same answer.
        Errors: OAuthError.
        """
        if not (await self.realm(realm)).enabled:
            raise OAuthError("access_denied", "Realm not enabled", status=403)
        client_id = credentials.client_id
        if client_id is None:
            raise OAuthError("invalid_client", "Missing client_id parameter", status=400)
        if wait := self._throttle.wait_seconds(client_id, address):
            raise OAuthError("too_many_requests", f"Too many failed attempts; wait {wait} seconds", status=429, retry_after=wait)
        client = await self._database.glance(lambda tx: store.live_client(tx, realm, client_id[:_LONGEST_CLIENT_ID]))
        presented = self._master.digest(credentials.client_secret or "")
        right = hmac.compare_digest(presented, DUMMY_DIGEST if client is None else client.secret_digest)
        if client is None or not right:
            self._throttle.failed(client_id, address)
            _log.warning("token refused", client_id=client_id[:_LONGEST_CLIENT_ID], realm=realm, address=address)
            raise _invalid_client(realm, credentials)
        return client

    async def verify_token(self, token: str) -> Principal:
        """Who made a request with this access token.

        Errors: InvalidTokenError; UnavailableError when the database does not answer.
        """
        claims = tokens.read(token, self._ring, self._issuers, self._clock.now().timestamp())
        client = await self._database.glance(lambda tx: store.live_client(tx, claims.realm, claims.client_id))
        if client is None or client.generation != claims.generation:
            raise InvalidTokenError("the access token is no longer valid: its client was revoked or got a new secret")
        return Principal(
            realm=client.realm,
            kind=client.kind,
            client_id=client.client_id,
            subject=client.subject,
            name=client.name,
            scopes=granted(client.kind, claims.scope),
            agent_id=client.agent_id,
        )

    async def _signing_key(self, realm: str) -> LiveKey:
        key = self._ring.signing(realm)
        if key is None:
            await self.rotate_key(realm)
            key = self._ring.signing(realm)
        assert key is not None
        return key

    async def _mark_used(self, client: Client, now: datetime) -> None:
        """Note the use; a disk that does not take the note is no reason to refuse a token."""
        if client.last_used_at is None or now - client.last_used_at >= _USED_RESOLUTION:
            with suppress(UnavailableError):
                await self._database.write(lambda tx: store.mark_used(tx, client.client_id, now))


def _check_text(field: str, text: str, longest: int) -> None:
    if len(text) > longest or not text.strip() or not text.isprintable():
        raise RequestError(f"{field} has 1 to {longest} characters, not all of them blank, on one line", field=field)


def _allowed_scope(client: Client, scope: str | None) -> str:
    """The scope of the token: as asked for, else every permission of the client.

    Errors: OAuthError `invalid_scope`; the answer does not repeat what was sent.
    """
    allowed = SCOPES_OF[client.kind]
    if scope is None:
        return " ".join(sorted(allowed))
    words = list(dict.fromkeys(scope.split(" ")))
    if not set(words) <= allowed | HABITUAL_SCOPES:
        raise OAuthError("invalid_scope", "Invalid scopes: at least one is unknown or not allowed for this client")
    return " ".join(words)


def _invalid_client(realm: str, credentials: Credentials) -> OAuthError:
    challenge = f'Basic realm="{realm}"' if credentials.by_header else None
    return OAuthError("invalid_client", "Invalid client or Invalid client credentials", status=401, challenge=challenge)

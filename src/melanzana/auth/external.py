"""Identity providers of other people's making: which are configured, and what their access tokens are worth here.

`service.py` asks `knows` and `believe` for a token whose issuer is not ours; `melanzana providers` and the login page use the verbs
below. A token is worth something only when an operator named its issuer and audience for a realm, the signature is by a key that
this issuer publishes, and a claim gives the person a role. Nothing is fetched for anybody else's token.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import httpx
import structlog
from sqlalchemy import Connection

from melanzana.access.permissions import SCOPES_OF_ROLE, Role, Scope
from melanzana.access.records import Actor, Principal, PrincipalKind
from melanzana.audit.records import Action, AuditEntry
from melanzana.audit.service import AuditService
from melanzana.auth import foreign_tokens
from melanzana.auth import store_login as store
from melanzana.auth.issuer_keys import IssuerKeys, trusted_address
from melanzana.auth.login_records import IdentityProvider
from melanzana.clock import Clock
from melanzana.errors import ConflictError, InvalidTokenError, NotFoundError, RequestError
from melanzana.realms.master_key import MasterKey
from melanzana.realms.service import RealmService
from melanzana.storage.database import Database
from melanzana.users.service import UserService

_LONGEST = 500
_log = structlog.get_logger("melanzana.auth")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProvider:
    """What an operator says of an identity provider."""

    name: str
    issuer: str
    audience: str
    roles: Mapping[str, Role]
    role_claim: str = "realm_access.roles"
    default_role: Role | None = None
    display_name: str = ""
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    login_scope: str = "openid profile email"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalRooms:
    """Whom the providers' room asks."""

    realms: RealmService
    users: UserService
    audit: AuditService
    master: MasterKey


class ExternalIssuers:
    """The configured identity providers of every realm."""

    def __init__(
        self, database: Database, clock: Clock, rooms: ExternalRooms, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._realms = rooms.realms
        self._users = rooms.users
        self._audit = rooms.audit
        self._master = rooms.master
        self.keys = IssuerKeys(clock, transport)

    def knows(self, issuer: object) -> bool:
        """Whether a token with this issuer is worth asking about: it could be a provider's. `believe` decides."""
        return isinstance(issuer, str) and len(issuer) <= _LONGEST and trusted_address(issuer)

    async def believe(self, token: str) -> Principal:
        """The person or program that a configured provider says sent this token.

        Errors: InvalidTokenError; UnavailableError when the provider's keys are needed and it does not answer.
        """
        header, claims = foreign_tokens.unverified(token)
        provider = await self._provider_for(claims)
        key = await self.keys.key(provider.issuer, _text(header.get("kid")))
        foreign_tokens.check_signature(token, header, key)
        foreign_tokens.check_claims(claims, provider.issuer, provider.audience, self._clock.now().timestamp())
        if claims.get("typ", "Bearer") not in {"Bearer", "JWT", "at+jwt"} or "at_hash" in claims or "nonce" in claims:
            foreign_tokens.refuse("an ID token is no access token")
        role = foreign_tokens.role_of(provider, claims)
        if role is None:
            raise InvalidTokenError(f"the access token of {provider.display_name} gives no role here")
        return Principal(
            realm=provider.realm,
            kind=PrincipalKind.USER,
            client_id=_text(claims.get("azp")) or _text(claims.get("client_id")) or provider.name,
            subject=await self._subject(provider, claims["sub"]),
            name=foreign_tokens.person_name(claims),
            scopes=_scopes(role, claims.get("scope")),
        )

    async def put(self, realm: str, new: NewProvider, actor: Actor) -> IdentityProvider:
        """Add the provider, or replace the one of that name. Acts at the next request, in every process.

        Errors: NotFoundError for an unknown realm; RequestError naming the field; ConflictError when another provider has the same
        issuer and audience, since a token must belong to one realm.
        """
        await self._realms.current(realm)
        _check(new, self._realms)
        provider = IdentityProvider(
            realm=realm,
            name=new.name,
            display_name=new.display_name or new.name,
            issuer=new.issuer,
            audience=new.audience,
            client_id=new.client_id,
            sealed_secret=self._sealed(realm, new),
            login_scope=new.login_scope,
            role_claim=new.role_claim,
            roles=new.roles,
            default_role=new.default_role,
            created_at=self._clock.now(),
        )

        def change(tx: Connection) -> None:
            for other in store.providers_with_issuer(tx, new.issuer):
                if other.audience == new.audience and (other.realm, other.name) != (realm, new.name):
                    raise ConflictError(f"the provider {other.name} of realm {other.realm} has this issuer and audience already")
            added = store.put_provider(tx, provider)
            self._record(tx, realm, actor, new.name, {"change": "added" if added else "replaced", "issuer": new.issuer})

        await self._database.write(change)
        _log.info("identity provider configured", realm=realm, provider=new.name, issuer=new.issuer)
        return provider

    async def remove(self, realm: str, name: str, actor: Actor) -> None:
        """Believe it no longer, from the next request on. Errors: NotFoundError."""

        def change(tx: Connection) -> None:
            if not store.remove_provider(tx, realm, name):
                raise NotFoundError(f"the realm {realm} has no identity provider {name!r}")
            self._record(tx, realm, actor, name, {"change": "removed"})

        await self._database.write(change)
        _log.info("identity provider removed", realm=realm, provider=name)

    async def providers(self, realm: str) -> list[IdentityProvider]:
        """Those of a realm, by name."""
        return await self._database.read(lambda tx: store.providers_of(tx, realm))

    async def provider(self, realm: str, name: str) -> IdentityProvider:
        """Errors: NotFoundError."""
        found = await self._database.read(lambda tx: store.provider(tx, realm, name))
        if found is None:
            raise NotFoundError("there is no such identity provider")
        return found

    async def callback_address(self, provider: IdentityProvider) -> str:
        """What to register at the provider; what the running server says of itself beats this process's settings."""
        home = await self._realms.current(provider.realm)
        base_url = home.base_url or self._realms.settings.base_url
        return callback_address(f"{base_url}/auth/realms/{provider.realm}", provider.name)

    def secret(self, provider: IdentityProvider) -> str | None:
        """Our client secret at the provider; None for a public client."""
        if provider.sealed_secret is None:
            return None
        return self._master.open(provider.sealed_secret, _seal_name(provider.realm, provider.name)).decode()

    async def _subject(self, provider: IdentityProvider, subject: str) -> str:
        """The account here, when the person logged in once; else an id that no account can have. Errors: InvalidTokenError."""
        account = await self._users.accounts.linked(provider.realm, provider.issuer, subject)
        if account is not None and not account.enabled:
            raise InvalidTokenError("the account is disabled")
        return account.id if account is not None else str(uuid5(NAMESPACE_URL, f"{provider.issuer}\n{subject}"))

    def _sealed(self, realm: str, new: NewProvider) -> bytes | None:
        return None if new.client_secret is None else self._master.seal(new.client_secret.encode(), _seal_name(realm, new.name))

    def _record(self, tx: Connection, realm: str, actor: Actor, name: str, detail: dict[str, str]) -> None:
        self._audit.record(
            tx, AuditEntry(realm=realm, action=Action.REALM_CHANGE, actor=actor, subject=f"provider {name}", detail=detail)
        )

    async def _provider_for(self, claims: Mapping[str, Any]) -> IdentityProvider:
        """The configured provider whose token this claims to be: one look at the database, nothing fetched."""
        issuer, audience = claims.get("iss"), claims.get("aud")
        if not isinstance(issuer, str):
            foreign_tokens.refuse("iss")
        named = audience if isinstance(audience, list) else [audience]
        known = await self._database.glance(lambda tx: store.providers_with_issuer(tx, issuer))
        found = next((provider for provider in known if provider.audience in named), None)
        if found is None or not (await self._realms.current(found.realm)).enabled:
            foreign_tokens.refuse("issuer or audience")
        return found


def callback_address(issuer: str, name: str) -> str:
    """Where a provider sends people back to; Keycloak's form, so that what was registered for a Keycloak can stay."""
    return f"{issuer}/broker/{name}/endpoint"


def _check(new: NewProvider, realms: RealmService) -> None:
    named = {"name": new.name, "issuer": new.issuer, "audience": new.audience, "role_claim": new.role_claim}
    named |= {"client_id": new.client_id or "-", "display_name": new.display_name or "-", "login_scope": new.login_scope}
    for field_name, text in named.items():
        if not 0 < len(text) <= _LONGEST or not text.isprintable():
            raise RequestError(f"{field_name} has 1 to {_LONGEST} printable characters", field=field_name)
    if not all(char.isascii() and (char.isalnum() or char in "-_") for char in new.name):
        raise RequestError("name has letters, digits, - and _ only: it stands in addresses", field="name")
    if not trusted_address(new.issuer):
        raise RequestError("issuer is an https address (http only on this machine), without fragment or password", field="issuer")
    if new.issuer in realms.issuers:
        raise RequestError("issuer is a realm of this server, which needs no provider", field="issuer")
    if not new.roles and new.default_role is None:
        raise RequestError(
            "no value gives a role, so nobody could come in: name an admin or user value, or a default role", field="roles"
        )
    if "openid" not in new.login_scope.split(" "):
        raise RequestError("login_scope names openid, else the provider does not say who logged in", field="login_scope")
    if new.client_secret is not None and new.client_id is None:
        raise RequestError("a client secret needs its client_id", field="client_id")


def _seal_name(realm: str, name: str) -> str:
    return f"identity provider {realm}/{name}"


def _scopes(role: Role, scope: object) -> frozenset[str]:
    """All of the role, or fewer when the token itself names permission words of ours."""
    words = frozenset(scope.split(" ")) if isinstance(scope, str) else frozenset()
    named = words & frozenset(Scope)
    return frozenset(SCOPES_OF_ROLE[role] & named if named else SCOPES_OF_ROLE[role])


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST else None

"""What the login keeps and passes on: authorization requests, codes, refresh tokens, identity providers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from melanzana.access.permissions import Role
from melanzana.auth.public_clients import PublicClient


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """A request to the authorization endpoint that may be answered by redirect."""

    realm: str
    client: PublicClient
    redirect_uri: str
    scope: str
    code_challenge: str  #: S256, 43 characters
    state: str | None = None
    nonce: str | None = None
    prompt: frozenset[str] = frozenset()
    max_age_seconds: int | None = None  #: a login older than this must be repeated
    login_hint: str = ""
    query: str = ""  #: the parameters as they came, for the form to send them again


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why an authorization request is not carried out."""

    error: str  #: word of RFC 6749 section 4.1.2.1
    description: str
    redirect_uri: str | None = None  #: where to say so; None: on a page, since the address given may be anybody's
    state: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginCode:
    """An authorization code as it is stored: bound to everything that was true when it was given."""

    digest: bytes = field(repr=False)
    realm: str
    client_id: str
    redirect_uri: str
    code_challenge: str
    scope: str
    nonce: str | None
    user_id: str
    session_id: str
    authenticated_at: datetime
    expires_at: datetime
    used_at: datetime | None
    family_id: str  #: of the refresh tokens that its first use gives


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    """A refresh token as it is stored. Those that follow each other are one family and end together."""

    digest: bytes = field(repr=False)
    family_id: str
    realm: str
    client_id: str
    user_id: str
    session_id: str
    scope: str
    authenticated_at: datetime
    expires_at: datetime  #: when nobody uses it
    family_expires_at: datetime  #: however often it is used
    token_id: str  #: `jti` of the access token given with it
    token_expires_at: datetime
    used_at: datetime | None = None  #: replaced by the next of its family
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityProvider:
    """An authorization server of somebody else whose people a realm believes."""

    realm: str
    name: str  #: in addresses and commands
    display_name: str  #: on the login button
    issuer: str
    audience: str  #: what `aud` of its access tokens must hold
    client_id: str | None  #: ours at the provider; None: no login button
    sealed_secret: bytes | None = field(repr=False)  #: None: a public client there
    login_scope: str  #: what the login button asks for
    role_claim: str  #: path of the claim that holds the person's groups or roles, such as `realm_access.roles`
    roles: Mapping[str, Role]  #: role by value of that claim
    default_role: Role | None  #: of people whose claim names none of `roles`; None: they are refused
    created_at: datetime

    @property
    def login_button(self) -> bool:
        return self.client_id is not None

"""What the authorization server reads and hands out."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from melanzana.auth.token_request import Parameters
from melanzana.clients.records import Credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """An access token and what its owner is told about it."""

    access_token: str = field(repr=False)
    expires_in_seconds: int
    session_state: str
    scope: str
    token_type: str = "Bearer"  # noqa: S105 - or DPoP when the token is bound to a key
    refresh_token: str | None = field(default=None, repr=False)
    refresh_expires_in_seconds: int = 0
    id_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCall:
    """One form sent to an OAuth endpoint, read and not yet believed; each grant type has a handler that takes one."""

    realm: str
    parameters: Parameters
    credentials: Credentials
    address: str  #: where the request came from
    key_thumbprint: str | None = None  #: RFC 7638, of the key that a valid DPoP proof was signed with
    lifetime_seconds: int | None = None  #: of the token, where an older address promises one; None: the realm's


#: Carries out one grant type and records it in the audit trail. Errors: OAuthError.
Handler = Callable[[TokenCall], Awaitable[Grant]]

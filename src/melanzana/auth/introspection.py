"""What a caller is told about a token (RFC 7662): everything it says, or that it is not active, and nothing between.

Only a client that the token was made for may know: one that stands in its audience. A token of ours names the API, `account` and
the client that got it, so a client can ask about its own tokens, and a person's tokens are nobody's business. This is Keycloak's
rule.
"""

from typing import Any

from melanzana.access.permissions import Scope
from melanzana.auth.believing import Believed
from melanzana.clients.records import Client

_PERMISSIONS = frozenset(scope.value for scope in Scope)
INACTIVE: dict[str, Any] = {"active": False}


def answer(believed: Believed, caller: Client) -> dict[str, Any]:
    """The answer to this caller about a token that is good now."""
    claims = believed.claims
    if claims.realm != caller.realm or caller.client_id not in claims.everything["aud"]:
        return INACTIVE
    bound = claims.key_thumbprint is not None
    words = [
        word for word in claims.everything["scope"].split(" ") if word not in _PERMISSIONS or word in believed.principal.scopes
    ]
    return {
        **{name: value for name, value in claims.everything.items() if name != "generation"},
        "scope": " ".join(words),
        "client_id": claims.client_id,
        "username": claims.everything.get("preferred_username", ""),
        "token_type": "DPoP" if bound else "Bearer",
        "active": True,
    }


def userinfo(believed: Believed) -> dict[str, Any]:
    """What OpenID Connect's userinfo tells (section 5.3): nothing personal beyond what the token's scope asks for."""
    claims = believed.claims
    everything, scope = claims.everything, claims.scope
    told = ["sub", "email_verified", "preferred_username"]
    if claims.generation is None:
        told = ["sub", *(["name", "preferred_username"] if "profile" in scope else [])]
        told += ["email_verified", "email"] if "email" in scope else []
    return {name: everything[name] for name in told if name in everything}

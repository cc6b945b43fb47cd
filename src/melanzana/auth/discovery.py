"""What a realm says of itself (RFC 8414, OpenID Connect Discovery): only what this server does, in Keycloak's order."""

from base64 import b64encode
from collections.abc import Collection
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from melanzana.access.permissions import SCOPES_OF
from melanzana.access.records import PrincipalKind
from melanzana.auth import dpop
from melanzana.clients.assertions import ALGORITHMS as ASSERTION_ALGORITHMS
from melanzana.realms.keys import LiveKey
from melanzana.realms.records import ALGORITHMS, Realm

#: Basic stands first: clients take the first that they know, and some know only the first.
_CONFIDENTIAL = ["client_secret_basic", "client_secret_post", "private_key_jwt"]
_CLAIMS = ["iss", "sub", "aud", "exp", "iat", "jti", "azp", "acr", "sid", "client_id", "preferred_username", "email_verified"]
_CLAIMS_OF_PEOPLE = ["auth_time", "nonce", "name", "email"]


def metadata(issuer: str, grant_types: Collection[str]) -> dict[str, Any]:
    """The document under `.well-known/openid-configuration`. `grant_types`: those that are carried out."""
    people = "authorization_code" in grant_types
    document = {
        **_endpoints(issuer, people=people),
        "grant_types_supported": sorted(grant_types),
        "acr_values_supported": ["1"],
        "response_types_supported": ["code"] if people else [],
        "subject_types_supported": ["public"],
        "prompt_values_supported": ["none", "login"] if people else None,
        "id_token_signing_alg_values_supported": list(ALGORITHMS),
        "response_modes_supported": ["query"] if people else None,
        **_authentication("token", [*_CONFIDENTIAL, "none"] if people else _CONFIDENTIAL),
        **_authentication("introspection", _CONFIDENTIAL),
        "claims_supported": [*_CLAIMS, *(_CLAIMS_OF_PEOPLE if people else [])],
        "claim_types_supported": ["normal"],
        "claims_parameter_supported": False,
        "scopes_supported": ["openid", "profile", "email", *sorted(SCOPES_OF[PrincipalKind.API_CLIENT])],
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "code_challenge_methods_supported": ["S256"] if people else None,
        "tls_client_certificate_bound_access_tokens": False,
        "dpop_signing_alg_values_supported": list(dpop.ALGORITHMS),
        "revocation_endpoint": f"{issuer}/protocol/openid-connect/revoke",
        **_authentication("revocation", [*_CONFIDENTIAL, "none"] if people else _CONFIDENTIAL),
        "backchannel_logout_supported": False,
        "authorization_response_iss_parameter_supported": True if people else None,
    }
    return {name: value for name, value in document.items() if value is not None}


def realm_document(realm: Realm, issuer: str, key: LiveKey) -> dict[str, Any]:
    """The short document of a realm, as Keycloak gives it; the public key is the signing key's, without PEM armour."""
    der = key.key.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {
        "realm": realm.name,
        "public_key": b64encode(der).decode(),
        "token-service": f"{issuer}/protocol/openid-connect",
        "tokens-not-before": realm.not_before,
    }


def _endpoints(issuer: str, *, people: bool) -> dict[str, Any]:
    endpoints = f"{issuer}/protocol/openid-connect"
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{endpoints}/auth" if people else None,
        "token_endpoint": f"{endpoints}/token",
        "introspection_endpoint": f"{endpoints}/token/introspect",
        "userinfo_endpoint": f"{endpoints}/userinfo",
        "end_session_endpoint": f"{endpoints}/logout" if people else None,
        "frontchannel_logout_supported": False,
        "jwks_uri": f"{endpoints}/certs",
    }


def _authentication(endpoint: str, methods: list[str]) -> dict[str, Any]:
    return {
        f"{endpoint}_endpoint_auth_methods_supported": list(methods),
        f"{endpoint}_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
    }

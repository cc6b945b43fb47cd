"""What a realm says of itself (RFC 8414, OpenID Connect Discovery): only what this server does."""

from base64 import b64encode
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from melanzana.access.permissions import SCOPES_OF
from melanzana.access.records import PrincipalKind
from melanzana.realms.keys import ALGORITHM, LiveKey


def metadata(issuer: str) -> dict[str, Any]:
    """The document under `.well-known/openid-configuration`."""
    endpoints = f"{issuer}/protocol/openid-connect"
    return {
        "issuer": issuer,
        "token_endpoint": f"{endpoints}/token",
        "jwks_uri": f"{endpoints}/certs",
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "scopes_supported": ["openid", *sorted(SCOPES_OF[PrincipalKind.API_CLIENT])],
    }


def realm_document(realm: str, issuer: str, key: LiveKey | None) -> dict[str, Any]:
    """The short document of a realm, as Keycloak gives it; the public key is the signing key's, without PEM armour."""
    document: dict[str, Any] = {"realm": realm, "token-service": f"{issuer}/protocol/openid-connect", "tokens-not-before": 0}
    if key is not None:
        der = key.key.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        document["public_key"] = b64encode(der).decode()
    return document

"""Reads a signed token of somebody else's issuer, strictly, and finds the role that its claims give.

Pure but for the key, which is handed in: `external.py` (access tokens) and `external_login.py` (ID tokens) call it. Asymmetric
algorithms only, and only with a key of the kind that the algorithm needs; `jwk`, `jku` and `x5u` in a header are never looked at.
"""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from math import isfinite
from typing import Any, NoReturn

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from melanzana.access.permissions import Role
from melanzana.auth.issuer_keys import Jwk
from melanzana.auth.login_records import IdentityProvider
from melanzana.errors import InvalidTokenError

LEEWAY_SECONDS = 30
LONGEST_TOKEN = 16_384  #: characters; tokens of large directories carry many groups
ALGORITHMS: dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), RSAKey),
    **dict.fromkeys(("ES256", "ES384", "ES512"), ECKey),
    **dict.fromkeys(("EdDSA", "Ed25519"), OKPKey),
}
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
_FORM = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
#: `typ` of a header that may stand on an access or ID token; others mean something else.
_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt", "application/jwt", "id_token+jwt"})


def unverified(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, not yet believed. Errors: InvalidTokenError."""
    form = _FORM.fullmatch(token) if len(token) <= LONGEST_TOKEN else None
    if form is None:
        refuse("form")
    header, claims = _object(form.group(1)), _object(form.group(2))
    if "crit" in header or "b64" in header:
        refuse("crit")
    if header.get("alg") not in ALGORITHMS or str(header.get("typ", "JWT")).lower() not in _TYPES:
        refuse("header")
    return header, claims


def check_signature(token: str, header: Mapping[str, Any], key: Jwk | None) -> None:
    """Errors: InvalidTokenError."""
    algorithm = str(header["alg"])
    if key is None or not isinstance(key, ALGORITHMS[algorithm]):
        refuse("key")
    if isinstance(key, ECKey) and key.curve_name != _CURVES[algorithm]:
        refuse("curve")
    declared = key.as_dict(private=False).get("alg")
    if declared not in {None, algorithm} and {declared, algorithm} != {"EdDSA", "Ed25519"}:
        refuse("algorithm of the key")
    try:
        jws.deserialize_compact(token, key, algorithms=[algorithm])
    except (JoseError, ValueError, TypeError):
        refuse("signature")


def check_claims(claims: Mapping[str, Any], issuer: str, audience: str, now_seconds: float) -> None:
    """Issuer, audience and times; all must be there but `nbf` and `iat`. Errors: InvalidTokenError."""
    if claims.get("iss") != issuer:
        refuse("iss")
    named = claims.get("aud")
    if audience not in (named if isinstance(named, list) else [named]):
        refuse("aud")
    check_times(claims, now_seconds)
    if not isinstance(claims.get("sub"), str) or not 0 < len(claims["sub"]) <= 255:
        refuse("sub")


def check_times(claims: Mapping[str, Any], now_seconds: float) -> None:
    """Errors: InvalidTokenError."""
    if _number(claims, "exp") + LEEWAY_SECONDS <= now_seconds:
        refuse("expired")
    for name in ("nbf", "iat"):
        if name in claims and _number(claims, name) - LEEWAY_SECONDS > now_seconds:
            refuse(name)


def role_of(provider: IdentityProvider, *sources: Mapping[str, Any]) -> Role | None:
    """The highest role that the claim gives in the first source that has it; None: nothing here for this person."""
    for claims in sources:
        found = claim_at(claims, provider.role_claim)
        if found is not None:
            given = {provider.roles[value] for value in _values(found) if value in provider.roles}
            return Role.ADMIN if Role.ADMIN in given else next(iter(given), provider.default_role)
    return provider.default_role


def claim_at(claims: Mapping[str, Any], path: str) -> Any:
    """The claim of that name, else the one that the dots of the path lead to; None when there is none."""
    if path in claims:
        return claims[path]
    value: Any = claims
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]
    return value


def person_name(claims: Mapping[str, Any]) -> str:
    """What to call the person, by the first claim that says it."""
    for name in ("preferred_username", "name", "email", "sub"):
        value = claims.get(name)
        if isinstance(value, str) and value.strip():
            return value
    return ""


def refuse(check: str) -> NoReturn:
    error = InvalidTokenError("the access token is not valid; get a new one from your identity provider")
    error.add_note(f"failed check: {check}")
    raise error


def _values(found: Any) -> list[str]:
    """A claim may be one value, a list, or words divided by spaces."""
    if isinstance(found, str):
        return [found, *found.split(" ")]
    return [value for value in found if isinstance(value, str)] if isinstance(found, list) else []


def _object(part: str) -> dict[str, Any]:
    try:
        value = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode("utf-8"), object_pairs_hook=_distinct)
    except (ValueError, RecursionError):
        refuse("json")
    if not isinstance(value, dict):
        refuse("json")
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands twice")
    return members


def _number(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or not 0 <= value < 2**53:
        refuse(name)
    return float(value)

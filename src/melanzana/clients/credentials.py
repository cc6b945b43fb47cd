"""How client ids and client secrets look.

Ids have the product's form. A secret is 256 random bits in base62 behind a fixed prefix: secret scanners find it, no spreadsheet
takes it for a formula, and it reads the same raw and percent-encoded, because clients of Basic authentication do both.
"""

import secrets
from string import ascii_letters, digits
from uuid import uuid4

from melanzana.access.records import PrincipalKind

SECRET_PREFIX = "mlz_"  # noqa: S105 - a prefix, not a secret
_ALPHABET = digits + ascii_letters
_LENGTH = 43  #: 62 ** 43 > 2 ** 256

_ID_PREFIX = {
    PrincipalKind.API_CLIENT: "client:dai:api:integration:",
    PrincipalKind.AGENT: "client:dai:agent:",
}


def new_client_id(kind: PrincipalKind) -> str:
    return _ID_PREFIX[kind] + str(uuid4())


def new_client_secret() -> str:
    """Never chosen by people, so never guessable."""
    return SECRET_PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))

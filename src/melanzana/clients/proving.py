"""Whether what a caller presented proves that it is the client. Pure but for the digest of the master key.

`service.py` looks up the client and calls `refusal` with it, or with None: an unknown client costs the same digest and comparisons.
"""

import hmac
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from melanzana.clients import assertions, restrictions
from melanzana.clients.assertions import Assertion, RefusedAssertionError
from melanzana.clients.credentials import SECRET_PREFIX
from melanzana.clients.records import Client, ClientStatus, Credentials
from melanzana.realms.master_key import DUMMY_DIGEST, MasterKey

#: A client id in the log and the audit trail is cut here; ours are shorter.
LONGEST_CLIENT_ID = 255


class NotProvenError(Exception):
    """Why the caller is not believed: for log and audit, never for the caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """What a proof is judged by, beside the client itself."""

    credentials: Credentials
    address: str
    audiences: Collection[str]  #: what an assertion may name
    now: datetime


def secret_digest(master: MasterKey, client_id: str, secret: str) -> bytes:
    """What is stored of a secret; bound to its client, so that equal secrets do not look equal."""
    return master.digest(f"{client_id}\0{secret}")


def claimed_id(credentials: Credentials) -> str | None:
    """Who the caller says it is; nothing is believed yet."""
    if credentials.client_id is not None or credentials.assertion is None:
        return credentials.client_id
    return assertions.claimed_client(credentials.assertion)


def shown_id(client_id: str) -> str:
    """A claimed id for log and audit; somebody may have put a secret in its place."""
    return "(a secret)" if SECRET_PREFIX in client_id else client_id[:LONGEST_CLIENT_ID]


def prove(client: Client | None, hearing: Hearing, master: MasterKey) -> Assertion | None:
    """Believe the caller or raise NotProvenError; an Assertion in the answer must still be claimed, once."""
    if hearing.credentials.assertion is not None:
        return _by_assertion(client, hearing, hearing.credentials.assertion)
    _check_secret(client, hearing, master)
    return None


def _check_secret(client: Client | None, hearing: Hearing, master: MasterKey) -> None:
    secret = hearing.credentials.client_secret or ""
    presented = secret_digest(master, hearing.credentials.client_id or "", secret)
    digest, previous = _digests(client, hearing.now)
    right = hmac.compare_digest(presented, digest) | hmac.compare_digest(presented, previous)
    if client is None:
        raise NotProvenError("unknown client")
    if not right:
        raise NotProvenError("wrong secret" if secret else "no secret")
    _check_let_in(client, hearing)


def _digests(client: Client | None, now: datetime) -> tuple[bytes, bytes]:
    """Of the secret and, while both are good, of the one before; dummies in their place."""
    if client is None:
        return DUMMY_DIGEST, DUMMY_DIGEST
    both = client.previous_digest is not None and client.previous_until is not None and now < client.previous_until
    return client.secret_digest or DUMMY_DIGEST, client.previous_digest if both and client.previous_digest else DUMMY_DIGEST


def _by_assertion(client: Client | None, hearing: Hearing, assertion: str) -> Assertion:
    credentials = hearing.credentials
    if credentials.assertion_type != assertions.ASSERTION_TYPE:
        raise NotProvenError("client_assertion_type is another one")
    if client is None:
        raise NotProvenError("unknown client")
    try:
        believed = assertions.verify(assertion, client.client_id, client.public_keys, hearing.audiences, hearing.now.timestamp())
    except RefusedAssertionError as error:
        raise NotProvenError(f"assertion: {error}") from None
    _check_let_in(client, hearing)
    return believed


def _check_let_in(client: Client, hearing: Hearing) -> None:
    status = client.status(hearing.now)
    if status is not ClientStatus.ACTIVE:
        raise NotProvenError(f"client is {status}")
    if not restrictions.admits(client.allowed_addresses, hearing.address):
        raise NotProvenError("address is not allowed")

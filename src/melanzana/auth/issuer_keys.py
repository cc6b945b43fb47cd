"""Fetches what a configured issuer publishes: its metadata and its keys, with limits on every side.

`external.py` and `external_login.py` ask, and only for issuers that an operator configured. https everywhere except on a loopback
address; no redirects; small answers; short waits. Keys are kept for an hour, and asked for again at most once a minute when a token
names one that is not known, so hostile tokens cannot make us a hammer. When the issuer is down, the keys we have stay good a day.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from melanzana.clock import Clock
from melanzana.errors import UnavailableError

LONGEST_ANSWER_BYTES = 512 * 1024
TIMEOUT_SECONDS = 5.0
FRESH_SECONDS = 3_600.0
#: When the issuer does not answer, its known keys are believed this long.
STALE_SECONDS = 86_400.0
#: Between two questions for the same issuer's keys.
PAUSE_SECONDS = 60.0
_WELL_KNOWN = "/.well-known/openid-configuration"
_TYPES: dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_LEAST_RSA_BITS = 2_048
_log = structlog.get_logger("melanzana.auth")
Jwk = RSAKey | ECKey | OKPKey


def trusted_address(url: str) -> bool:
    """Whether secrets and keys may travel there: https, or http on this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return False
    if parts.username is not None or parts.fragment or not host:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass
class _Known:
    """What is known of one issuer, and since when (monotonic seconds)."""

    metadata: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, Jwk] = field(default_factory=dict)
    fetched: float | None = None
    asked: float | None = None
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


class IssuerKeys:
    """Metadata and keys of issuers, kept in memory."""

    def __init__(self, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._clock = clock
        self._transport = transport
        self._known: dict[str, _Known] = {}

    async def metadata(self, issuer: str) -> Mapping[str, Any]:
        """The discovery document. Errors: UnavailableError when the issuer cannot be asked or answers nonsense."""
        known = await self._refreshed(issuer, self._age_over(issuer, FRESH_SECONDS))
        return known.metadata

    async def key(self, issuer: str, kid: str | None) -> Jwk | None:
        """The key of that id; without an id, the only key. None when the issuer has none such, as far as may be asked now."""
        known = await self._refreshed(issuer, self._age_over(issuer, FRESH_SECONDS))
        found = _choose(known.keys, kid)
        if found is None and self._may_ask(known):
            found = _choose((await self._refreshed(issuer, True)).keys, kid)
        return found

    def client(self) -> httpx.AsyncClient:
        """An HTTP client with our limits; for the caller to close."""
        return httpx.AsyncClient(
            transport=self._transport, timeout=TIMEOUT_SECONDS, follow_redirects=False, headers={"Accept": "application/json"}
        )

    def _age_over(self, issuer: str, seconds: float) -> bool:
        fetched = self._known.setdefault(issuer, _Known()).fetched
        return fetched is None or self._clock.monotonic() - fetched > seconds

    def _may_ask(self, known: _Known) -> bool:
        return known.asked is None or self._clock.monotonic() - known.asked >= PAUSE_SECONDS

    async def _refreshed(self, issuer: str, due: bool) -> _Known:
        known = self._known.setdefault(issuer, _Known())
        if due:
            async with known.asking:
                if self._may_ask(known):
                    await self._ask(issuer, known)
        if known.fetched is None or self._age_over(issuer, STALE_SECONDS):
            raise UnavailableError(f"the identity provider {issuer} does not answer")
        return known

    async def _ask(self, issuer: str, known: _Known) -> None:
        known.asked = self._clock.monotonic()
        try:
            async with self.client() as http, asyncio.timeout(2 * TIMEOUT_SECONDS):
                metadata = await fetch_json(http, issuer.rstrip("/") + _WELL_KNOWN)
                if metadata.get("issuer") != issuer:
                    raise ValueError(f"it calls itself {str(metadata.get('issuer'))[:200]!r}")
                keys = _read_keys(await fetch_json(http, str(metadata.get("jwks_uri"))))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, TimeoutError) as error:
            _log.warning("identity provider cannot be asked", issuer=issuer, error=f"{type(error).__name__}: {error}"[:300])
            return
        known.metadata, known.keys, known.fetched = metadata, keys, self._clock.monotonic()


async def fetch_json(http: httpx.AsyncClient, url: str, **options: Any) -> dict[str, Any]:
    """A small JSON object from a trusted address. Errors: ValueError, httpx.HTTPError."""
    if not trusted_address(url):
        raise ValueError(f"{url[:200]!r} is neither https nor on this machine")
    async with http.stream(options.pop("method", "GET"), url, **options) as answer:
        content = bytearray()
        async for part in answer.aiter_bytes():
            content += part
            if len(content) > LONGEST_ANSWER_BYTES:
                raise ValueError(f"{url} answers more than {LONGEST_ANSWER_BYTES} bytes")
    if answer.status_code != 200:
        raise ValueError(f"{url} answered {answer.status_code}")
    try:
        value = json.loads(bytes(content))
    except RecursionError:
        raise ValueError(f"{url} does not answer JSON") from None
    if not isinstance(value, dict):
        raise ValueError(f"{url} does not answer an object")
    return value


def _choose(keys: Mapping[str, Jwk], kid: str | None) -> Jwk | None:
    if kid is not None:
        return keys.get(kid)
    return next(iter(keys.values())) if len(keys) == 1 else None


def _read_keys(document: Mapping[str, Any]) -> dict[str, Jwk]:
    """The public signature keys; one that cannot be read is no reason to lose the others."""
    keys: dict[str, Jwk] = {}
    members = document.get("keys")
    for number, member in enumerate(members if isinstance(members, list) else []):
        if isinstance(member, dict) and member.get("use", "sig") == "sig" and member.get("kty") in _TYPES:
            try:
                key = _TYPES[member["kty"]].import_key({name: value for name, value in member.items() if name not in _PRIVATE})
            except (JoseError, ValueError, TypeError):
                continue
            if not isinstance(key, RSAKey) or key.public_key.key_size >= _LEAST_RSA_BITS:
                keys[str(member.get("kid", f"#{number}"))] = key
    if not keys:
        raise ValueError("it publishes no key that we can use")
    return keys


_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

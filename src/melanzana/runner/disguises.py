"""The forms in which a secret may turn up in what action code prints: as it is, quoted, URL-encoded, in base64, in hexadecimal.

`masking.py` looks for all of them. A base64 form is what every base64 text shows that has the secret somewhere inside, so the
`Authorization` header of a user and a password is found by the password alone; its first and last character may tell other bits and
are left out.
"""

import base64
import html
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

#: A secret of fewer characters than this is not masked: it would take half of every log with it.
SHORTEST = 4
#: Of a secret of several lines, a line of so many characters is a secret, too.
_LINE = 12
#: Fields of a connection whose values are secret, whatever its type; `suts/connections.py` seals the same.
SECRET_FIELDS = frozenset({"password", "token", "secret_headers", "secrets"})
#: Environment variables whose values are taken for secrets.
_SECRET_NAME = re.compile(r"PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY", re.IGNORECASE)
#: But not these: where a secret is, how it is called, whether there is one.
_BESIDE_SECRETS = re.compile(r"_(FILE|PATH|DIR|URL|URI|NAME|ID|TYPE|ENABLED|SECONDS)$", re.IGNORECASE)
_NO_SECRETS = frozenset({"true", "false", "none", "null"})
_BREAK = re.compile(r"[\r\n]+[ \t]*")


def without_breaks(text: str) -> str:
    """`text` on one line: line ends and the indentation after them are left out."""
    return _BREAK.sub("", text)


def break_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where the parts are that `without_breaks` leaves out."""
    return (found.span() for found in _BREAK.finditer(text))


def secrets_of(sut: Mapping[str, Any] | None, environment: Mapping[str, str]) -> frozenset[str]:
    """What must not be shown of a run: the secrets of its system under test, and variables that are called like secrets."""
    found = {value for name, value in environment.items() if _SECRET_NAME.search(name) and not _BESIDE_SECRETS.search(name)}
    for connection in () if sut is None else sut.get("connections", ()):
        for name in SECRET_FIELDS & connection.keys():
            found.update(_texts(connection[name]))
        found.update(_in_address(str(connection.get("url", ""))))
    return frozenset(secret for secret in found if len(secret) >= SHORTEST and secret.lower() not in _NO_SECRETS)


def disguises(secret: str) -> frozenset[str]:
    """Every form of `secret` on one line; none has fewer than `SHORTEST` characters."""
    parts = [secret, *(line.strip() for line in secret.splitlines() if len(line.strip()) >= _LINE)]
    forms = {form for part in parts for form in (*_as_text(part), *_as_bytes(part.encode("utf-8", "surrogatepass")))}
    return frozenset(flat for form in forms if len(flat := without_breaks(form)) >= SHORTEST)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def _in_address(url: str) -> set[str]:
    """The password of `http://user:password@host/`, as it is written and as it is meant."""
    try:
        password = urlsplit(url).password
    except ValueError:
        return set()
    return set() if password is None else {password, unquote(password)}


def _as_text(secret: str) -> Iterable[str]:
    encoded = secret.encode("utf-8", "surrogatepass")
    urls = {quote(encoded, safe=""), quote(encoded), quote_plus(encoded)}
    lower = {re.sub(r"%[0-9A-F]{2}", lambda found: found.group().lower(), url) for url in urls}
    quoted = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1], repr(encoded)[2:-1]}
    return {secret, *urls, *lower, *quoted, html.escape(secret), html.escape(secret, quote=False)}


def _as_bytes(secret: bytes) -> Iterator[str]:
    yield secret.hex()
    yield secret.hex().upper()
    for before in range(3):
        first, last = math.ceil(before * 8 / 6), (before + len(secret)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(bytes(before) + secret).decode()[first:last]

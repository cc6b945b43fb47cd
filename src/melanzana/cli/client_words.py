"""What `melanzana client` reads from its options and shows of a client, in lines that fit 80 columns with every id whole."""

import textwrap
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from melanzana.errors import RequestError, SettingsError

if TYPE_CHECKING:
    from melanzana.clients.records import Client, KeySet

_WIDTH = 80
#: An id of ours has 63 characters; what follows it stands in a column of its own.
_ID_COLUMN = 65
_UNITS = {"d": 1, "w": 7, "y": 365}


def read_expiry(text: str, now: datetime) -> datetime | None:
    """`never`, `90d`, `12w`, `1y`, a date (from its beginning, UTC) or an instant with a zone. Errors: SettingsError."""
    if text == "never":
        return None
    if text[:-1].isascii() and text[:-1].isdigit() and text[-1:] in _UNITS and len(text) <= 5:
        return now + timedelta(days=int(text[:-1]) * _UNITS[text[-1]])
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC) if len(text) <= 10 else datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"--expires {text}: write never, 90d, 12w, 1y, 2027-01-31 or 2027-01-31T12:00:00Z") from None


def read_key_file(path: Path) -> "KeySet":
    """Errors: SettingsError when the file cannot be read; RequestError when it holds no public key."""
    from melanzana.clients.public_keys import read_public_keys

    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"--public-key {path}: {getattr(error, 'strerror', None) or 'it is no text'}") from None
    try:
        return read_public_keys(text)
    except RequestError as error:
        raise SettingsError(f"--public-key {path}: {error.message.removeprefix('public_keys: ')}") from None


def list_lines(clients: "list[Client]", now: datetime) -> list[str]:
    """Two lines a client: its id and state, then what it is for and when it was used."""
    lines = [f"{'client_id':<{_ID_COLUMN}}state"]
    for client in clients:
        lines.append(f"{client.client_id:<{_ID_COLUMN}}{client.status(now)}")
        lines += _wrapped(f"{client.name} · {_rights(client)} · last token {_used(client)} · expires {_instant(client.expires_at)}")
    return lines if clients else ["no API clients; make one: melanzana client create --name ci --csv ci.csv"]


def show_lines(client: "Client", now: datetime) -> list[str]:
    """Everything that is kept of a client, but for its digests."""
    from melanzana.clients.public_keys import key_ids

    proofs = ["secret"] * bool(client.secret_digest) + [f"key {kid}" for kid in key_ids(client.public_keys)]
    grace = client.previous_until is not None and client.previous_until > now
    rows = {
        "client_id": client.client_id,
        "name": client.name,
        "description": client.description or "-",
        "state": f"{client.status(now)}{f' {_instant(client.revoked_at)}' if client.revoked_at else ''}",
        "rights": _rights(client),
        "proof": ", ".join(proofs),
        **({"old secret": f"works until {_instant(client.previous_until)}"} if grace else {}),
        "addresses": ", ".join(client.allowed_addresses) or "any",
        "created": f"{_instant(client.created_at)} by {client.created_by}",
        "expires": _instant(client.expires_at),
        "last token": _used(client),
    }
    return [line for name, value in rows.items() for line in _wrapped(value, f"{name:<13}", " " * 13)]


def _wrapped(text: str, first: str = "  ", later: str = "  ") -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=first, subsequent_indent=later, break_long_words=False, break_on_hyphens=False
    )


def _rights(client: "Client") -> str:
    return "full rights" if client.scopes is None else " ".join(sorted(client.scopes))


def _used(client: "Client") -> str:
    source = f" from {client.last_used_address}" if client.last_used_address else ""
    return f"{_instant(client.last_used_at)}{source}"


def _instant(instant: datetime | None) -> str:
    return "never" if instant is None else f"{instant:%Y-%m-%d %H:%M}"

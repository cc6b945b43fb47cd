"""The file of credentials that the page offers once, and the ticket that stands for it in between.

The page that shows a new secret carries a ticket: the file's content, sealed with the master key for one browser session and ten
minutes. Pressing Download sends it back, `service.py` claims it, and it is never good again. So the server holds no secret between
the two requests, neither in memory nor in the database, and any process can answer the second (ADR 0012).
"""

import csv
import io
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from melanzana.clients.records import CreatedClient
from melanzana.errors import NotFoundError, SettingsError
from melanzana.realms.master_key import MasterKey

LIFETIME = timedelta(minutes=10)
CSV_HEADER = ("client_id", "client_secret", "token_url")
#: What spreadsheets take for the start of a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_LONGEST_TICKET = 8_192


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """An opened ticket."""

    created: CreatedClient
    expires_at: datetime
    digest: bytes  #: what is noted when it is used


def sealed_ticket(created: CreatedClient, session_id: str, now: datetime, master: MasterKey) -> str:
    """A ticket for this file that only this session can use."""
    content = {"created": asdict(created), "expires_at": (now + LIFETIME).isoformat()}
    return urlsafe_b64encode(master.seal(json.dumps(content).encode(), _purpose(session_id))).decode()


def open_ticket(ticket: str, session_id: str, master: MasterKey) -> Ticket:
    """Errors: NotFoundError when it is no ticket of this session."""
    try:
        sealed = urlsafe_b64decode(ticket[:_LONGEST_TICKET].encode())
        content = json.loads(master.open(sealed, _purpose(session_id)))
    except (ValueError, SettingsError):
        raise NotFoundError("there is no such file of credentials in this session") from None
    expires_at = datetime.fromisoformat(content["expires_at"])
    return Ticket(created=CreatedClient(**content["created"]), expires_at=expires_at, digest=sha256(sealed).digest())


def credentials_csv(created: CreatedClient) -> str:
    """Header and one row. The secret leaves it empty for a client that has none."""
    file = io.StringIO()
    row = (created.client_id, created.client_secret, created.token_url)
    csv.writer(file, lineterminator="\n").writerows([CSV_HEADER, [formula_safe(cell) for cell in row]])
    return file.getvalue()


def file_name(name: str) -> str:
    """A name for the file that no shell, path or header can misread."""
    kept = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "-" for letter in name)
    return f"{kept.strip('-')[:60] or 'client'}.csv"


def formula_safe(cell: str) -> str:
    """The cell, with a quote before what a spreadsheet would run."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def _purpose(session_id: str) -> str:
    return f"melanzana credentials file for session {session_id}"

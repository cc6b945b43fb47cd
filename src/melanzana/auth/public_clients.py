"""The two programs that people log in with: our own pages and our own command line.

They are public clients (RFC 6749 section 2.1): they hold no secret, so every request proves itself by PKCE (RFC 7636), and a code
goes only to an address that is theirs. They are built in, not stored; nobody can change where their codes go. `login.py` asks what
each may do, `service.py` recognises their tokens by `azp`.
"""

import re
from dataclasses import dataclass
from datetime import timedelta

#: `http://127.0.0.1:{port}/callback` (RFC 8252 section 7.3); a name such as localhost may be anybody's.
_LOOPBACK_REDIRECT = re.compile(r"http://127\.0\.0\.1:([1-9][0-9]{0,4})/callback")
_LARGEST_PORT = 65_535
#: Path of the pages' own redirect, below the public address.
WEB_CALLBACK_PATH = "/login/callback"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicClient:
    """A built-in client of the authorization endpoint."""

    client_id: str
    name: str  #: as the login page and the list of sessions show it
    refresh_idle: timedelta  #: a refresh token that is not used dies after this
    refresh_longest: timedelta  #: a login ends after this, however busy
    native: bool  #: runs on a person's machine, receives its code on a loopback port, has a session of its own


WEB = PublicClient(
    client_id="melanzana-web",
    name="Melanzana",
    refresh_idle=timedelta(minutes=30),
    refresh_longest=timedelta(hours=12),
    native=False,
)
CLI = PublicClient(
    client_id="melanzana-cli",
    name="Melanzana command line",
    refresh_idle=timedelta(days=30),
    refresh_longest=timedelta(days=180),
    native=True,
)
PUBLIC_CLIENTS: dict[str, PublicClient] = {client.client_id: client for client in (WEB, CLI)}


def public_client(client_id: str | None) -> PublicClient | None:
    """The built-in client of that id; None when it is not one."""
    return PUBLIC_CLIENTS.get(client_id or "")


def redirect_allowed(client: PublicClient, redirect_uri: str, base_url: str) -> bool:
    """Whether a code of this client may go there: compared as text, never normalised."""
    if not client.native:
        return redirect_uri == base_url + WEB_CALLBACK_PATH
    form = _LOOPBACK_REDIRECT.fullmatch(redirect_uri)
    return form is not None and int(form.group(1)) <= _LARGEST_PORT

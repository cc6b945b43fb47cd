"""The system under test of this example: a small shop with a catalogue, a basket, a login and a checkout, on loopback.

    python examples/webshop/server.py                        # prints its URL, ends on SIGTERM or Ctrl-C
    python examples/webshop/server.py --fault double-charge  # the same shop with one planted fault
    python examples/webshop/server.py --list-faults

Baskets and logins live in memory, one for each browser's cookie. Everybody logs in with the password `lamp`.
"""

import argparse
import secrets
import signal
import sys
from dataclasses import dataclass
from html import escape
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NoReturn
from urllib.parse import parse_qs

PASSWORD = "lamp"
PRICE = 10
MOST = 3
#: Name and what it does.
FAULTS = {
    "double-charge": "who took a lamp out of the basket again is charged for it all the same",
    "lost-basket": "logging in empties the basket",
    "any-password": "every password is good",
}
STYLE = """
body { font: 17px/1.5 system-ui, sans-serif; margin: 0; background: #f6f4ef; color: #23202b; }
header { background: #4a2d6b; color: #fff; padding: 14px 28px; display: flex; gap: 24px; align-items: baseline; }
header a { color: #e9ddf7; } main { padding: 24px 28px; } h1 { margin: 0 0 14px; }
button { font: inherit; padding: 6px 18px; border: 0; border-radius: 6px; background: #4a2d6b; color: #fff; }
section { background: #fff; border-radius: 10px; padding: 18px 22px; max-width: 460px; }
label { display: block; margin-bottom: 10px; }
[role=alert] { color: #a3260b; font-weight: 600; }
"""


@dataclass
class Visit:
    """What the shop knows of one browser."""

    lamps: int = 0
    removed: int = 0
    name: str = ""


class Shop(ThreadingHTTPServer):
    """The shop's state, and its fault."""

    daemon_threads = True

    def __init__(self, port: int, fault: str | None) -> None:
        super().__init__(("127.0.0.1", port), Pages)
        self.fault = fault
        self.visits: dict[str, Visit] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    def add(self, visit: Visit) -> str:
        visit.lamps = min(visit.lamps + 1, MOST)
        return "/"

    def remove(self, visit: Visit) -> str:
        visit.removed += visit.lamps > 0
        visit.lamps = max(visit.lamps - 1, 0)
        return "/basket"

    def log_in(self, visit: Visit, form: dict[str, str]) -> str:
        if form.get("password") != PASSWORD and self.fault != "any-password":
            return "/login?wrong"
        visit.name = form.get("name") or "somebody"
        if self.fault == "lost-basket":
            visit.lamps = 0
        return "/"

    def check_out(self, visit: Visit) -> str:
        if not visit.name:
            return "/login"
        charged = visit.lamps + (visit.removed if self.fault == "double-charge" else 0)
        visit.lamps = visit.removed = 0
        return f"/receipt?{charged}"


class Pages(BaseHTTPRequestHandler):
    """Shows the shop's pages and takes its forms; an answer to a form leads on to a page."""

    server: Shop

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        visit = self._visit()
        show = {"/": self._catalogue, "/basket": self._basket, "/login": self._login, "/receipt": self._receipt}.get(path)
        if show is None:
            self._send(404, "Not found", "<p>There is nothing here.</p>", visit)
        else:
            show(visit, query)

    def do_POST(self) -> None:
        visit = self._visit()
        sent = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        form = {name: values[0] for name, values in parse_qs(sent).items()}
        shop = self.server
        forms = {
            "/add": lambda: shop.add(visit),
            "/remove": lambda: shop.remove(visit),
            "/login": lambda: shop.log_in(visit, form),
            "/logout": lambda: _log_out(visit),
            "/checkout": lambda: shop.check_out(visit),
        }
        take = forms.get(self.path)
        self.send_response(303 if take else 404)
        self.send_header("Location", take() if take else "/")
        self._end(b"")

    def log_message(self, *_arguments: object) -> None:
        """The run's log says enough."""

    # ---- pages

    def _catalogue(self, visit: Visit, _query: str) -> None:
        room = "" if visit.lamps < MOST else " disabled"
        text = f"<section><h2>Lamp</h2><p>{PRICE} euros.</p>{_form('/add', 'Add to basket', room)}</section>"
        self._send(200, "Catalogue", text, visit)

    def _basket(self, visit: Visit, _query: str) -> None:
        text = f"<p role=status>{_lamps(visit.lamps)}, {visit.lamps * PRICE} euros</p>"
        if visit.lamps:
            text += _form("/remove", "Take one out") + _form("/checkout", "Check out")
        self._send(200, "Basket", f"<section>{text}</section>", visit)

    def _login(self, visit: Visit, query: str) -> None:
        wrong = "<p role=alert>This password is wrong.</p>" if query == "wrong" else ""
        fields = "<label>Name <input name=name></label><label>Password <input name=password type=password></label>"
        self._send(
            200,
            "Log in",
            f"<section>{wrong}<form method=post action=/login>{fields}<button>Log in</button></form></section>",
            visit,
        )

    def _receipt(self, visit: Visit, query: str) -> None:
        count = int(query) if query.isdigit() else 0
        text = (
            f"<section><p role=status>{_lamps(count)}, {count * PRICE} euros</p><p>Thank you, {escape(visit.name)}.</p></section>"
        )
        self._send(200, "Receipt", text, visit)

    # ---- sending

    def _visit(self) -> Visit:
        cookie = SimpleCookie(self.headers.get("cookie", "")).get("visit")
        self._cookie = cookie.value if cookie else secrets.token_urlsafe(12)
        return self.server.visits.setdefault(self._cookie, Visit())

    def _send(self, status: int, title: str, text: str, visit: Visit) -> None:
        who = f"<span>{escape(visit.name)}</span>{_form('/logout', 'Log out')}" if visit.name else '<a href="/login">Log in</a>'
        head = f'<header><a href="/">Lamps</a><a href="/basket">Basket</a>{who}</header>'
        body = f"{head}<main><h1>{title}</h1>{text}</main>"
        page = f"<!doctype html><html lang=en><title>{title}</title><style>{STYLE}</style>{body}</html>"
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self._end(page.encode())

    def _end(self, body: bytes) -> None:
        self.send_header("Set-Cookie", f"visit={self._cookie}; HttpOnly; SameSite=Lax; Path=/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _form(action: str, label: str, disabled: str = "") -> str:
    return f"<form method=post action={action}><button{disabled}>{label}</button></form>"


def _lamps(count: int) -> str:
    return f"{count} lamp{'' if count == 1 else 's'}"


def _log_out(visit: Visit) -> str:
    visit.name = ""
    return "/"


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    if options.list_faults:
        width = max(map(len, FAULTS))
        print("\n".join(f"{name:<{width}}  {summary}" for name, summary in FAULTS.items()))
        return 0
    signal.signal(signal.SIGTERM, _interrupt)
    shop = Shop(options.port, options.fault)
    try:
        print(shop.url, flush=True)
        if options.ready_file:
            options.ready_file.write_text(shop.url, "utf-8")
        shop.serve_forever()
    except KeyboardInterrupt:
        return 0
    finally:
        shop.server_close()
    return 0


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A small web shop on loopback.")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--fault", choices=list(FAULTS), help="plant this fault")
    parser.add_argument("--list-faults", action="store_true", help="list the faults and end")
    parser.add_argument("--ready-file", type=Path, help="write the URL here once the server answers")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

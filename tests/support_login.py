"""A person without a browser: follows redirects, reads forms out of pages, fills them in and sends them, as HTML says."""

import subprocess
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import httpx

from support_server import MELANZANA, PATIENCE_SECONDS

#: Long enough for the rules, and found wherever it should not be.
PASSWORD = "canary-password-violet-anchor-41"


def create_user(data: Path, username: str, role: str = "admin", password: str = PASSWORD) -> None:
    """What an operator does on the server's machine."""
    command = [*MELANZANA, "users", "create", username, "--role", role, "--password-stdin", "--data", str(data)]
    subprocess.run(command, input=password, text=True, capture_output=True, check=True, timeout=PATIENCE_SECONDS)


@dataclass
class Form:
    """One form of a page: where it goes, how, and what it carries before anybody types."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)


class _Forms(HTMLParser):
    """The forms of a page with the values that a browser would send untouched."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._inside = False
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get").upper()))
            self._inside = True
        elif self._inside:
            self._field(tag, given)

    def _field(self, tag: str, given: dict[str, str]) -> None:
        form, name = self.forms[-1], given.get("name", "")
        if name:
            form.names.add(name)
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in given or self._select not in form.values):
            form.values[self._select] = given.get("value", "")
        elif tag == "textarea" and name:
            form.values[name] = ""
        elif tag == "input" and name and (given.get("type") not in {"checkbox", "radio"} or "checked" in given):
            form.values[name] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "select":
            self._select = ""


class Person:
    """Cookies and the page in front of it."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=30, headers={"Accept": "text/html"})
        self.answers: list[httpx.Response] = []

    def __enter__(self) -> "Person":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def open(self, address: str) -> httpx.Response:
        """The page at the end of all redirects on this server; a redirect away from it is returned as it is."""
        return self._arrive(self.http.get(address))

    def submit(self, page: httpx.Response, *, by: str, **typed: str) -> httpx.Response:
        """Fill in the form of that page that has a field `by`, and send it."""
        parser = _Forms()
        parser.feed(page.text)
        fitting = [form for form in parser.forms if by in form.names]
        assert fitting, f"no form with a field {by} on {page.url}: {page.status_code} {page.text[:2000]}"
        form = fitting[0]
        values = form.values | typed
        address = urljoin(str(page.url), form.action)
        if form.method == "GET":
            return self._arrive(self.http.get(address, params=values))
        return self._arrive(
            self.http.post(address, data=values, headers={"Origin": f"{page.url.scheme}://{page.url.netloc.decode()}"})
        )

    def log_in(self, address: str, username: str, password: str = PASSWORD) -> httpx.Response:
        """Open an address that asks for a login, and log in."""
        return self.submit(self.open(address), by="password", username=username, password=password)

    def _arrive(self, answer: httpx.Response) -> httpx.Response:
        for _ in range(10):
            self.answers.append(answer)
            if not answer.has_redirect_location:
                return answer
            target = answer.url.join(answer.headers["location"])
            if target.netloc != answer.url.netloc:
                return answer
            answer = self.http.get(target)
        raise AssertionError(f"redirected without end at {answer.url}")

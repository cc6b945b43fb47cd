"""How a room shows a page: its templates over the shared layout, with the headers that every page carries.

A room's `pages.py` gets one `Pages` from the route table, and its templates lie in `<room>/templates/<room>/`. What a template
always has: `visitor` (who is logged in, or None), `csrf_token`, `path`, `version`, `done` (the word of `?done=`, for `ui.told`),
`ui` (the macros), `asset` and `integrity`, and the filters `ago`, `utc`, `iso` (of instants), `instant` (of epoch seconds) and
`duration`. What it is given is escaped; a name that it is not given is an error.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from melanzana.clock import Clock, SystemClock
from melanzana.version import __version__
from melanzana.web import assets, instants

#: What a page may load and do: its own files, nothing inline, nothing from elsewhere.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
#: What must be escaped in a `pattern` attribute to mean itself; browsers refuse a pattern with needless escapes.
_SYNTAX = re.compile(r"[\^$\\.*+?()\[\]{}|/]")
#: What every template has from the environment; a value of the same name would hide it in the layout, too.
_OUR_GLOBALS = {"asset", "integrity", "version", "ui"}
PAGE_HEADERS = {"Content-Security-Policy": CONTENT_POLICY, "Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NavigationItem:
    """One link of the header; shown to those who have the permission word (None: everybody who is logged in)."""

    title: str
    href: str
    scope: str | None = None
    group: str | None = None  #: the menu it stands in, such as System
    key: str = ""  #: the letter that follows `g`
    summary: str = ""  #: one line on the home page


class Pages:
    """Renders the templates of the shared layout and of the rooms named."""

    def __init__(self, packages: Sequence[str], navigation: Sequence[NavigationItem] = (), *, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._navigation = tuple(navigation)
        self._environment = Environment(
            loader=FileSystemLoader([_templates(package) for package in ("melanzana.web", *packages)]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._furnish(self._environment)

    def _furnish(self, environment: Environment) -> None:
        environment.filters |= {
            "ago": lambda instant: instants.ago(instant, self._clock.now()),
            "utc": instants.utc,
            "iso": instants.iso,
            "duration": instants.duration,
            "instant": lambda seconds: datetime.fromtimestamp(seconds, UTC),
            "literal": _literal,
        }
        environment.tests["current"] = _is_here
        environment.globals |= {"asset": assets.asset, "integrity": assets.integrity, "version": __version__}
        environment.globals["ui"] = environment.get_template("web/macros.html").module

    def navigation(self, visitor: Any) -> list[NavigationItem]:
        """The links that this visitor may follow; none for a stranger."""
        scopes = visitor.principal.scopes if visitor else frozenset()
        return [item for item in self._navigation if visitor and (item.scope is None or item.scope in scopes)]

    def render(
        self,
        request: Request,
        template: str,
        *,
        visitor: Any = None,
        status: int = 200,
        headers: dict[str, str] | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """The page. `visitor`: a `Visitor` (access room), or None for a stranger."""
        shown = self.navigation(visitor)
        path = request.url.path
        known = {
            "request": request,
            "path": path,
            "visitor": visitor,
            "csrf_token": visitor.csrf_token if visitor else "",
            "navigation": shown,
            "menus": [(group, list(items)) for group, items in groupby(shown, key=lambda item: item.group)],
            "trail": _trail(shown, path, asked=request.method == "GET"),
            "done": request.query_params.get("done", ""),
            "without_login": False,
        }
        taken = _OUR_GLOBALS & values.keys()
        if taken:
            raise ValueError(f"{template} is given {', '.join(sorted(taken))}: every template has these names already")
        text = self._environment.get_template(template).render(known | values)
        return HTMLResponse(text, status, {**PAGE_HEADERS, **(headers or {})})

    def text(self, template: str, **values: Any) -> str:
        """A part of a page, the same for everybody."""
        return self._environment.get_template(template).render(values)


def _literal(text: str) -> str:
    """A pattern that this text matches and no other."""
    return _SYNTAX.sub(r"\\\g<0>", text)


def _templates(package: str) -> str:
    return str(Path(str(import_module(package).__file__)).parent / "templates")


def _is_here(item: NavigationItem, path: str) -> bool:
    return path == item.href or path.startswith(f"{item.href}/")


def _trail(shown: Sequence[NavigationItem], path: str, *, asked: bool) -> list[tuple[str, str | None]]:
    """Where the page stands: the menu and the list it belongs to; nothing for a page that the header itself leads to.

    `asked`: the page was asked for; the answer to a form stands below the list that it was sent to.
    """
    here = next((item for item in shown if _is_here(item, path)), None)
    if here is None or (here.group is None and here.href == path):
        return []
    menu: list[tuple[str, str | None]] = [(here.group, None)] if here.group else []
    return [*menu, (here.title, None if asked and path == here.href else here.href)]

"""How a room shows a page: its templates over the shared layout, with the headers that every page carries.

A room's `pages.py` gets one `Pages` from the route table, and its templates lie in `<room>/templates/<room>/`. What a template
always has: `visitor` (who is logged in, or None), `navigation`, `csrf_token`, `version`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from melanzana.version import __version__

#: What a page may load and do: its own files, nothing inline, nothing from elsewhere.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
PAGE_HEADERS = {"Content-Security-Policy": CONTENT_POLICY, "Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class NavigationItem:
    """One link of the header; shown to those who have the permission word (None: everybody who is logged in)."""

    title: str
    href: str
    scope: str | None = None
    group: str | None = None  #: the menu it stands in, such as System


class Pages:
    """Renders the templates of the shared layout and of the rooms named."""

    def __init__(self, packages: Sequence[str], navigation: Sequence[NavigationItem] = ()) -> None:
        loaders = [PackageLoader(package) for package in ("melanzana.web", *packages)]
        self._environment = Environment(loader=ChoiceLoader(loaders), autoescape=True, undefined=StrictUndefined)
        self._navigation = tuple(navigation)

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
        scopes = visitor.principal.scopes if visitor else frozenset()
        shown = [item for item in self._navigation if visitor and (item.scope is None or item.scope in scopes)]
        text = self._environment.get_template(template).render(
            request=request,
            path=request.url.path,
            visitor=visitor,
            csrf_token=visitor.csrf_token if visitor else "",
            navigation=shown,
            version=__version__,
            **values,
        )
        return HTMLResponse(text, status, {**PAGE_HEADERS, **(headers or {})})

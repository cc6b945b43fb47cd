"""System > Settings: what the server runs with, where each value comes from, and what it means. Shown, not changed."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Visitor
from melanzana.server.settings import ENVIRONMENT_PREFIX, ServerSettings
from melanzana.web import tables
from melanzana.web.pages import Pages

PAGE = "/system/settings"
COLUMNS = ("setting", "value", "source", "meaning")


def router(settings: ServerSettings, gate: Gate, pages: Pages) -> APIRouter:
    """The page and its files; for administrators."""
    routes = APIRouter(include_in_schema=False)
    may_read = Annotated[Visitor, Depends(gate.page(Scope.REALMS_MANAGE))]

    @routes.get(PAGE, response_class=HTMLResponse)
    async def shown(request: Request, visitor: may_read) -> Response:
        return pages.render(
            request, "web/settings.html", visitor=visitor, rows=_rows(settings), prefix=ENVIRONMENT_PREFIX, files=tables.links(PAGE)
        )

    @routes.get(PAGE + ".{form}")
    async def save(_visitor: may_read, form: str) -> Response:
        return tables.file_of("settings", form, COLUMNS, tables.at_once(_rows(settings)))

    return routes


def _rows(settings: ServerSettings) -> list[dict[str, str]]:
    """Values that may hold a password are only said to be set."""
    rows = []
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        hidden = not field.repr and value is not None
        rows.append(
            {
                "setting": name,
                "value": "set (not shown)" if hidden else "" if value is None else str(value),
                "source": settings.source_of(name),
                "meaning": field.description or "",
            }
        )
    return rows

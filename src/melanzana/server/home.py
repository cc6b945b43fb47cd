"""The pages that belong to no room: home, and what this server is made of.

Home shows what the person may open, in the order of the header; about shows version, licences and health, to be copied into a
report.
"""

import platform
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import text

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import PrincipalKind, Visitor
from melanzana.clients.service import ClientService
from melanzana.errors import MelanzanaError
from melanzana.storage.database import Database
from melanzana.version import __version__
from melanzana.web.assets import vendored
from melanzana.web.pages import Pages


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeRooms:
    """What these pages ask."""

    gate: Gate
    database: Database
    clients: ClientService
    base_url: str


def router(pages: Pages, rooms: HomeRooms) -> APIRouter:
    """`/` and `/about`."""
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    @routes.get("/")
    async def home(request: Request, visitor: Annotated[Visitor, Depends(rooms.gate.page())]) -> Response:
        cards = [item for item in pages.navigation(visitor) if item.summary]
        fresh = Scope.CLIENTS_MANAGE in visitor.principal.scopes and not await _has_clients(rooms, visitor.principal.realm)
        return pages.render(request, "web/home.html", visitor=visitor, cards=cards, fresh=fresh, base_url=rooms.base_url)

    @routes.get("/about")
    async def about(request: Request) -> Response:
        visitor = await rooms.gate.visitor(request)
        facts = await _facts(rooms) if visitor else {}
        return pages.render(request, "web/about.html", visitor=visitor, facts=facts, packages=vendored())

    return routes


async def _has_clients(rooms: HomeRooms, realm: str) -> bool:
    return bool(await rooms.clients.list_clients(realm, PrincipalKind.API_CLIENT))


async def _facts(rooms: HomeRooms) -> dict[str, str]:
    """What a report of a problem should carry; for people who are logged in."""
    return {
        "Melanzana": __version__,
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "System": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Address": rooms.base_url,
        "Database": await _database(rooms.database),
    }


async def _database(database: Database) -> str:
    try:
        await database.write(lambda tx: tx.execute(text("SELECT 1")).scalar_one())
    except MelanzanaError as error:
        return f"does not answer: {error.message}"
    return "answers and can be written"

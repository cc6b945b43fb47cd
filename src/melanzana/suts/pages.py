"""System > Systems Under Test: what there is, how it is reached, and which run has it. Changes are made over REST."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Visitor
from melanzana.suts.records import FILTERS, Sut, SutStatus
from melanzana.suts.service import SutService
from melanzana.web import tables
from melanzana.web.pages import Pages

SUTS = "/system/suts"
_KINDS = {
    SutStatus.UNLOCKED: ("ok", "Unlocked (Available)"),
    SutStatus.LOCKED: ("now", "Locked"),
    SutStatus.DISABLED: ("off", "Disabled"),
}


def router(service: SutService, gate: Gate, pages: Pages) -> APIRouter:
    """The list."""
    routes = APIRouter(include_in_schema=False)
    may_read = Annotated[Visitor, Depends(gate.page(Scope.SUTS_READ))]

    @routes.get(SUTS, response_class=HTMLResponse)
    async def all_suts(request: Request, visitor: may_read, show: Annotated[str, Query(max_length=20)] = "") -> Response:
        suts = await service.list(visitor.principal.realm)
        wanted = FILTERS.get(show)
        return pages.render(
            request,
            "suts/list.html",
            visitor=visitor,
            rows=[(sut, *_KINDS[sut.status], _types(sut)) for sut in suts if wanted in {None, sut.status}],
            some=bool(suts),
            files=tables.links(SUTS, show=show),
            filters=[("All", SUTS, wanted is None), *((name, f"{SUTS}?show={name}", name == show) for name in FILTERS)],
        )

    return routes


def _types(sut: Sut) -> str:
    """Each type of connection once, in order."""
    return ", ".join(dict.fromkeys(one.type for one in sut.connections))

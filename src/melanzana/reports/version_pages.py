"""The versions of a model, and what has changed between two of them, in sentences. Both numbers stand in the address."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Visitor
from melanzana.catalog.service import CatalogService
from melanzana.reports import shapes
from melanzana.reports.service import ReportService
from melanzana.web.pages import Pages


def router(catalog: CatalogService, reports: ReportService, gate: Gate, pages: Pages) -> APIRouter:
    """The one page."""
    routes = APIRouter(include_in_schema=False)
    may_read = Annotated[Visitor, Depends(gate.page(Scope.MODELS_READ))]

    @routes.get("/models/{model_id}/versions", response_class=HTMLResponse)
    async def versions(
        request: Request,
        visitor: may_read,
        model_id: shapes.ModelRefPath,
        old: Annotated[int | None, Query(alias="from", ge=1, le=2**31 - 1)] = None,
        new: Annotated[int | None, Query(alias="to", ge=1, le=2**31 - 1)] = None,
    ) -> Response:
        realm, ref = visitor.principal.realm, shapes.run_ref(model_id)
        entry = await catalog.get(realm, ref)
        new = new or entry.version
        old = old or max(new - 1, 1)
        return pages.render(
            request,
            "reports/versions.html",
            visitor=visitor,
            entry=entry,
            versions=await catalog.list_versions(realm, ref),
            old=old,
            new=new,
            found=await reports.version_difference(realm, ref, old, new),
        )

    return routes

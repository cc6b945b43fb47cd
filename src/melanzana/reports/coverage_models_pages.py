"""System > Coverage models: names for how deep coverage is looked at; administrators add their own."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Visitor
from melanzana.errors import MelanzanaError
from melanzana.generation.kinds import MAX_PATH_DEPTH, MAX_VARIABLE_DEPTH
from melanzana.reports.coverage_models import CoverageModels, Draft
from melanzana.web import tables
from melanzana.web.pages import Pages

PAGE = "/system/coverage-models"
COLUMNS = ("id", "name", "path_depth", "variable_depth", "active", "built_in", "created_at", "created_by")


def router(models: CoverageModels, gate: Gate, pages: Pages) -> APIRouter:
    """The list and its forms."""
    routes = APIRouter(include_in_schema=False)
    may_read = Annotated[Visitor, Depends(gate.page(Scope.REPORTS_READ))]
    may_change = Annotated[Visitor, Depends(gate.page(Scope.REALMS_MANAGE))]

    async def show(request: Request, visitor: Visitor, given: Draft | None = None, error: MelanzanaError | None = None) -> Response:
        field = str(error.detail.get("field", "name")) if error is not None else ""
        return pages.render(
            request,
            "reports/coverage_models.html",
            visitor=visitor,
            status=422 if error else 200,
            rows=await models.list(visitor.principal.realm),
            given=given or Draft(name="", path_depth=2, variable_depth=1),
            wrong={field: error.message} if error is not None else {},
            depths=[(str(number), str(number)) for number in range(1, MAX_PATH_DEPTH + 1)],
            crossed=[(str(number), str(number)) for number in range(1, MAX_VARIABLE_DEPTH + 1)],
            may_change=Scope.REALMS_MANAGE in visitor.principal.scopes,
            files=tables.links(PAGE),
        )

    @routes.get(PAGE, response_class=HTMLResponse)
    async def every(request: Request, visitor: may_read) -> Response:
        return await show(request, visitor)

    @routes.get(PAGE + ".{form}")
    async def save(visitor: may_read, form: str) -> Response:
        rows = [{name: getattr(one, name) for name in COLUMNS} for one in await models.list(visitor.principal.realm)]
        return tables.file_of("coverage-models", form, COLUMNS, tables.at_once(rows))

    @routes.post(PAGE, response_class=HTMLResponse)
    async def add(
        request: Request,
        visitor: may_change,
        name: Annotated[str, Form(max_length=1_000)] = "",
        path_depth: Annotated[int, Form(ge=0, le=99)] = 1,
        variable_depth: Annotated[int, Form(ge=0, le=99)] = 1,
    ) -> Response:
        draft = Draft(name=name, path_depth=path_depth, variable_depth=variable_depth)
        try:
            await models.add(visitor.principal.realm, draft, visitor.principal.name)
        except MelanzanaError as error:
            return await show(request, visitor, draft, error)
        return RedirectResponse(f"{PAGE}?done=added", 303)

    @routes.post(PAGE + "/{coverage_model_id}/active")
    async def activate(visitor: may_change, coverage_model_id: int, active: Annotated[str, Form(max_length=3)] = "") -> Response:
        await models.change(visitor.principal.realm, coverage_model_id, Draft(active=bool(active)))
        return RedirectResponse(f"{PAGE}?done=changed", 303)

    @routes.post(PAGE + "/{coverage_model_id}/delete")
    async def delete(visitor: may_change, coverage_model_id: int) -> Response:
        await models.delete(visitor.principal.realm, coverage_model_id)
        return RedirectResponse(f"{PAGE}?done=deleted", 303)

    return routes

"""`/ai/models/{id}/coverage`, its history over runs, and its difference between two versions."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.errors import RequestError
from melanzana.reports import coverage_shapes, shapes
from melanzana.reports.coverage_models import CoverageModels
from melanzana.reports.history import difference_of, history_of
from melanzana.reports.records import CoverageWish
from melanzana.reports.service import ReportService
from melanzana.web.answers import answers


def router(service: ReportService, models: CoverageModels, gate: Gate) -> APIRouter:
    """The routes; every one of them needs a token with `reports:read`."""
    routes = APIRouter(prefix="/ai/models/{model_id}", tags=["Models"])
    may_read = Annotated[Principal, Depends(gate.requires(Scope.REPORTS_READ))]

    @routes.get("/coverage", response_model=coverage_shapes.CoverageAnswer, responses=answers(401, 403, 404, 422, 503))
    async def get_coverage(
        principal: may_read, model_id: shapes.ModelRefPath, query: Annotated[coverage_shapes.CoverageQuery, Query()]
    ) -> Response:
        """What the runs of a model's newest version have gone through, or one run."""
        realm, model, wish = principal.realm, shapes.run_ref(model_id), await _wish(models, principal.realm, query)
        if query.run_id is not None:
            report = await service.run_coverage(realm, model, shapes.run_ref(query.run_id), wish)
        else:
            report = await service.model_coverage(realm, model, wish)
        return await _written(lambda: coverage_shapes.coverage_answer(report))

    @routes.get("/coverage/history", responses=answers(401, 403, 404, 422, 503))
    async def get_history(
        principal: may_read, model_id: shapes.ModelRefPath, query: Annotated[coverage_shapes.HistoryQuery, Query()]
    ) -> coverage_shapes.HistoryAnswer:
        """Coverage of the newest version over its runs, and how far it is to a goal."""
        wish = query.wish()
        found = await history_of(service, principal.realm, shapes.run_ref(model_id), wish)
        return coverage_shapes.history_answer(found, wish)

    @routes.get("/coverage/difference", responses=answers(401, 403, 404, 422, 503))
    async def get_coverage_difference(
        principal: may_read, model_id: shapes.ModelRefPath, query: Annotated[coverage_shapes.DifferenceQuery, Query()]
    ) -> coverage_shapes.CoverageDifferenceAnswer:
        """What runs of an older version have covered of a newer one, and what its own have."""
        found = await difference_of(service, principal.realm, shapes.run_ref(model_id), query.old, query.new)
        return coverage_shapes.coverage_difference_answer(found)

    return routes


async def _wish(models: CoverageModels, realm: str, query: coverage_shapes.CoverageQuery) -> CoverageWish:
    if query.coverage_model is None:
        return query.wish()
    if query.path_depth is not None or query.variable_depth is not None:
        raise RequestError("coverage_model says both depths: leave path_depth and variable_depth out", field="coverage_model")
    one = await models.get(realm, query.coverage_model)
    return replace(query.wish(), path_depth=one.path_depth, variable_depth=one.variable_depth)


async def _written(answer: Callable[[], BaseModel]) -> Response:
    """An answer that may be large, made and written in a thread."""
    return Response(await asyncio.to_thread(lambda: answer().model_dump_json()), media_type="application/json")

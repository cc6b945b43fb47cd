"""`/ai/coverage/models` and, in the singular as the original's client calls it, `/ai/coverage/model/{id}`."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.generation.kinds import MAX_PATH_DEPTH, MAX_VARIABLE_DEPTH
from melanzana.reports.coverage_models import LONGEST_NAME, CoverageModel, CoverageModels, Draft
from melanzana.web.answers import answers
from melanzana.web.inputs import YesNo

CoverageModelId = Annotated[int, Path(ge=1, le=2**53, description="`id` of the coverage model.")]
_NAME = Field(min_length=1, max_length=LONGEST_NAME)
_PATH = Field(ge=1, le=MAX_PATH_DEPTH, strict=True, description="Transitions in a row.")
_VARIABLE = Field(ge=1, le=MAX_VARIABLE_DEPTH, strict=True, description="Variables together.")


class CoverageModelBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, _NAME]
    path_depth: Annotated[int, _PATH]
    variable_depth: Annotated[int, _VARIABLE]
    active: YesNo = True


class CoverageModelChange(BaseModel):
    """What is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, _NAME] | None = None
    path_depth: Annotated[int, _PATH] | None = None
    variable_depth: Annotated[int, _VARIABLE] | None = None
    active: YesNo | None = None


class CoverageModelItem(BaseModel):
    id: int
    name: str
    path_depth: int
    variable_depth: int
    active: bool = Field(description="Whether pages offer it.")
    built_in: bool
    created_at: datetime | None
    created_by: str


def router(models: CoverageModels, gate: Gate) -> APIRouter:
    """Reading needs `reports:read`, changing `realms:manage`."""
    routes = APIRouter(prefix="/ai/coverage", tags=["Coverage models"])
    may_read = Annotated[Principal, Depends(gate.requires(Scope.REPORTS_READ))]
    may_change = Annotated[Principal, Depends(gate.requires(Scope.REALMS_MANAGE))]

    @routes.get("/models", responses=answers(401, 403, 503))
    async def list_coverage_models(principal: may_read) -> list[CoverageModelItem]:
        """The four built-in ones, then those of the realm."""
        return [_item(one) for one in await models.list(principal.realm)]

    @routes.post("/models", status_code=201, responses=answers(400, 401, 403, 409, 413, 415, 422, 503))
    async def add_coverage_model(principal: may_change, body: CoverageModelBody) -> CoverageModelItem:
        """Add one."""
        return _item(await models.add(principal.realm, Draft(**body.model_dump()), principal.client_id))

    @routes.get("/model/{coverage_model_id}", responses=answers(401, 403, 404, 422, 503))
    async def get_coverage_model(principal: may_read, coverage_model_id: CoverageModelId) -> CoverageModelItem:
        """One of them."""
        return _item(await models.get(principal.realm, coverage_model_id))

    @routes.put("/model/{coverage_model_id}", responses=answers(400, 401, 403, 404, 409, 413, 415, 422, 503))
    async def change_coverage_model(
        principal: may_change, coverage_model_id: CoverageModelId, body: CoverageModelChange
    ) -> CoverageModelItem:
        """Change one of the realm's own."""
        return _item(await models.change(principal.realm, coverage_model_id, Draft(**body.model_dump())))

    @routes.delete(
        "/model/{coverage_model_id}", status_code=204, response_class=Response, responses=answers(401, 403, 404, 409, 422, 503)
    )
    async def delete_coverage_model(principal: may_change, coverage_model_id: CoverageModelId) -> Response:
        """Delete one of the realm's own."""
        await models.delete(principal.realm, coverage_model_id)
        return Response(status_code=204)

    return routes


def _item(one: CoverageModel) -> CoverageModelItem:
    return CoverageModelItem(**{name: getattr(one, name) for name in CoverageModelItem.model_fields})

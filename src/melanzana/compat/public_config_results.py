"""`/api/v2/test_config_results`: what was started of test configurations, as the original's public API lists it.

Its paths and paging envelope are the original's; of the fields only a few are known, so the others are ours, in its spelling.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.compat.task_junit import task_junit
from melanzana.configurations.records import TaskFilter, TaskInstance, TaskState
from melanzana.configurations.service import ConfigurationService
from melanzana.configurations.shapes import TaskIdPath
from melanzana.configurations.task_shapes import TaskCounts, counts
from melanzana.web.answers import answers

PATH = "/api/v2/test_config_results"
Status = Literal["RUNNING", "PASSED", "FAILED", "ERROR", "CANCELLED"]
_XML: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/xml": {"schema": {"type": "string"}}}, "description": "JUnit XML."}
}


class TestConfigResult(BaseModel):
    """One start of a test configuration."""

    __test__ = False

    id: str
    test_config_id: str
    name: str
    status: Status
    flaky: bool = Field(description="Ours: a step passed only when it was tried again.")
    start_time: datetime
    end_time: datetime | None
    duration_seconds: float | None
    counts: TaskCounts


class TestConfigResultsPaginatedList(BaseModel):
    __test__ = False

    items: list[TestConfigResult]
    total_count: int


class ResultQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    test_config_id: str | None = Field(None, min_length=1, max_length=64, description="Only of this test configuration.")
    status: Status | None = None
    limit: int = Field(50, ge=1, le=200)
    offset: int = Field(0, ge=0, le=2**53)


def router(service: ConfigurationService, gate: Gate, base_url: str) -> APIRouter:
    """The three routes over `service`."""
    routes = APIRouter(prefix=PATH, tags=["Public API v2"])
    may_read = Annotated[Principal, Depends(gate.requires(Scope.CONFIGURATIONS_READ))]

    @routes.get("", responses=answers(401, 403, 422, 503))
    async def list_test_config_results(
        principal: may_read, query: Annotated[ResultQuery, Query()]
    ) -> TestConfigResultsPaginatedList:
        """What was started, newest first."""
        states = frozenset() if query.status is None else _STATES[query.status]
        wanted = TaskFilter(configuration_id=query.test_config_id, states=states, limit=query.limit, offset=query.offset)
        found, total = await service.instances(principal.realm, wanted)
        return TestConfigResultsPaginatedList(items=[_result(one) for one in found], total_count=total)

    @routes.get("/{task_instance_id}", responses=answers(401, 403, 404, 422, 503))
    async def get_test_config_result(principal: may_read, task_instance_id: TaskIdPath) -> TestConfigResult:
        """One of them; its id is the `task_instance_id`."""
        return _result(await service.instance(principal.realm, task_instance_id))

    @routes.get("/{task_instance_id}/junit", response_class=Response, responses={**_XML, **answers(401, 403, 404, 422, 503)})
    async def get_test_config_result_junit(principal: may_read, task_instance_id: TaskIdPath) -> Response:
        """The same as JUnit XML; while it is at work, as far as it has come."""
        instance = await service.instance(principal.realm, task_instance_id)
        return Response(task_junit(instance, base_url), media_type="application/xml")

    return routes


_STATES: dict[Status, frozenset[TaskState]] = {
    "RUNNING": frozenset({TaskState.RUNNING, TaskState.ABORTING}),
    "PASSED": frozenset({TaskState.PASSED}),
    "FAILED": frozenset({TaskState.FAILED}),
    "ERROR": frozenset({TaskState.ERROR}),
    "CANCELLED": frozenset({TaskState.CANCELLED}),
}


def _result(instance: TaskInstance) -> TestConfigResult:
    status: Status = next(word for word, states in _STATES.items() if instance.state in states)
    ended = instance.ended_at
    return TestConfigResult(
        id=instance.id,
        test_config_id=instance.configuration_id,
        name=instance.draft.name,
        status=status,
        flaky=instance.flaky,
        start_time=instance.created_at,
        end_time=ended,
        duration_seconds=None if ended is None else (ended - instance.created_at).total_seconds(),
        counts=counts(instance),
    )

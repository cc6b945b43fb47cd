"""`/test_config_service` and `/task_scheduler_service`: test configurations, and what was started of them.

The list and the start are calls of the original product; making and changing configurations, which its users miss most, is ours.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, Header, Query, Response

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.configurations import shapes, task_shapes
from melanzana.configurations.records import TaskFilter, TestConfiguration
from melanzana.configurations.service import ConfigurationService
from melanzana.errors import NotFoundError, RequestError
from melanzana.web.answers import answers

PREFIX = "/test_config_service/api/v1/test_configurations"
TASKS = "/task_scheduler_service/api/v1/task_instances"
_ETAG = re.compile(r'(?:W/)?"(\d{1,18})"')
_IfMatch = Annotated[
    str | None, Header(alias="If-Match", max_length=64, description="The ETag of the configuration as it was read.")
]
_Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="Chosen by the client: a start sent again with the same key gives the same task instance.",
    ),
]
_CHANGES = answers(400, 401, 403, 404, 409, 413, 415, 422, 503)


class Agents(Protocol):
    """Who knows agents by name: the agents' service."""

    async def id_of(self, realm: str, ref: int | str) -> int: ...

    async def names(self, realm: str, agent_ids: Sequence[int]) -> Mapping[int, str]: ...


def router(service: ConfigurationService, gate: Gate, agents: Agents) -> APIRouter:
    """The routes over `service`."""
    routes = APIRouter(tags=["Test configurations"])
    _add_configurations(routes, service, gate, agents)
    _add_tasks(routes, service, gate)
    _add_ai(routes, service, gate)
    return routes


def _add_configurations(routes: APIRouter, service: ConfigurationService, gate: Gate, agents: Agents) -> None:
    may_read = Annotated[Principal, Depends(gate.requires(Scope.CONFIGURATIONS_READ))]
    may_write = Annotated[Principal, Depends(gate.requires(Scope.CONFIGURATIONS_WRITE))]

    async def item(configuration: TestConfiguration, response: Response) -> shapes.ConfigurationItem:
        response.headers["ETag"] = f'"{configuration.revision}"'
        return shapes.configuration_item(configuration, await agents.names(configuration.realm, configuration.draft.agents))

    @routes.get(PREFIX, responses=answers(401, 403, 422, 503))
    async def list_test_configurations(
        principal: may_read, query: Annotated[shapes.ConfigurationListQuery, Query()]
    ) -> shapes.ConfigurationListAnswer:
        """The test configurations of the realm, by name."""
        found = await service.list(principal.realm, query.name)
        names = await agents.names(principal.realm, sorted({agent for one in found for agent in one.draft.agents}))
        return shapes.ConfigurationListAnswer(
            items=[shapes.configuration_item(one, names) for one in found], total_count=len(found)
        )

    @routes.post(PREFIX, status_code=201, responses=_CHANGES)
    async def create_test_configuration(
        principal: may_write, body: shapes.ConfigurationBody, response: Response
    ) -> shapes.ConfigurationItem:
        """Make a test configuration. What its steps name is looked up at once; 422 says which step names what is not there."""
        made = await service.create(principal, body.draft(await _agent_ids(agents, principal.realm, body.agents)))
        response.headers["Location"] = f"{PREFIX}/{made.id}"
        return await item(made, response)

    @routes.get(f"{PREFIX}/{{test_config_id}}", responses=answers(401, 403, 404, 422, 503))
    async def get_test_configuration(
        principal: may_read, test_config_id: shapes.ConfigurationIdPath, response: Response
    ) -> shapes.ConfigurationItem:
        """One test configuration."""
        return await item(await service.get(principal.realm, test_config_id), response)

    @routes.put(f"{PREFIX}/{{test_config_id}}", responses=_CHANGES)
    async def replace_test_configuration(
        principal: may_write,
        test_config_id: shapes.ConfigurationIdPath,
        body: shapes.ConfigurationBody,
        response: Response,
        if_match: _IfMatch = None,
    ) -> shapes.ConfigurationItem:
        """Give it other values, all at once; what was started goes on as it was."""
        draft = body.draft(await _agent_ids(agents, principal.realm, body.agents))
        return await item(await service.replace(principal, test_config_id, draft, _revision(if_match)), response)

    @routes.delete(f"{PREFIX}/{{test_config_id}}", status_code=204, responses=answers(401, 403, 404, 409, 422, 503))
    async def delete_test_configuration(
        principal: may_write, test_config_id: shapes.ConfigurationIdPath, if_match: _IfMatch = None
    ) -> None:
        """Forget it; what was started of it stays readable. 409 while something of it is at work."""
        await service.delete(principal, test_config_id, _revision(if_match))


def _add_tasks(routes: APIRouter, service: ConfigurationService, gate: Gate) -> None:
    may_read = Annotated[Principal, Depends(gate.requires(Scope.CONFIGURATIONS_READ))]
    may_start = Annotated[Principal, Depends(gate.requires(Scope.EXECUTIONS_START))]
    may_abort = Annotated[Principal, Depends(gate.requires(Scope.EXECUTIONS_ABORT))]

    @routes.get(TASKS, responses=answers(401, 403, 422, 503))
    async def list_task_instances(
        principal: may_read, query: Annotated[task_shapes.TaskListQuery, Query()]
    ) -> task_shapes.TaskListAnswer:
        """What was started, newest first."""
        wanted = TaskFilter(
            configuration_id=query.test_config_id, states=frozenset(query.state), limit=query.limit, offset=query.offset
        )
        found, total = await service.instances(principal.realm, wanted)
        return task_shapes.TaskListAnswer(items=[task_shapes.task_head(one) for one in found], total_count=total)

    @routes.post(f"{TASKS}/{{test_config_id}}", status_code=201, responses=_CHANGES)
    async def start_test_configuration(
        principal: may_start,
        test_config_id: shapes.ConfigurationIdPath,
        response: Response,
        body: task_shapes.StartBody | None = None,
        idempotency_key: _Key = None,
    ) -> task_shapes.StartedTask:
        """Start a test configuration. What cannot run at once waits; a start is never refused because something is busy."""
        body = body or task_shapes.StartBody.model_validate({})
        instance = await service.start(principal, test_config_id, body.wish(), idempotency_key)
        response.headers["Location"] = f"{TASKS}/{instance.id}"
        return task_shapes.started(instance, body)

    @routes.get(f"{TASKS}/{{task_instance_id}}", responses=answers(401, 403, 404, 422, 503))
    async def get_task_instance(principal: may_read, task_instance_id: shapes.TaskIdPath) -> task_shapes.TaskAnswer:
        """What came of one start so far, step by step and try by try."""
        return task_shapes.task_answer(await service.instance(principal.realm, task_instance_id))

    @routes.delete(f"{TASKS}/{{task_instance_id}}", status_code=204, responses=answers(401, 403, 404, 409, 422, 503))
    async def abort_task_instance(principal: may_abort, task_instance_id: shapes.TaskIdPath) -> None:
        """Trigger the end of everything it has at work; it then ends as `Cancelled`. Sent again, the answer is the same."""
        await service.abort(principal.realm, task_instance_id)


def _add_ai(routes: APIRouter, service: ConfigurationService, gate: Gate) -> None:
    may_read = Annotated[Principal, Depends(gate.requires(Scope.CONFIGURATIONS_READ))]

    @routes.get("/ai/testconfigtasks/{task_instance_id}", responses=answers(401, 403, 404, 422, 503))
    async def get_test_config_task(principal: may_read, task_instance_id: shapes.TaskIdPath) -> task_shapes.TaskAnswer:
        """The same as the task instance, at the address of the original's Python client."""
        return task_shapes.task_answer(await service.instance(principal.realm, task_instance_id))

    @routes.get("/ai/testconfigtasks/{task_instance_id}/summary", responses=answers(401, 403, 404, 422, 503))
    async def get_test_config_summary(principal: may_read, task_instance_id: shapes.TaskIdPath) -> task_shapes.TaskHead:
        """The same without its steps."""
        return task_shapes.task_head(await service.instance(principal.realm, task_instance_id))


async def _agent_ids(agents: Agents, realm: str, refs: Sequence[int | str]) -> tuple[int, ...]:
    """Ids of agents by id or name. Raises RequestError for one that is not there."""
    ids = []
    for number, wanted in enumerate(refs):
        try:
            ids.append(await agents.id_of(realm, wanted))
        except NotFoundError:
            message = f"there is no agent {wanted!r}; GET /ai/agents lists what there is"
            raise RequestError(message, field=f"agents.{number}") from None
    return tuple(ids)


def _revision(if_match: str | None) -> int | None:
    """Raises RequestError."""
    if if_match is None or if_match.strip() == "*":
        return None
    found = _ETAG.fullmatch(if_match.strip())
    if found is None:
        raise RequestError("If-Match must be one ETag as a GET of this configuration gave it, in its quotes", field="If-Match")
    return int(found[1])

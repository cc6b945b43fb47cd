"""`/api/run` and what follows it: start, watch, abort and continue runs as scripts of the original product's old interface do.

Fields come as a form or as flat JSON (`compat/fields.py`). The fields that mean something here become a `StartRequest`; the others
are named in `ignored_fields` of the answer. A run is known by its number, `processid`, which is the `run_id` of every other route.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.agents.service import AgentService
from melanzana.catalog.records import ModelEntry, ModelFilter
from melanzana.catalog.service import CatalogService
from melanzana.compat.fields import FORM_TYPE, JSON_TYPE, Fields, read_fields
from melanzana.compat.old_runs import OldRun, old_run
from melanzana.errors import ConflictError, MalformedError, NotFoundError, RequestError
from melanzana.executions.records import ExecutionFilter, StartRequest
from melanzana.executions.service import ExecutionService
from melanzana.web.answers import answers

PATH = "/api/run"
#: Fields of the original that choose nothing here: how it looked for paths, where it kept logs and coverage.
WITHOUT_EFFECT = ("agentType", "bins", "coverdb", "covertarget", "logdir", "logfile", "verbosity")
START_FIELDS = (
    *("modelName", "modelId", "group", "agentName", "suiteLocation", "directedTest", "execute", "iterations", "maxActions"),
    *("onerror", "path", "replay", "seed"),
    *WITHOUT_EFFECT,
)
PROGRESS_FIELDS = ("id", "modelName", "limit")
RUN_FIELDS = ("id", "processid")
DEFAULT_LIMIT, LARGEST_LIMIT = 20, 200


class OldStart(BaseModel):
    """A run that was queued."""

    id: str = Field(description="uuid of the model, as `/api/run/progress` takes it.")
    processid: str = Field(description="The run's number, as text: abort and continue the run with it.")
    execution_id: str = Field(description="The same run for `/execution_service`.")
    ignored_fields: list[str] = Field(description="Fields of the request that had no effect.")


class OldMessage(BaseModel):
    """That something was set off."""

    message: str = Field(examples=["OK"])
    description: str


def _body(*names: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}, "additionalProperties": True}
    content = {kind: {"schema": schema} for kind in (FORM_TYPE, JSON_TYPE)}
    return {"requestBody": {"required": True, "content": content}}


def router(agents: AgentService, catalog: CatalogService, executions: ExecutionService, gate: Gate) -> APIRouter:
    """`/api/run`, `/api/run/progress`, `/api/run/abort` and `/api/run/continue`."""
    routes = APIRouter(prefix=PATH, tags=["Runs (older)"])
    may_read = Annotated[Principal, Depends(gate.requires(Scope.EXECUTIONS_READ))]
    may_start = Annotated[Principal, Depends(gate.requires(Scope.EXECUTIONS_START))]
    may_abort = Annotated[Principal, Depends(gate.requires(Scope.EXECUTIONS_ABORT))]

    @routes.post("", responses=answers(400, 401, 403, 404, 413, 422, 503), openapi_extra=_body(*START_FIELDS))
    async def start_run(principal: may_start, request: Request) -> OldStart:
        """Start a run of the model of this name. Without `agentName` and `suiteLocation` only the path is generated."""
        fields = await read_fields(request, START_FIELDS)
        model, ignored = await _model(catalog, principal.realm, fields)
        agent = fields.get("agentName")
        agent_id = None if agent is None else await agents.id_of(principal.realm, agent)
        execution = await executions.start(_start_request(fields, model, agent_id, ignored), principal)
        return OldStart(
            id=execution.model_id,
            processid=str(execution.run_id),
            execution_id=execution.id,
            ignored_fields=list(execution.ignored_fields),
        )

    @routes.post("/progress", responses=answers(400, 401, 403, 404, 413, 422, 503), openapi_extra=_body(*PROGRESS_FIELDS))
    async def progress(principal: may_read, request: Request) -> list[OldRun]:
        """The runs of one model, newest first: of the model with the uuid `id`, or named `modelName`."""
        fields = await read_fields(request, PROGRESS_FIELDS)
        limit = fields.count("limit") or DEFAULT_LIMIT
        model, _ = await _model(catalog, principal.realm, fields)
        page = await executions.list(principal.realm, ExecutionFilter(model_id=model.uuid, limit=min(limit, LARGEST_LIMIT)))
        agent_ids = {run.agent_id for run in page.items if run.agent_id is not None}
        names = await agents.names(principal.realm, sorted(agent_ids))
        return [old_run(run, None if run.agent_id is None else names.get(run.agent_id)) for run in page.items]

    @routes.post("/abort", responses=answers(400, 401, 403, 404, 413, 422, 503), openapi_extra=_body(*RUN_FIELDS))
    async def abort_run(principal: may_abort, request: Request) -> OldMessage:
        """Set off the end of the run with this number; 404 when there is none or it has ended."""
        run_id = _run_id(await read_fields(request, RUN_FIELDS))
        try:
            await executions.abort(principal.realm, run_id, principal.client_id)
        except ConflictError as error:
            raise NotFoundError(f"process {run_id} is not there any more: it has ended", field="id") from error
        return OldMessage(message="OK", description="Execution abort triggered")

    @routes.post("/continue", responses=answers(400, 401, 403, 404, 409, 413, 422, 503), openapi_extra=_body(*RUN_FIELDS))
    async def continue_run(principal: may_abort, request: Request) -> OldMessage:
        """Let a run go on that paused at a step that did not pass (`onerror` `debug`)."""
        run_id = _run_id(await read_fields(request, RUN_FIELDS))
        await executions.resume(principal.realm, run_id, principal.client_id)
        return OldMessage(message="OK", description="Execution continues")

    return routes


async def _model(catalog: CatalogService, realm: str, fields: Fields) -> tuple[ModelEntry, tuple[str, ...]]:
    """The model that is meant, and the fields that did not help to find it.

    The original's default group is an account's address, which says nothing here: a group that has no such model is left aside.
    Raises MalformedError, NotFoundError, RequestError when the name alone means several models.
    """
    by_id = fields.get("modelId") or fields.get("id")
    if by_id is not None:
        return await catalog.get(realm, int(by_id[:18]) if by_id.isascii() and by_id.isdigit() else by_id), ()
    name, group = fields.required("modelName", "modelId"), fields.get("group")
    if group is not None:
        found, _ = await catalog.list_models(realm, ModelFilter(name=name, group=group, limit=1))
        if found:
            return found[0], ()
    found, total = await catalog.list_models(realm, ModelFilter(name=name, limit=1))
    if not found:
        raise NotFoundError(f"there is no model named {name!r}", field="modelName")
    if total > 1:
        raise RequestError(f"{total} models are named {name!r}; say which with group, or its uuid with modelId", field="group")
    return found[0], () if group is None else ("group",)


def _start_request(fields: Fields, model: ModelEntry, agent_id: int | None, ignored: tuple[str, ...]) -> StartRequest:
    suite, replay = fields.get("suiteLocation"), fields.count("replay")
    without_effect = tuple(name for name in WITHOUT_EFFECT if fields.get(name) is not None)
    return StartRequest(
        model=model.uuid,
        rerun_of=replay,
        test_case=fields.get("directedTest"),
        agent_id=agent_id,
        perform=_performs(fields, replay),
        suite=suite,
        path=fields.get("path"),
        iterations=fields.count("iterations"),
        max_actions=fields.count("maxActions"),
        seed=fields.count("seed"),
        on_error=fields.get("onerror"),
        ignored_fields=(*ignored, *without_effect, *fields.unknown),
    )


def _performs(fields: Fields, replay: int | None) -> bool | None:
    """Code is performed when both agent and suite are named, and `execute` does not say no; a replay does what its run did."""
    if not fields.flag("execute", default=True):
        return False
    both = fields.get("agentName") is not None and fields.get("suiteLocation") is not None
    return True if both else None if replay is not None else False


def _run_id(fields: Fields) -> int:
    """Raises MalformedError, RequestError."""
    name = "id" if fields.get("id") is not None else "processid"
    number = fields.count(name)
    if not number:
        raise MalformedError("id is missing: the number that the start gave as processid", field="id")
    return number

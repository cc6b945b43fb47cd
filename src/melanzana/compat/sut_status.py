"""`POST /api/sut/status`: which agent is at which run, as scripts of the original product's old interface ask."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.agents.records import AgentView
from melanzana.agents.service import AgentService
from melanzana.compat.old_runs import OldRun, old_run
from melanzana.executions.records import HELD, ExecutionFilter, ExecutionSummary
from melanzana.executions.service import ExecutionService
from melanzana.web.answers import answers

PATH = "/api/sut/status"
#: Most runs that are looked at; an agent has one.
_MOST = 10_000


class AgentState(BaseModel):
    """An agent and what it is at; the last two fields are left out while it is idle."""

    agent_name: str
    process_id: int = Field(description="The run's number; 0 while idle.")
    execution_status: OldRun | None = None
    process_status: Literal["Running"] | None = None


def router(agents: AgentService, executions: ExecutionService, gate: Gate) -> APIRouter:
    """`/api/sut/status`."""
    routes = APIRouter(tags=["Agents (older)"])
    may_read = Annotated[Principal, Depends(gate.requires(Scope.AGENTS_READ))]

    @routes.post(PATH, response_model_exclude_unset=True, responses=answers(401, 403, 503))
    async def sut_status(principal: may_read) -> list[AgentState]:
        """Every agent of the realm, oldest first, with the run it has."""
        held = await executions.list(principal.realm, ExecutionFilter(states=HELD, limit=_MOST))
        runs = {run.agent_id: run for run in held.items}
        return [_state(view, runs.get(view.agent.id)) for view in await agents.list(principal.realm)]

    return routes


def _state(view: AgentView, run: ExecutionSummary | None) -> AgentState:
    name = view.agent.name
    if run is None:
        return AgentState(agent_name=name, process_id=0)
    return AgentState(agent_name=name, process_id=run.run_id, execution_status=old_run(run, name), process_status="Running")

"""`GET /metrics`: how much waits, what is under way, who is there, and what the process needs, as Prometheus reads it.

The figures are those of the caller's realm, except what is said of the process. They are looked up when they are asked for; what
has ended is not counted, so asking costs the same however many runs there were.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.agents.records import AgentStatus
from melanzana.agents.service import AgentService
from melanzana.clock import Clock
from melanzana.executions.records import HELD, ExecutionFilter, LifecycleState
from melanzana.executions.retention import Retention
from melanzana.executions.service import ExecutionService
from melanzana.version import __version__
from melanzana.web.answers import answers

#: States of executions that have not ended.
UNDER_WAY = (LifecycleState.QUEUED, *sorted(HELD))
_TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus' text format."}
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is told of one realm at one moment."""

    executions: dict[LifecycleState, int]
    oldest: datetime | None  #: when the execution was asked for that waits longest
    agents: dict[AgentStatus, int]
    removed: dict[str, int]  #: runs, logs and attachments that this process removed, since its start
    now: datetime


def router(executions: ExecutionService, agents: AgentService, retention: Retention, gate: Gate, clock: Clock) -> APIRouter:
    """The route; it needs a token with `reports:read`."""
    routes = APIRouter(tags=["Server"])
    may_read = Annotated[Principal, Depends(gate.requires(Scope.REPORTS_READ))]

    @routes.get("/metrics", response_class=Response, responses={**_TEXT, **answers(401, 403, 503)})
    async def metrics(principal: may_read) -> Response:
        """Gauges of the caller's realm, and of the server process."""
        removed = {what: retention.removed[principal.realm, what] for what in ("runs", "logs", "attachments")}
        text = written(await _looked_up(executions, agents, clock, principal.realm, removed))
        return Response(text, media_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})

    return routes


async def _looked_up(
    executions: ExecutionService, agents: AgentService, clock: Clock, realm: str, removed: dict[str, int]
) -> Figures:
    totals, oldest = {}, None
    for state in UNDER_WAY:
        totals[state] = (await executions.list(realm, ExecutionFilter(states=frozenset({state}), limit=1))).total
    if waiting := totals[LifecycleState.QUEUED]:
        queued = ExecutionFilter(states=frozenset({LifecycleState.QUEUED}), limit=1, offset=waiting - 1)
        oldest = next((one.created_at for one in (await executions.list(realm, queued)).items), None)
    views = await agents.list(realm)
    counts = {status: sum(view.status is status for view in views) for status in AgentStatus}
    return Figures(executions=totals, oldest=oldest, agents=counts, removed=removed, now=clock.now())


def written(figures: Figures) -> bytes:
    """The text that Prometheus reads."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Told(figures))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Told(Collector):
    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """The families, once."""
        figures = self._figures
        yield InfoMetricFamily("melanzana_build", "The server's version.", value={"version": __version__})
        executions = GaugeMetricFamily("melanzana_executions", "Executions that have not ended.", labels=["state"])
        for state, total in figures.executions.items():
            executions.add_metric([state.value], total)
        yield executions
        waited = (figures.now - figures.oldest).total_seconds() if figures.oldest else 0.0
        yield GaugeMetricFamily(
            "melanzana_queue_oldest_seconds", "How long the oldest queued execution has waited.", max(waited, 0.0)
        )
        agents = GaugeMetricFamily("melanzana_agents", "Agents by status.", labels=["status"])
        for status, total in figures.agents.items():
            agents.add_metric([status.value.lower()], total)
        yield agents
        removed = CounterMetricFamily(
            "melanzana_retention_removed", "What this process removed by the rules of retention.", labels=["what"]
        )
        for what, total in figures.removed.items():
            removed.add_metric([what], total)
        yield removed

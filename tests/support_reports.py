"""Catalog and reports behind HTTP: real services over a database in memory, real tokens, runs that are really walked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI

from melanzana.auth.gate import Gate
from melanzana.auth.records import Principal
from melanzana.catalog import api as catalog_api
from melanzana.catalog.service import CatalogService
from melanzana.executions.figures import LeaseFigures
from melanzana.executions.records import ClaimingAgent, Execution, StartRequest
from melanzana.executions.service import ExecutionService
from melanzana.executions.waking import Waker
from melanzana.generation.step import OnError, Step, Verdict
from melanzana.generation.walk import Walk, WalkPlan
from melanzana.graph.formats.document import from_document
from melanzana.protocol.events import Event, LogWritten, RunFinished, RunStarted, StepFinished
from melanzana.protocol.peer import Lease, Report
from melanzana.protocol.snapshot import Snapshot
from melanzana.reports import api as reports_api
from melanzana.reports.service import ReportService
from melanzana.server import openapi, problems
from support_auth import BASE_URL, Auth, make_auth
from support_executions import MODEL_TEXT

REALM = "eggplant"
AGENT = ClaimingAgent(agent_id=1, session=1, realm=REALM, capabilities=frozenset({"python", "dry"}), name="rack-1")
#: What a step comes to: its verdict and message.
Judge = Callable[[Step], tuple[Verdict, str]]


def passes(_step: Step) -> tuple[Verdict, str]:
    return Verdict.PASSED, ""


def fails_at(name: str, message: str = "expected an open door") -> Judge:
    """Every step of this name fails."""
    return lambda step: (Verdict.FAILED, message) if step.name == name else passes(step)


def walked(snapshot: Snapshot, judge: Judge = passes) -> tuple[Event, ...]:
    """The events of a whole run of the plan; a step takes a second."""
    plan = WalkPlan(
        path=snapshot.path,
        seed=snapshot.seed,
        on_error=OnError(snapshot.on_error),
        parameters=snapshot.parameters,
        dry=not snapshot.perform,
    )
    walk = Walk(from_document(snapshot.model), plan)
    events: list[Event] = [RunStarted(agent=AGENT.name, version="1", suite=snapshot.suite)]
    while (step := walk.next_step(float(len(events)))) is not None:
        verdict, message = judge(step)
        if verdict is not Verdict.PASSED:
            events.append(LogWritten(message=message, severity="INFO", step=step.number))
        events.append(_finished(step, walk.record(step, verdict, {}, message), message, snapshot.perform))
    assert walk.outcome is not None
    return (*events, RunFinished(verdict=walk.outcome.verdict, reason=walk.outcome.reason, message=walk.outcome.message))


def _finished(step: Step, verdict: Verdict, message: str, performed: bool) -> StepFinished:
    return StepFinished(
        number=step.number,
        iteration=step.iteration,
        kind=step.kind,
        element_id=step.element_id,
        name=step.name,
        verdict=verdict,
        at_seconds=float(step.number),
        duration_seconds=1.0,
        target=step.target,
        message=message,
        performed=performed,
    )


@dataclass
class House:
    """The rooms from authorization to reports, and one API client of the default realm."""

    auth: Auth
    catalog: CatalogService
    executions: ExecutionService
    reports: ReportService
    app: FastAPI
    principal: Principal

    async def http(self, token: str | None = None) -> httpx.AsyncClient:
        """A caller with a token, the API client's when none is given."""
        token = token or await self.auth.token()
        transport = httpx.ASGITransport(self.app)
        return httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers={"Authorization": f"Bearer {token}"})

    async def stranger(self) -> httpx.AsyncClient:
        """A caller of another realm."""
        await self.auth.service.ensure_realm("elsewhere")
        client = await self.auth.service.create_client("elsewhere", "stranger")
        url = client.token_url
        form = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": client.client_secret}
        async with self.auth.http() as http:
            answer = await http.post(url, data=form)
        return await self.http(answer.json()["access_token"])

    async def start(self, model: int | str, **fields: Any) -> Execution:
        return await self.executions.start(StartRequest(model=model, **fields), self.principal)

    async def claim(self) -> Lease:
        lease = await self.executions.claim(AGENT)
        assert lease is not None
        return lease

    async def tell(self, lease: Lease, events: Sequence[Event], first_seq: int = 1) -> None:
        self.auth.clock.move(100.0)
        await self.executions.report(
            AGENT, Report(execution_id=lease.execution_id, attempt=lease.attempt, first_seq=first_seq, events=tuple(events))
        )

    async def run(self, model: int | str, judge: Judge = passes, **fields: Any) -> Execution:
        """A run from start to end."""
        execution = await self.start(model, **fields)
        lease = await self.claim()
        await self.tell(lease, walked(lease.snapshot, judge))
        return await self.executions.get(REALM, execution.run_id)


async def open_house() -> House:
    auth = await make_auth()
    catalog = CatalogService(auth.database, auth.clock)
    figures = LeaseFigures(lease_seconds=100_000.0)
    executions = ExecutionService(auth.database, auth.clock, figures, Waker(), catalog=catalog)
    reports = ReportService(catalog, executions)
    gate = Gate(auth.service)
    app = FastAPI(redirect_slashes=False)
    app.include_router(catalog_api.router(catalog, gate))
    app.include_router(reports_api.router(reports, gate, auth.clock))
    problems.install(app)
    openapi.install(app)
    principal = await auth.service.verify_token(await auth.token())
    return House(auth, catalog, executions, reports, app, principal)


__all__ = ["AGENT", "MODEL_TEXT", "REALM", "House", "fails_at", "open_house", "passes", "walked"]

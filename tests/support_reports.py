"""Catalog and reports behind HTTP: real services over a database in memory, real tokens, runs that are really walked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from fastapi import FastAPI

from melanzana.access.gate import Gate
from melanzana.access.records import Principal
from melanzana.catalog import api as catalog_api
from melanzana.catalog.service import CatalogService
from melanzana.executions.figures import LeaseFigures
from melanzana.executions.records import ClaimingAgent, Execution, LifecycleState, StartRequest, StoredEvent
from melanzana.executions.service import ExecutionService
from melanzana.executions.waking import Waker
from melanzana.generation.step import Step, StepKind, Verdict
from melanzana.generation.variable_coverage import Changes
from melanzana.generation.walk import Walk
from melanzana.graph.formats.document import from_document, to_document
from melanzana.protocol.events import Event, LogWritten, RunFinished, RunStarted, StepFinished, event_to_json
from melanzana.protocol.peer import Lease, Report
from melanzana.protocol.recording import plan_of
from melanzana.protocol.snapshot import Snapshot
from melanzana.reports import api as reports_api
from melanzana.reports import coverage_api
from melanzana.reports.coverage_models import CoverageModels
from melanzana.reports.service import ReportService
from melanzana.server import openapi, problems
from support_auth import BASE_URL, SOMEBODY, Auth, make_auth
from support_executions import doors, sut_service

REALM = "eggplant"
#: When the runs of `stored` began.
BEGUN = datetime(2026, 3, 1, tzinfo=UTC)
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
    model = from_document(snapshot.model)
    walk, changes = Walk(model, plan_of(snapshot)), Changes(model)
    events: list[Event] = [RunStarted(agent=AGENT.name, version="1", suite=snapshot.suite)]
    while (step := walk.next_step(float(len(events)))) is not None:
        verdict, message = judge(step)
        if verdict is not Verdict.PASSED:
            events.append(LogWritten(message=message, severity="INFO", step=step.number))
        finished = _finished(step, walk.record(step, verdict, {}, message), message, snapshot.perform)
        values = changes.of(step.element_id, step.data) if step.kind is StepKind.ACTION else {}
        events.append(replace(finished, values=values))
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


def plan(path: str = "random(actions(6) and iterations(3))", seed: int = 1, on_error: str = "clean") -> Snapshot:
    return Snapshot(
        model=to_document(doors()), model_id=doors().id, model_version=1, model_hash="", path=path, seed=seed, on_error=on_error
    )


def stored(events: tuple[Event, ...], attempt: int = 1, first: int = 1) -> list[StoredEvent]:
    """The events as lines of a log, a second apart."""
    lines = []
    for number, event in enumerate(events):
        body = event_to_json(event)
        lines.append(
            StoredEvent(
                run_id=1,
                seq=first + number,
                attempt=attempt,
                agent_seq=number + 1,
                at=BEGUN + timedelta(seconds=first + number),
                type=body.pop("type"),
                body=body,
            )
        )
    return lines


def server_line(seq: int, kind: str, **body: Any) -> StoredEvent:
    return StoredEvent(run_id=1, seq=seq, attempt=1, agent_seq=None, at=BEGUN + timedelta(seconds=seq), type=kind, body=body)


def execution(state: LifecycleState, reason: str | None = None) -> Execution:
    """An execution that stands so."""
    return Execution(
        id="e",
        run_id=1,
        realm="eggplant",
        state=state,
        attempt=1,
        verdict=None,
        reason=reason,
        message="",
        model_id=doors().id,
        model_version=1,
        model_name="Doors",
        test_case=None,
        path="",
        seed=1,
        perform=True,
        agent_id=1,
        requested_agent_id=None,
        labels=(),
        tags=(),
        ignored_fields=(),
        paused=False,
        created_at=BEGUN,
        created_by="ci",
        started_at=BEGUN,
        ended_at=None,
        snapshot=plan(),
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
        await self.auth.realms.ensure_realm("elsewhere")
        client = await self.auth.clients.create_client("elsewhere", "stranger", actor=SOMEBODY)
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
        self.auth.clock.move(10.0)
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
    suts = sut_service(auth.database, auth.clock)
    executions = ExecutionService(auth.database, auth.clock, LeaseFigures(), Waker(), catalog=catalog, suts=suts)
    reports = ReportService(catalog, executions, database=auth.database)
    gate = Gate(auth.service.believe)
    app = FastAPI(redirect_slashes=False)
    app.include_router(catalog_api.router(catalog, gate))
    app.include_router(reports_api.router(reports, gate, auth.clock))
    app.include_router(coverage_api.router(reports, CoverageModels(auth.database, auth.clock), gate))
    problems.install(app)
    openapi.install(app)
    principal = await auth.service.verify_token(await auth.token())
    return House(auth, catalog, executions, reports, app, principal)

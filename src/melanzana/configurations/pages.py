"""Test configurations: what there is and how it fared, one with its steps, a start of it as it goes on, what is due.

Making and changing them is done over REST; a page starts, aborts and deletes.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Visitor
from melanzana.clock import Clock
from melanzana.configurations.page_words import TASK_WORDS, read_values, step_lines
from melanzana.configurations.records import Filter, StartWish, StepStatus, TaskFilter, TaskInstance, TaskStep, TestConfiguration
from melanzana.configurations.schedule_records import Schedule
from melanzana.configurations.scheduling import ScheduleService
from melanzana.configurations.service import ConfigurationService
from melanzana.configurations.task_shapes import counts
from melanzana.errors import ConflictError, NotFoundError, RequestError
from melanzana.web.pages import Pages

CONFIGURATIONS, SCHEDULES = "/test-configs", "/schedules"
_DOTS, _SHOWN = 10, 25
_Id = Annotated[str, Path(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
_NOT_PASSED = frozenset({StepStatus.FAILED, StepStatus.ERROR, StepStatus.CANCELLED})


def router(service: ConfigurationService, schedules: ScheduleService, gate: Gate, pages: Pages, clock: Clock) -> APIRouter:
    """The pages over both services."""
    routes = APIRouter(include_in_schema=False)
    _add_list(routes, service, schedules, gate, pages)
    _add_one(routes, service, schedules, gate, pages)
    _add_task(routes, service, gate, pages)
    _add_calendar(routes, schedules, gate, pages, clock)
    return routes


def _add_list(routes: APIRouter, service: ConfigurationService, schedules: ScheduleService, gate: Gate, pages: Pages) -> None:
    may_read = Annotated[Visitor, Depends(gate.page(Scope.CONFIGURATIONS_READ))]

    @routes.get(CONFIGURATIONS, response_class=HTMLResponse)
    async def all_configurations(request: Request, visitor: may_read) -> Response:
        realm = visitor.principal.realm
        due = _next_due(await schedules.list(realm))
        rows = []
        for one in await service.list(realm):
            last, _ = await service.instances(realm, TaskFilter(configuration_id=one.id, limit=_DOTS))
            rows.append((one, [(task, *TASK_WORDS[task.state]) for task in last], due.get(one.id)))
        return pages.render(request, "configurations/list.html", visitor=visitor, rows=rows)


def _add_one(routes: APIRouter, service: ConfigurationService, schedules: ScheduleService, gate: Gate, pages: Pages) -> None:
    may_read = Annotated[Visitor, Depends(gate.page(Scope.CONFIGURATIONS_READ))]
    may_start = Annotated[Visitor, Depends(gate.page(Scope.EXECUTIONS_START))]
    may_write = Annotated[Visitor, Depends(gate.page(Scope.CONFIGURATIONS_WRITE))]

    async def shown(
        request: Request, visitor: Visitor, one: TestConfiguration, *, values: str = "", only: str = "", wrong: str = ""
    ) -> Response:
        realm = visitor.principal.realm
        tasks, total = await service.instances(realm, TaskFilter(configuration_id=one.id, limit=_SHOWN))
        scopes = visitor.principal.scopes
        return pages.render(
            request,
            "configurations/one.html",
            visitor=visitor,
            status=422 if wrong else 200,
            one=one,
            steps=step_lines(one.draft),
            tasks=[(task, *TASK_WORDS[task.state], counts(task)) for task in tasks],
            total=total,
            schedules=await schedules.list(realm, one.id),
            values=values,
            only=only,
            wrong=wrong,
            may_start=Scope.EXECUTIONS_START in scopes,
            may_write=Scope.CONFIGURATIONS_WRITE in scopes,
        )

    @routes.get(CONFIGURATIONS + "/{configuration_id}", response_class=HTMLResponse)
    async def configuration(request: Request, visitor: may_read, configuration_id: _Id) -> Response:
        return await shown(request, visitor, await service.get(visitor.principal.realm, configuration_id))

    @routes.post(CONFIGURATIONS + "/{configuration_id}/run", response_class=HTMLResponse)
    async def run(
        request: Request,
        visitor: may_start,
        configuration_id: _Id,
        values: Annotated[str, Form(max_length=20_000)] = "",
        only: Annotated[str, Form(max_length=20)] = "",
    ) -> Response:
        one = await service.get(visitor.principal.realm, configuration_id)
        chosen = Filter(status_include=_NOT_PASSED) if only == "problems" else Filter()
        try:
            wish = StartWish(parameters=read_values(values), filter=chosen, trigger="page")
            task = await service.start(visitor.principal, one.id, wish)
        except RequestError as error:
            return await shown(request, visitor, one, values=values, only=only, wrong=error.message)
        return RedirectResponse(_address(task), 303)

    @routes.post(CONFIGURATIONS + "/{configuration_id}/delete", response_class=HTMLResponse)
    async def delete(request: Request, visitor: may_write, configuration_id: _Id) -> Response:
        one = await service.get(visitor.principal.realm, configuration_id)
        try:
            await service.delete(visitor.principal, one.id)
        except ConflictError as error:
            return await shown(request, visitor, one, wrong=error.message)
        return RedirectResponse(f"{CONFIGURATIONS}?done=deleted", 303)


def _add_task(routes: APIRouter, service: ConfigurationService, gate: Gate, pages: Pages) -> None:
    may_read = Annotated[Visitor, Depends(gate.page(Scope.CONFIGURATIONS_READ))]
    may_abort = Annotated[Visitor, Depends(gate.page(Scope.EXECUTIONS_ABORT))]

    async def of(visitor: Visitor, configuration_id: str, task_id: str) -> TaskInstance:
        """The start of this configuration. Raises NotFoundError, also when it is one of another."""
        found = await service.instance(visitor.principal.realm, task_id)
        if found.configuration_id != configuration_id.lower():
            raise NotFoundError(f"test configuration {configuration_id} was not started as {task_id}", field="task_id")
        return found

    @routes.get(CONFIGURATIONS + "/{configuration_id}/runs/{task_id}", response_class=HTMLResponse)
    async def task(request: Request, visitor: may_read, configuration_id: _Id, task_id: _Id) -> Response:
        found = await of(visitor, configuration_id, task_id)
        mark, word = TASK_WORDS[found.state]
        return pages.render(
            request,
            "configurations/task.html",
            visitor=visitor,
            task=found,
            mark=mark,
            word=word,
            counts=counts(found),
            rows=_worst_first(found),
            live=found.ended_at is None,
            may_abort=Scope.EXECUTIONS_ABORT in visitor.principal.scopes,
            back=f"{CONFIGURATIONS}/{configuration_id}",
        )

    @routes.post(CONFIGURATIONS + "/{configuration_id}/runs/{task_id}/abort")
    async def abort(visitor: may_abort, configuration_id: _Id, task_id: _Id) -> Response:
        found = await of(visitor, configuration_id, task_id)
        with suppress(ConflictError):  # it has ended meanwhile, and its page says how
            await service.abort(visitor.principal.realm, found.id)
        return RedirectResponse(_address(found), 303)


def _add_calendar(routes: APIRouter, schedules: ScheduleService, gate: Gate, pages: Pages, clock: Clock) -> None:
    may_read = Annotated[Visitor, Depends(gate.page(Scope.CONFIGURATIONS_READ))]

    @routes.get(SCHEDULES, response_class=HTMLResponse)
    async def calendar(request: Request, visitor: may_read, days: Annotated[int, Query(ge=1, le=31)] = 7) -> Response:
        realm, now = visitor.principal.realm, clock.now()
        entries = await schedules.calendar(realm, now, now + timedelta(days=days))
        by_day = [(day, list(found)) for day, found in groupby(entries, key=lambda entry: entry[0].date())]
        return pages.render(
            request,
            "configurations/schedules.html",
            visitor=visitor,
            schedules=await schedules.list(realm),
            by_day=by_day,
            days=days,
        )


def _worst_first(task: TaskInstance) -> list[tuple[TaskStep, str, str]]:
    """Steps with their marks: what did not pass stands first, the others in their order."""
    rows = [(step, *_STEP_WORDS[step.status]) for step in task.steps]
    return sorted(rows, key=lambda row: row[0].status not in _NOT_PASSED)


_STEP_WORDS = {
    StepStatus.PENDING: ("off", "Pending"),
    StepStatus.RUNNING: ("now", "Running"),
    StepStatus.PASSED: ("ok", "Passed"),
    StepStatus.FAILED: ("bad", "Failed"),
    StepStatus.ERROR: ("warn", "Error"),
    StepStatus.CANCELLED: ("off", "Cancelled"),
    StepStatus.UNTESTED: ("off", "Untested"),
}


def _next_due(found: Sequence[Schedule]) -> dict[str, datetime]:
    """When each configuration is started next, by its id."""
    due: dict[str, datetime] = {}
    for one in found:
        if one.draft.enabled and one.due_at is not None:
            key = one.draft.configuration_id
            due[key] = min(one.due_at, due.get(key, one.due_at))
    return due


def _address(task: TaskInstance) -> str:
    return f"{CONFIGURATIONS}/{task.configuration_id}/runs/{task.id}"

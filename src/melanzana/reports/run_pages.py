"""One run: how it stands, the step that failed with its pictures, its path on the model, its log; each step; abort, pause, again.

A run that is under way is followed over one stream (`live.py`); without script there is a link that shows the page anew.
"""

from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Visitor
from melanzana.errors import NotFoundError
from melanzana.executions.records import LifecycleState, StartRequest
from melanzana.executions.service import ExecutionService
from melanzana.reports import shapes
from melanzana.reports.drawing import draw
from melanzana.reports.files_api import AttachmentId, FileFormat, file_answer, report_answer
from melanzana.reports.finding import find_lines
from melanzana.reports.page_lines import lines_of
from melanzana.reports.pages import RUNS
from melanzana.reports.run_words import WORDS, figures, phase, sentence
from melanzana.reports.service import ReportService
from melanzana.reports.steps import step_of
from melanzana.reports.viewing import RunView
from melanzana.web.pages import Pages

#: Lines of the log on one page, slowest elements, and newest files.
LINES, SLOWEST, NEWEST = 500, 5, 24
_LARGEST = 2**53
_SHRINKS = frozenset({LifecycleState.FAILED, LifecycleState.ERROR})
_After = Annotated[int | None, Query(ge=0, le=_LARGEST)]
_Find = Annotated[str, Query(max_length=200)]
_Number = shapes.StepNumber


class RunRooms(NamedTuple):
    """What these pages ask."""

    reports: ReportService
    executions: ExecutionService


def router(rooms: RunRooms, gate: Gate, pages: Pages) -> APIRouter:
    """The run, its steps, and its files."""
    routes = APIRouter(include_in_schema=False)
    may_read = Annotated[Visitor, Depends(gate.page(Scope.REPORTS_READ))]

    @routes.get(RUNS + "/{run_id}", response_class=HTMLResponse)
    async def run(
        request: Request, visitor: may_read, run_id: shapes.RunRefPath, after: _After = None, find: _Find = ""
    ) -> Response:
        shown = await _shown(rooms, visitor, shapes.run_ref(run_id), after, find.strip())
        return pages.render(request, "reports/run.html", visitor=visitor, **shown)

    @routes.get(RUNS + "/{run_id}/steps/{number}", response_class=HTMLResponse)
    async def step(request: Request, visitor: may_read, run_id: shapes.RunRefPath, number: _Number) -> Response:
        shown = await _step(rooms, visitor.principal.realm, shapes.run_ref(run_id), number)
        return pages.render(request, "reports/step.html", visitor=visitor, **shown)

    @routes.get(RUNS + "/{run_id}/attachments/{attachment_id}")
    async def attachment(visitor: may_read, run_id: shapes.RunRefPath, attachment_id: AttachmentId) -> Response:
        return file_answer(*await rooms.reports.attachment(visitor.principal.realm, shapes.run_ref(run_id), attachment_id))

    @routes.get(RUNS + "/{run_id}/report/{form}")
    async def report(visitor: may_read, run_id: shapes.RunRefPath, form: FileFormat) -> Response:
        return await report_answer(rooms.reports, visitor.principal.realm, shapes.run_ref(run_id), form)

    _add_actions(routes, rooms.executions, gate)
    return routes


def _add_actions(routes: APIRouter, executions: ExecutionService, gate: Gate) -> None:
    """Abort, pause, continue, run again."""
    may_abort = Annotated[Visitor, Depends(gate.page(Scope.EXECUTIONS_ABORT))]
    may_start = Annotated[Visitor, Depends(gate.page(Scope.EXECUTIONS_START))]

    @routes.post(RUNS + "/{run_id}/abort")
    async def abort(visitor: may_abort, run_id: shapes.RunRefPath) -> Response:
        await executions.abort(visitor.principal.realm, shapes.run_ref(run_id), visitor.principal.name)
        return RedirectResponse(f"{RUNS}/{run_id}?done=aborted", 303)

    @routes.post(RUNS + "/{run_id}/pause")
    async def pause(visitor: may_abort, run_id: shapes.RunRefPath) -> Response:
        await executions.pause(visitor.principal.realm, shapes.run_ref(run_id), visitor.principal.name)
        return RedirectResponse(f"{RUNS}/{run_id}?done=paused", 303)

    @routes.post(RUNS + "/{run_id}/continue")
    async def go_on(visitor: may_abort, run_id: shapes.RunRefPath) -> Response:
        await executions.resume(visitor.principal.realm, shapes.run_ref(run_id), visitor.principal.name)
        return RedirectResponse(f"{RUNS}/{run_id}?done=continued", 303)

    @routes.post(RUNS + "/{run_id}/again")
    async def again(visitor: may_start, run_id: shapes.RunRefPath) -> Response:
        before = await executions.get(visitor.principal.realm, shapes.run_ref(run_id))
        started = await executions.start(StartRequest(rerun_of=before.run_id, tags=before.tags), visitor.principal)
        return RedirectResponse(f"{RUNS}/{started.run_id}?done=started", 303)


async def _shown(rooms: RunRooms, visitor: Visitor, ref: int | str, after: int | None, find: str) -> dict[str, Any]:
    """What the page of a run shows: of the log the part behind `after`, or its end, or the lines in which `find` stands."""
    realm, scopes = visitor.principal.realm, visitor.principal.scopes
    view = await rooms.reports.view(realm, ref)
    run, last = view.report.row.execution, view.report.last_seq
    log = await (_found(rooms, view, realm, find) if find else _part(rooms, view, realm, after))
    before, behind = await rooms.executions.neighbours(realm, run.run_id)
    same, _ = await rooms.executions.neighbours(realm, run.run_id, run.model_id)
    stands = run.paused or run.pause_requested
    may_steer = view.is_live and run.state is not LifecycleState.ABORTING and Scope.EXECUTIONS_ABORT in scopes
    picture = draw(view.model, view.hits, view.taken)
    return {
        **head_of(view),
        **log,
        "find": find,
        "last": last,
        "picture": picture,
        "ran": True,
        "standing": view.standing,
        "may_abort": may_steer,
        "may_pause": may_steer and not stands and run.state is not LifecycleState.QUEUED,
        "may_continue": may_steer and stands,
        "may_start": Scope.EXECUTIONS_START in scopes,
        "may_shrink": not view.is_live and run.perform and run.state in _SHRINKS and Scope.EXECUTIONS_START in scopes,
        "timings": view.timings[:SLOWEST],
        "formats": list(FileFormat),
        "run_before": before,
        "same_before": same,
        "run_behind": behind,
    }


def head_of(view: RunView) -> dict[str, Any]:
    """What the top of the page shows, which changes while the run goes on; the same for everybody."""
    state, failing = view.report.row.execution.state, view.report.failing
    pictures = [one for one in view.kept if one.is_image]
    return {
        "report": view.report,
        "run": view.report.row.execution,
        "phase": phase(view.report.row.execution),
        "mark": WORDS[state][0],
        "word": WORDS[state][1],
        "sentence": sentence(view.report),
        "figures": figures(view.report),
        "rules": view.rules,
        "live": view.is_live,
        "failing_page": failing and f"?after={(failing.seq - 1) // LINES * LINES}#line-{failing.seq}",
        "pictures": [one for one in pictures if failing is not None and one.step == failing.number],
        "newest": view.kept[-NEWEST:],
        "kept_count": len(view.kept),
    }


async def _part(rooms: RunRooms, view: RunView, realm: str, after: int | None) -> dict[str, Any]:
    last = view.report.last_seq
    end = max(last - 1, 0) // LINES * LINES
    start = end if after is None else after
    events = await rooms.reports.events(realm, view.report.row.execution.run_id, start, min(LINES, max(last - start, 0)) or 1)
    return {
        "lines": list(lines_of([event for event in events if event.seq <= last], view.report.names)),
        "at_end": start >= end,
        "first": "?after=0#log" if start else "",
        "before": f"?after={max(start - LINES, 0)}#log" if start else "",
        "behind": f"?after={start + LINES}#log" if last > start + LINES else "",
        "span": f"{start + 1:,} to {min(start + LINES, last):,} of {last:,}",
        "told": "",
    }


async def _found(rooms: RunRooms, view: RunView, realm: str, find: str) -> dict[str, Any]:
    run_id = view.report.row.execution.run_id
    found = await find_lines(lambda after, limit: rooms.reports.events(realm, run_id, after, limit), view.report.names, find, LINES)
    told = f"{found.total:,} lines of {view.report.last_seq:,} hold this" + (
        f"; the first {LINES:,} are shown." if found.cut else "."
    )
    return {"lines": found.lines, "at_end": False, "first": "", "before": "", "behind": "", "span": "", "told": told}


async def _step(rooms: RunRooms, realm: str, ref: int | str, number: int) -> dict[str, Any]:
    """One step with what belongs to it. Errors: NotFoundError."""
    view = await rooms.reports.view(realm, ref)
    run_id = view.report.row.execution.run_id
    attempt = view.report.row.execution.attempt
    found = await step_of(
        lambda after, limit: rooms.reports.events(realm, run_id, after, limit), view.report.names, number, attempt
    )
    if found is None:
        raise NotFoundError(f"run {run_id} has no step {number}", field="number")
    state = view.report.row.execution.state
    steps = view.report.progress.steps
    return {
        "run": view.report.row.execution,
        "mark": WORDS[state][0],
        "word": WORDS[state][1],
        "step": found,
        "number": number,
        "log_page": f"{RUNS}/{run_id}?after={(found.seq - 1) // LINES * LINES}#line-{found.seq}",
        "step_before": number - 1 if number > 1 else 0,
        "step_behind": number + 1 if number < steps else 0,
        "failing": view.report.failing,
    }

"""Runs, and one run: how it stands, the step that failed with its pictures, what was covered, and the whole log.

A run that is under way is shown anew every other second by `live.js`; without script there is a link that does it. What is sought
stands in the address.
"""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Visitor
from melanzana.errors import RequestError
from melanzana.executions.lifecycle import TERMINAL
from melanzana.executions.records import ExecutionFilter, LifecycleState, StartRequest
from melanzana.executions.service import ExecutionService
from melanzana.reports import shapes
from melanzana.reports.files_api import AttachmentId, FileFormat, file_answer, report_answer
from melanzana.reports.page_lines import lines_of
from melanzana.reports.query import read_query
from melanzana.reports.records import RunReport, RunRow
from melanzana.reports.service import ReportService
from melanzana.web.pages import Pages

RUNS = "/runs"
_PAGE, _LINES = 50, 500
_LARGEST = 2**53
#: Questions that are asked often: what the link says, and the query behind it.
QUESTIONS = (
    ("All", ""),
    ("Under way", "status:running"),
    ("Failed", "status:failed"),
    ("Errors", "status:error"),
    ("Passed", "status:passed"),
)
#: Colour and glyph of a state, and what people call it.
WORDS = {
    LifecycleState.QUEUED: ("off", "Queued"),
    LifecycleState.LEASED: ("now", "Starting"),
    LifecycleState.RUNNING: ("now", "Running"),
    LifecycleState.ABORTING: ("warn", "Stopping"),
    LifecycleState.PASSED: ("ok", "Passed"),
    LifecycleState.FAILED: ("bad", "Failed"),
    LifecycleState.ERROR: ("warn", "Error"),
    LifecycleState.ABORTED: ("off", "Cancelled"),
}
_Text = Annotated[str, Query(alias="q")]
_After = Annotated[int | None, Query(ge=0, le=_LARGEST)]


def router(service: ReportService, executions: ExecutionService, gate: Gate, pages: Pages) -> APIRouter:
    """The list, the run, and its files."""
    routes = APIRouter(include_in_schema=False)
    may_read = Annotated[Visitor, Depends(gate.page(Scope.REPORTS_READ))]

    @routes.get(RUNS, response_class=HTMLResponse)
    async def runs(
        request: Request, visitor: may_read, text: _Text = "", offset: Annotated[int, Query(ge=0, le=_LARGEST)] = 0
    ) -> Response:
        found, error = await _found(service, visitor.principal.realm, text, offset)
        return pages.render(request, "reports/runs.html", visitor=visitor, status=422 if error else 200, error=error, **found)

    @routes.get(RUNS + "/{run_id}", response_class=HTMLResponse)
    async def run(request: Request, visitor: may_read, run_id: shapes.RunRefPath, after: _After = None) -> Response:
        shown = await _shown(service, visitor, shapes.run_ref(run_id), after)
        return pages.render(request, "reports/run.html", visitor=visitor, **shown)

    @routes.get(RUNS + "/{run_id}/attachments/{attachment_id}")
    async def attachment(visitor: may_read, run_id: shapes.RunRefPath, attachment_id: AttachmentId) -> Response:
        return file_answer(*await service.attachment(visitor.principal.realm, shapes.run_ref(run_id), attachment_id))

    @routes.get(RUNS + "/{run_id}/report/{form}")
    async def report(visitor: may_read, run_id: shapes.RunRefPath, form: FileFormat) -> Response:
        return await report_answer(service, visitor.principal.realm, shapes.run_ref(run_id), form)

    _add_actions(routes, executions, gate)
    return routes


def _add_actions(routes: APIRouter, executions: ExecutionService, gate: Gate) -> None:
    """Abort, continue, run again."""
    may_abort = Annotated[Visitor, Depends(gate.page(Scope.EXECUTIONS_ABORT))]
    may_start = Annotated[Visitor, Depends(gate.page(Scope.EXECUTIONS_START))]

    @routes.post(RUNS + "/{run_id}/abort")
    async def abort(visitor: may_abort, run_id: shapes.RunRefPath) -> Response:
        await executions.abort(visitor.principal.realm, shapes.run_ref(run_id), visitor.principal.name)
        return RedirectResponse(f"{RUNS}/{run_id}?done=aborted", 303)

    @routes.post(RUNS + "/{run_id}/continue")
    async def go_on(visitor: may_start, run_id: shapes.RunRefPath) -> Response:
        await executions.resume(visitor.principal.realm, shapes.run_ref(run_id), visitor.principal.name)
        return RedirectResponse(f"{RUNS}/{run_id}?done=continued", 303)

    @routes.post(RUNS + "/{run_id}/again")
    async def again(visitor: may_start, run_id: shapes.RunRefPath) -> Response:
        before = await executions.get(visitor.principal.realm, shapes.run_ref(run_id))
        started = await executions.start(StartRequest(rerun_of=before.run_id, tags=before.tags), visitor.principal)
        return RedirectResponse(f"{RUNS}/{started.run_id}?done=started", 303)


async def _found(service: ReportService, realm: str, text: str, offset: int) -> tuple[dict[str, Any], str]:
    """What the list shows, and what is wrong with the query."""
    error, rows, total = "", tuple[RunRow, ...](), 0
    try:
        wanted = await _filter(service, realm, text, offset)
    except RequestError as wrong:
        error, wanted = wrong.message, None
    if wanted is not None:
        page = await service.list_runs(realm, wanted)
        rows, total = page.rows, page.total
    last = offset + len(rows)
    shown = {
        "rows": [(row, *WORDS[row.execution.state]) for row in rows],
        "total": total,
        "text": text,
        "live": any(row.execution.state not in TERMINAL for row in rows),
        "questions": [(title, _address(query), query == text.strip()) for title, query in QUESTIONS],
        "span": f"{offset + 1:,} to {last:,} of {total:,}" if rows else "",
        "newer": _address(text, offset=max(offset - _PAGE, 0)) if offset else "",
        "older": _address(text, offset=last) if last < total else "",
    }
    return shown, error


async def _filter(service: ReportService, realm: str, text: str, offset: int) -> ExecutionFilter | None:
    """None: nothing can be meant. Errors: RequestError."""
    asked = read_query(text)
    model = None if asked.model is None else await service.model_named(realm, asked.model)
    if asked.model is not None and model is None:
        return None
    case = None if asked.case is None else await service.case_uuid(realm, asked.case)
    return ExecutionFilter(states=asked.states, tag=asked.tag, model_id=model, test_case=case, limit=_PAGE, offset=offset)


async def _shown(service: ReportService, visitor: Visitor, ref: int | str, after: int | None) -> dict[str, Any]:
    """What the page of a run shows: of the log the part behind `after`; by itself the beginning, or the end while it goes on."""
    realm, scopes = visitor.principal.realm, visitor.principal.scopes
    report = await service.run(realm, ref)
    state = report.row.execution.state
    live = state not in TERMINAL
    if after is None:
        after = max(report.last_seq - 1, 0) // _LINES * _LINES if live else 0
    events = await service.events(realm, ref, after, _LINES)
    kept = await service.attachments(realm, ref)
    failing = report.failing
    return {
        "report": report,
        "run": report.row.execution,
        "mark": WORDS[state][0],
        "word": WORDS[state][1],
        "sentence": _sentence(report),
        "figures": _figures(report),
        "lines": list(lines_of(events, report.names)),
        "live": live,
        "may_abort": live and state is not LifecycleState.ABORTING and Scope.EXECUTIONS_ABORT in scopes,
        "may_start": Scope.EXECUTIONS_START in scopes,
        "timings": (await service.timings(realm, ref))[:5],
        "pictures": [one for one in kept if one.is_image and failing is not None and one.step == failing.number],
        "kept": kept,
        "formats": list(FileFormat),
        "failing_page": failing and f"?after={(failing.seq - 1) // _LINES * _LINES}#line-{failing.seq}",
        "before": f"?after={max(after - _LINES, 0)}" if after else "",
        "behind": f"?after={after + _LINES}" if report.last_seq > after + _LINES else "",
        "span": f"{after + 1:,} to {min(after + _LINES, report.last_seq):,} of {report.last_seq:,}",
    }


def _sentence(report: RunReport) -> str:
    """The state of the run in one sentence."""
    run, failing = report.row.execution, report.failing
    if run.state in {LifecycleState.FAILED, LifecycleState.ERROR} and failing is not None:
        return f"Step {failing.number}, {failing.kind} \u201c{failing.element}\u201d: {failing.message or failing.verdict}"
    if run.state is LifecycleState.QUEUED:
        return f"{run.waiting_for or 'waiting for an agent'}.".capitalize()
    if run.paused:
        return "Paused after a step that did not pass: continue or abort."
    if run.message:
        return run.message
    return (
        f"{report.progress.steps:,} steps, {report.progress.actions:,} actions, {max(report.progress.iterations, 1):,} iterations."
    )


def _figures(report: RunReport) -> list[tuple[str, int, int, int]]:
    """Of each kind of coverage: its name, covered, total, percent."""
    done = report.progress
    kinds = [("States", done.states), ("Actions", done.action_coverage), ("Transitions", done.transitions)]
    if done.requirements.total:
        kinds.append(("Requirements", done.requirements))
    return [(name, one.covered, one.total, int(one.ratio * 100)) for name, one in kinds]


def _address(text: str, *, offset: int = 0) -> str:
    """Of the page of the list that shows this query."""
    values = {name: value for name, value in (("q", text), ("offset", offset)) if value}
    return RUNS + (f"?{urlencode(values)}" if values else "")

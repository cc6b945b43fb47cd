"""Models, and one model: its picture, coverage over all runs, findings, test cases and versions; upload, export, and the form that
starts a run.

These pages show what catalog, executions and reports know together, so they stand in the topmost of these rooms.
"""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Form, Query, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Visitor
from melanzana.catalog import intake
from melanzana.catalog.drafts import DraftService
from melanzana.catalog.records import ModelEntry, ModelFilter
from melanzana.catalog.service import CatalogService
from melanzana.errors import InvalidModelError, MelanzanaError, RequestError
from melanzana.executions.records import ExecutionFilter, StartRequest
from melanzana.executions.service import ExecutionService
from melanzana.generation.checking.semantics import examine
from melanzana.graph.findings import Finding, Severity
from melanzana.graph.formats.document import from_document
from melanzana.graph.formats.text import write_text
from melanzana.graph.model import Box, Model
from melanzana.reports import shapes
from melanzana.reports.coverage import flat
from melanzana.reports.drawing import draw
from melanzana.reports.records import CoverageReport, CoverageWish
from melanzana.reports.run_words import WORDS
from melanzana.reports.service import ReportService
from melanzana.web.pages import Pages

MODELS = "/models"
_PAGE, _DOTS = 50, 10
_LARGEST = 2**53
#: Configurations that the findings of a page are looked for in.
_LOOKED_AT = 2_000
_MARKS = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.INFO: "off"}


class ModelRooms(NamedTuple):
    """What these pages ask."""

    catalog: CatalogService
    executions: ExecutionService
    reports: ReportService
    drafts: DraftService


class RunForm(NamedTuple):
    """What a person asks of a run, as they wrote it."""

    path: str = ""
    test_case: str = ""
    seed: str = ""
    tags: str = ""
    dry: bool = False


def router(rooms: ModelRooms, gate: Gate, pages: Pages) -> APIRouter:
    """The list, the model, its file, and the forms."""
    routes = APIRouter(include_in_schema=False)
    may_read = Annotated[Visitor, Depends(gate.page(Scope.MODELS_READ))]

    @routes.get(MODELS, response_class=HTMLResponse)
    async def models(request: Request, visitor: may_read, offset: Annotated[int, Query(ge=0, le=_LARGEST)] = 0) -> Response:
        return await _list(rooms, pages, request, visitor, offset=offset)

    @routes.get(MODELS + "/{model_id}", response_class=HTMLResponse)
    async def model(request: Request, visitor: may_read, model_id: shapes.ModelRefPath) -> Response:
        return await _one(rooms, pages, request, visitor, model_id)

    @routes.get(MODELS + "/{model_id}/file")
    async def file(visitor: may_read, model_id: shapes.ModelRefPath) -> Response:
        version = await rooms.catalog.version(visitor.principal.realm, shapes.run_ref(model_id))
        kept = version.source if version.source_format == "text" else None
        text = kept or await asyncio.to_thread(lambda: write_text(from_document(version.document)))
        headers = {"Content-Disposition": f'attachment; filename="model-{version.model_id}.yaml"', "Cache-Control": "no-store"}
        return Response(text, media_type="application/yaml", headers=headers)

    _add_forms(routes, rooms, gate, pages)
    return routes


def _add_forms(routes: APIRouter, rooms: ModelRooms, gate: Gate, pages: Pages) -> None:
    """Upload a model, start a run."""
    may_write = Annotated[Visitor, Depends(gate.page(Scope.MODELS_WRITE))]
    may_start = Annotated[Visitor, Depends(gate.page(Scope.EXECUTIONS_START))]

    @routes.post(MODELS, response_class=HTMLResponse)
    async def upload(request: Request, visitor: may_write, file: UploadFile) -> Response:
        try:
            content = await file.read()
            if not content:
                raise RequestError("choose a file that holds a model", field="file")
            read = await asyncio.to_thread(intake.read_text, content)
            saved = await rooms.catalog.save(visitor.principal.realm, read, visitor.principal.name)
        except MelanzanaError as error:
            findings = error.findings if isinstance(error, InvalidModelError) else ()
            return await _list(rooms, pages, request, visitor, wrong=error.message, findings=findings)
        done = "added" if saved.created else "kept"
        return RedirectResponse(f"{MODELS}/{saved.entry.id}?done={done}", 303)

    @routes.post(MODELS + "/{model_id}/runs", response_class=HTMLResponse)
    async def start(
        request: Request,
        visitor: may_start,
        model_id: shapes.ModelRefPath,
        *,
        path: Annotated[str, Form(max_length=10_000)] = "",
        test_case: Annotated[str, Form(max_length=200)] = "",
        seed: Annotated[str, Form(max_length=30)] = "",
        tags: Annotated[str, Form(max_length=1_000)] = "",
        dry: Annotated[str, Form(max_length=5)] = "",
    ) -> Response:
        form = RunForm(path.strip(), test_case, seed.strip(), tags, bool(dry))
        try:
            started = await rooms.executions.start(_request(shapes.run_ref(model_id), form), visitor.principal)
        except MelanzanaError as error:
            return await _one(rooms, pages, request, visitor, model_id, form=form, error=error)
        return RedirectResponse(f"/runs/{started.run_id}?done=started", 303)


def _request(model: int | str, form: RunForm) -> StartRequest:
    """Errors: RequestError for a seed that is no number."""
    if form.path and form.test_case:
        raise RequestError("choose a test case or write a path, not both", field="path")
    if form.seed and not (form.seed.isascii() and form.seed.isdigit()):
        raise RequestError("a seed is a whole number from 0", field="seed")
    return StartRequest(
        model=model,
        path=form.path or None,
        test_case=form.test_case or None,
        seed=int(form.seed) if form.seed else None,
        tags=tuple(tag.strip() for tag in form.tags.split(",") if tag.strip()),
        perform=not form.dry,
    )


async def _list(
    rooms: ModelRooms,
    pages: Pages,
    request: Request,
    visitor: Visitor,
    *,
    offset: int = 0,
    wrong: str = "",
    findings: tuple[Finding, ...] = (),
) -> Response:
    realm = visitor.principal.realm
    entries, total = await rooms.catalog.list_models(realm, ModelFilter(offset=offset, limit=_PAGE))
    last = offset + len(entries)
    return pages.render(
        request,
        "reports/models.html",
        visitor=visitor,
        status=422 if wrong else 200,
        rows=[(entry, await _dots(rooms, realm, entry)) for entry in entries],
        wrong=wrong,
        findings=findings,
        may_write=Scope.MODELS_WRITE in visitor.principal.scopes,
        span=f"{offset + 1:,} to {last:,} of {total:,}",
        before=f"{MODELS}?offset={max(offset - _PAGE, 0)}" if offset else "",
        behind=f"{MODELS}?offset={last}" if last < total else "",
    )


async def _dots(rooms: ModelRooms, realm: str, entry: ModelEntry) -> list[tuple[int, str, str]]:
    """The newest runs, the oldest of them first: number, colour, word."""
    page = await rooms.executions.list(realm, ExecutionFilter(model_id=entry.uuid, limit=_DOTS))
    return [(run.run_id, *WORDS[run.state]) for run in reversed(page.items)]


async def _one(
    rooms: ModelRooms,
    pages: Pages,
    request: Request,
    visitor: Visitor,
    model_id: str,
    *,
    form: RunForm | None = None,
    error: MelanzanaError | None = None,
) -> Response:
    realm, ref, scopes = visitor.principal.realm, shapes.run_ref(model_id), visitor.principal.scopes
    entry, version = await rooms.catalog.current(realm, ref)
    cases = await rooms.catalog.list_test_cases(realm, ref)
    figures = {case.uuid: one for case, one in await rooms.reports.analyses.cases(realm, ref)}
    report = await rooms.reports.model_coverage(realm, ref, CoverageWish())
    boxes = await rooms.drafts.boxes(entry)
    drawn = await asyncio.to_thread(lambda: _drawn(from_document(version.document), report, boxes))
    field = str(error.detail.get("field", "path")) if error is not None else ""
    return pages.render(
        request,
        "reports/model.html",
        visitor=visitor,
        status=422 if error else 200,
        entry=entry,
        report=report,
        ran=report.runs > 0,
        cases=[(case, figures.get(case.uuid)) for case in cases],
        defects=await rooms.reports.analyses.defects(realm, ref) if report.runs else (),
        words=WORDS,
        case_choices=[("", "none: explore"), *((case.uuid, case.name) for case in cases)],
        versions=await rooms.catalog.list_versions(realm, ref),
        dots=await _dots(rooms, realm, entry),
        form=form or RunForm(),
        wrong={field if field in RunForm._fields else "path": error.message} if error is not None else {},
        may_start=Scope.EXECUTIONS_START in scopes,
        may_write=Scope.MODELS_WRITE in scopes,
        **drawn,
    )


def _drawn(model: Model, report: CoverageReport, boxes: Mapping[str, Box]) -> dict[str, Any]:
    """What is made of the model itself."""
    hits, taken = _hits(report)
    further = report.further
    kinds = (("States", further.states), ("Actions", further.actions), ("Transitions", further.transitions))
    return {
        "model": model,
        "names": {state.id: state.name for state in model.states} | {action.id: action.name for _, action in model.actions()},
        "hits": hits,
        "picture": draw(model, hits, taken, boxes or model.layout),
        "figures": [(name, one) for name, one in kinds],
        "findings": [(_MARKS[one.severity], one) for one in examine(model, _LOOKED_AT)],
        "owned": [(state.name, state.id, state.actions) for state in model.states]
        + ([("anywhere", "anywhere", model.global_actions)] if model.global_actions else []),
    }


def _hits(report: CoverageReport) -> tuple[dict[str, int], dict[tuple[str, str | None], int]]:
    """How often elements, and actions with their targets, were gone through; of a transition any of its action's counts."""
    items = [item for item in flat(report.tree.root.items) if item.element_id is not None]
    hits = {item.element_id: item.hit_count for item in items if item.element_id is not None}
    return hits, dict(report.tree.transition_hits)

"""Test cases: all of them, and the page where one is built from the actions that can come next.

Building is links and a form, without script. Saving edits the newest version of the model, as the REST API does.
"""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Visitor
from melanzana.catalog.drafts import DraftService
from melanzana.catalog.records import ModelEntry, ModelFilter, TestCaseEntry
from melanzana.catalog.service import CatalogService
from melanzana.errors import MelanzanaError, NotFoundError, RequestError
from melanzana.graph.editing.edits import Edit, Op
from melanzana.graph.formats.document import from_document
from melanzana.graph.model import Model
from melanzana.reports import shapes
from melanzana.reports.case_building import bridged, build, case_of, edit_steps, read_steps, walked_actions, write_steps
from melanzana.reports.run_words import WORDS
from melanzana.reports.service import ReportService
from melanzana.web.pages import Pages

CASES = "/test-cases"
_PAGE, _DOTS = 25, 10
_LARGEST = 2**53
_CaseId = Annotated[int, Path(ge=1, le=_LARGEST)]
_Steps = Annotated[str | None, Query(max_length=4_000)]


class CaseRooms(NamedTuple):
    """What these pages ask."""

    catalog: CatalogService
    drafts: DraftService
    reports: ReportService


class Wanted(NamedTuple):
    """A test case to be built: the model, the case it was, its steps."""

    entry: ModelEntry
    version: int
    model: Model
    known: TestCaseEntry | None
    actions: list[str]


def router(rooms: CaseRooms, gate: Gate, pages: Pages) -> APIRouter:
    """The list, a new one, and one that there is."""
    routes = APIRouter(include_in_schema=False)
    may_read = Annotated[Visitor, Depends(gate.page(Scope.MODELS_READ))]
    may_write = Annotated[Visitor, Depends(gate.page(Scope.MODELS_WRITE))]

    @routes.get(CASES, response_class=HTMLResponse)
    async def cases(
        request: Request,
        visitor: may_read,
        q: Annotated[str, Query(max_length=200)] = "",
        offset: Annotated[int, Query(ge=0, le=_LARGEST)] = 0,
    ) -> Response:
        return await _list(rooms, pages, request, visitor, q.strip(), offset=offset)

    @routes.get(CASES + "/new", response_class=HTMLResponse)
    async def new_case(
        request: Request,
        visitor: may_write,
        model: Annotated[str, Query(max_length=40)] = "",
        run: Annotated[int | None, Query(ge=1, le=_LARGEST)] = None,
        *,
        version: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
        steps: _Steps = "",
        goto: Annotated[str, Query(max_length=10)] = "",
    ) -> Response:
        realm = visitor.principal.realm
        if run is not None:
            return await _from_run(rooms, realm, run)
        if not model:
            entries, _ = await rooms.catalog.list_models(realm, ModelFilter(limit=500))
            return pages.render(request, "reports/new_case.html", visitor=visitor, entries=entries)
        wanted = await _wanted(rooms, realm, (model, version), None, steps)
        return await _building(rooms, pages, request, visitor, wanted, goto=goto)

    @routes.get(CASES + "/{case_id}", response_class=HTMLResponse)
    async def one_case(
        request: Request,
        visitor: may_read,
        case_id: _CaseId,
        steps: _Steps = None,
        *,
        version: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
        goto: Annotated[str, Query(max_length=10)] = "",
    ) -> Response:
        entry, case = await rooms.catalog.case_by_number(visitor.principal.realm, case_id)
        wanted = await _wanted(rooms, visitor.principal.realm, (str(entry.id), version), case, steps)
        return await _building(rooms, pages, request, visitor, wanted, goto=goto)

    _add_forms(routes, rooms, gate, pages)
    return routes


def _add_forms(routes: APIRouter, rooms: CaseRooms, gate: Gate, pages: Pages) -> None:
    """Save, duplicate, delete."""
    may_write = Annotated[Visitor, Depends(gate.page(Scope.MODELS_WRITE))]

    @routes.post(CASES, response_class=HTMLResponse)
    async def save(request: Request, visitor: may_write) -> Response:
        form = await request.form()
        realm = visitor.principal.realm
        number, version = _word(form, "case"), _word(form, "version")
        known = (await rooms.catalog.case_by_number(realm, int(number)))[1] if number.isdecimal() else None
        pinned = int(version) if version.isdecimal() and len(version) < 10 else None
        wanted = await _wanted(rooms, realm, (_word(form, "model"), pinned), known, _word(form, "steps"))
        try:
            kept = await _kept(rooms, visitor, wanted, form)
        except MelanzanaError as error:
            return await _building(rooms, pages, request, visitor, wanted, form=form, error=error)
        return RedirectResponse(f"{CASES}/{kept.id}?done=saved", 303)

    @routes.post(CASES + "/{case_id}/duplicate")
    async def duplicate(visitor: may_write, case_id: _CaseId) -> Response:
        realm = visitor.principal.realm
        entry, case = await rooms.catalog.case_by_number(realm, case_id)
        _, own = await rooms.drafts.edit_newest(realm, entry.id, [Edit(op=Op.DUPLICATE, element=case.uuid)], visitor.principal.name)
        second = await rooms.catalog.test_case(realm, entry.id, own)
        return RedirectResponse(f"{CASES}/{second.id}?done=duplicated", 303)

    @routes.post(CASES + "/{case_id}/delete")
    async def delete(visitor: may_write, case_id: _CaseId) -> Response:
        realm = visitor.principal.realm
        entry, case = await rooms.catalog.case_by_number(realm, case_id)
        await rooms.drafts.edit_newest(realm, entry.id, [Edit(op=Op.DELETE, element=case.uuid)], visitor.principal.name)
        return RedirectResponse(f"{CASES}?done=deleted", 303)


async def _wanted(
    rooms: CaseRooms, realm: str, place: tuple[str, int | None], known: TestCaseEntry | None, steps: str | None
) -> Wanted:
    """`place`: the model and its version. `steps` None: those that the test case has."""
    ref = place[0].strip().lower()
    entry, version = await rooms.catalog.current(realm, int(ref) if ref.isdecimal() and len(ref) < 19 else ref, place[1])
    model = await asyncio.to_thread(from_document, version.document)
    actions = [step.action for step in known.case.steps] if steps is None and known is not None else read_steps(steps or "", model)
    return Wanted(entry, version.version, model, known, actions)


async def _kept(rooms: CaseRooms, visitor: Visitor, wanted: Wanted, form: FormData) -> TestCaseEntry:
    """The test case in the newest version. Errors: RequestError with the field, and what `edit_newest` raises."""
    realm, by, known = visitor.principal.realm, visitor.principal.name, wanted.known
    if not wanted.actions:
        raise RequestError("the test case has no steps: choose what comes first", field="steps")
    fields = {
        "steps": edit_steps(case_of(wanted.actions, known.case if known else None)),
        "description": _word(form, "description").replace("\r\n", "\n"),
        "tags": [tag.strip() for tag in _word(form, "tags").split(",") if tag.strip()],
    }
    name = _word(form, "name")
    if known is None:
        edits = [Edit(op=Op.ADD_CASE, name=name, fields=fields)]
    else:
        edits = [Edit(op=Op.CHANGE, element=known.uuid, fields=fields), Edit(op=Op.RENAME, element=known.uuid, name=name)]
    _, own = await rooms.drafts.edit_newest(realm, wanted.entry.id, edits, by)
    return await rooms.catalog.test_case(realm, wanted.entry.id, own)


async def _from_run(rooms: CaseRooms, realm: str, run_id: int) -> Response:
    """A new test case with the actions that the run performed."""
    snapshot, events = await rooms.reports.recording(realm, run_id)
    ref = await rooms.reports.model_uuid(realm, snapshot.model_id) or snapshot.model_id
    entry, version = await rooms.catalog.current(realm, ref)
    model = await asyncio.to_thread(from_document, version.document)
    actions = await asyncio.to_thread(walked_actions, events, model)
    said = {"model": entry.id, "version": version.version, "steps": write_steps(actions, model)}
    return RedirectResponse(f"{CASES}/new?{urlencode(said)}", 303)


async def _building(
    rooms: CaseRooms,
    pages: Pages,
    request: Request,
    visitor: Visitor,
    wanted: Wanted,
    *,
    goto: str = "",
    form: FormData | None = None,
    error: MelanzanaError | None = None,
) -> Response:
    known = wanted.known.case if wanted.known is not None else None
    actions = wanted.actions
    if goto:
        try:
            (action,) = read_steps(goto, wanted.model)
            actions = await asyncio.to_thread(bridged, wanted.model, actions, known, action)
            said = {"model": wanted.entry.id, "version": wanted.version, "steps": write_steps(actions, wanted.model)}
            return RedirectResponse(f"{request.url.path}?{urlencode(said)}", 303)
        except (RequestError, ValueError) as wrong:
            error = wrong if isinstance(wrong, RequestError) else RequestError("choose an action", field="goto")
    built = await asyncio.to_thread(build, wanted.model, actions, known)
    figures = await _figures(rooms, visitor.principal.realm, wanted.entry) if wanted.known is not None else {}
    kept: Mapping[str, Any] = form or {}
    return pages.render(
        request,
        "reports/case.html",
        visitor=visitor,
        status=422 if error is not None else 200,
        entry=wanted.entry,
        of_version=wanted.version,
        known=wanted.known,
        built=built,
        fields={
            "name": kept.get("name", known.name if known else ""),
            "description": kept.get("description", known.description if known else ""),
            "tags": kept.get("tags", ", ".join(known.tags) if known else ""),
        },
        changed=known is not None and actions != [step.action for step in known.steps],
        address=request.url.path if request.method == "GET" else f"{CASES}/{wanted.known.id if wanted.known else 'new'}",
        wrong={str(error.detail.get("field", "")): error.message} if error is not None else {},
        figure=figures.get(wanted.known.uuid) if wanted.known is not None else None,
        words=WORDS,
        may_write=Scope.MODELS_WRITE in visitor.principal.scopes,
        may_start=Scope.EXECUTIONS_START in visitor.principal.scopes,
    )


async def _figures(rooms: CaseRooms, realm: str, entry: ModelEntry) -> dict[str, Any]:
    return {case.uuid: one for case, one in await rooms.reports.analyses.cases(realm, entry.id)}


async def _list(rooms: CaseRooms, pages: Pages, request: Request, visitor: Visitor, question: str, *, offset: int) -> Response:
    realm = visitor.principal.realm
    words = question.split()
    refs = [word.removeprefix("model:") for word in words if word.startswith("model:")]
    entries, total = await rooms.catalog.list_models(realm, ModelFilter(offset=offset, limit=_PAGE))
    if refs:
        entries, total = tuple([entry for ref in refs if (entry := await _model(rooms, realm, ref))]), len(refs)
    rows = []
    for entry in entries:
        figures = await _figures(rooms, realm, entry)
        cases = await rooms.catalog.list_test_cases(realm, entry.id)
        rows += [(entry, case, figures.get(case.uuid)) for case in cases if _fits(case, words)]
    last = offset + len(entries)
    return pages.render(
        request,
        "reports/cases.html",
        visitor=visitor,
        rows=rows,
        question=question,
        words=WORDS,
        may_write=Scope.MODELS_WRITE in visitor.principal.scopes,
        span=f"models {offset + 1:,} to {last:,} of {total:,}",
        before=_address(question, max(offset - _PAGE, 0)) if offset else "",
        behind=_address(question, last) if last < total and not refs else "",
    )


def _address(question: str, offset: int) -> str:
    return f"{CASES}?{urlencode({'q': question, 'offset': offset})}"


async def _model(rooms: CaseRooms, realm: str, ref: str) -> ModelEntry | None:
    try:
        return await rooms.catalog.get(realm, shapes.run_ref(ref))
    except NotFoundError:
        return None


def _fits(case: TestCaseEntry, words: list[str]) -> bool:
    """Every word stands in the name; `tag:smoke` has the tag, `-tag:wip` has it not."""
    tags = {tag.casefold() for tag in case.case.tags}
    for word in map(str.casefold, words):
        if word.startswith("model:"):
            continue
        if word.startswith(("tag:", "-tag:")):
            if (word.partition(":")[2] in tags) == word.startswith("-"):
                return False
        elif word not in case.name.casefold():
            return False
    return True


def _word(form: FormData, name: str) -> str:
    return str(form.get(name) or "").strip()

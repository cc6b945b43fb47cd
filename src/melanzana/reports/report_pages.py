"""Reports: coverage of a model over its runs, failures that are the same one, runs over time. The address has what is asked."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Visitor
from melanzana.catalog.records import ModelEntry, ModelFilter
from melanzana.catalog.service import CatalogService
from melanzana.clock import Clock
from melanzana.errors import RequestError
from melanzana.graph.model import Model
from melanzana.reports import charts, heat, shapes
from melanzana.reports.analysis import Defect
from melanzana.reports.coverage import flat
from melanzana.reports.coverage_models import CoverageModels
from melanzana.reports.drawing import draw
from melanzana.reports.heat import Colour
from melanzana.reports.history import CoverageHistory, HistoryWish, difference_of, history_of
from melanzana.reports.records import RunRow
from melanzana.reports.run_filter import filter_of
from melanzana.reports.run_words import WORDS
from melanzana.reports.service import ReportService
from melanzana.web import tables
from melanzana.web.pages import Pages

REPORTS = "/reports"
_MOST_MODELS, _TIMELINE = 500, 150
_MEASURES = (("state", "States"), ("action", "Actions"), ("transition", "Transitions"))
DEFECT_COLUMNS = (
    *("model", "kind", "element", "status", "exception", "message", "count", "flaky"),
    *("first_seen", "last_seen", "versions", "runs"),
)
_LANES: dict[str, Callable[[RunRow], str | None]] = {
    "agent": lambda row: row.agent_name,
    "sut": lambda row: row.execution.sut_id,
    "model": lambda row: row.execution.model_name,
}
_Model = Annotated[str, Query(pattern=f"{shapes.REF_PATTERN}|^$")]
_Measure = Annotated[str, Query(pattern="^(state|action|transition|path:[1-5]|variable:[12])$")]
_Text = Annotated[str, Query(alias="q")]


class ReportRooms(NamedTuple):
    """What these pages ask."""

    catalog: CatalogService
    reports: ReportService
    models: CoverageModels
    clock: Clock


def router(rooms: ReportRooms, gate: Gate, pages: Pages) -> APIRouter:
    """The three reports, and files of what they list."""
    routes = APIRouter(include_in_schema=False)
    may_read = Annotated[Visitor, Depends(gate.page(Scope.REPORTS_READ))]

    @routes.get(REPORTS, response_class=HTMLResponse)
    async def reports(request: Request, visitor: may_read) -> Response:
        return pages.render(request, "reports/reports.html", visitor=visitor)

    @routes.get("/models/{model_id}/coverage")
    async def coverage_of(_visitor: may_read, model_id: shapes.ModelRefPath) -> Response:
        return RedirectResponse(f"{REPORTS}/coverage?model={model_id}", 303)

    @routes.get("/models/{model_id}/coverage/difference", response_class=HTMLResponse)
    async def difference(
        request: Request,
        visitor: may_read,
        model_id: shapes.ModelRefPath,
        old: Annotated[int, Query(alias="from", ge=1, le=2**31 - 1)] = 1,
        new: Annotated[int, Query(alias="to", ge=1, le=2**31 - 1)] = 1,
    ) -> Response:
        realm, ref = visitor.principal.realm, shapes.run_ref(model_id)
        found = await difference_of(rooms.reports, realm, ref, old, new)
        versions = [(str(one.version), f"Version {one.version}") for one in await rooms.catalog.list_versions(realm, ref)]
        shown: dict[str, Any] = {"found": found, "old": old, "new": new, "versions": versions}
        return pages.render(request, "reports/coverage_difference.html", visitor=visitor, **shown)

    @routes.get(REPORTS + "/coverage", response_class=HTMLResponse)
    async def coverage(
        request: Request,
        visitor: may_read,
        *,
        model: _Model = "",
        measure: _Measure = "action",
        performed: Annotated[str, Query(max_length=5)] = "",
        colour: Colour = Colour.COVERAGE,
    ) -> Response:
        realm = visitor.principal.realm
        what, _, depth = measure.partition(":")
        wish = HistoryWish(what=what, depth=int(depth or 1), performed_only=bool(performed))
        shown = await _coverage(rooms, realm, shapes.run_ref(model), wish, colour) if model else {}
        return pages.render(
            request,
            "reports/coverage.html",
            visitor=visitor,
            models=await _choices(rooms, realm),
            measures=[*_MEASURES, *await _depths(rooms, realm)],
            colours=[(one.value, one.value) for one in Colour],
            chosen={"model": str(shown["entry"].id) if shown else "", "measure": measure, "colour": colour, "performed": performed},
            may_start=Scope.EXECUTIONS_START in visitor.principal.scopes,
            **({"entry": None} | shown),
        )

    _add_failures(routes, rooms, may_read, pages)
    _add_timeline(routes, rooms, may_read, pages)
    return routes


def _add_failures(routes: APIRouter, rooms: ReportRooms, may_read: Any, pages: Pages) -> None:
    @routes.get(REPORTS + "/failures", response_class=HTMLResponse)
    async def failures(
        request: Request, visitor: may_read, model: _Model = "", only: Annotated[str, Query(max_length=10)] = ""
    ) -> Response:
        realm = visitor.principal.realm
        found, names = await _defects(rooms, realm, model, only)
        parts = await rooms.reports.analyses.failing_elements(realm, shapes.run_ref(model)) if model else ()
        return pages.render(
            request,
            "reports/failures.html",
            visitor=visitor,
            models=await _choices(rooms, realm),
            chosen={"model": model, "only": only},
            defects=found,
            names=names,
            parts=parts,
            words=WORDS,
            files=tables.links(REPORTS + "/failures", model=model, only=only),
        )

    @routes.get(REPORTS + "/failures.{form}")
    async def save(visitor: may_read, form: str, model: _Model = "", only: Annotated[str, Query(max_length=10)] = "") -> Response:
        found, names = await _defects(rooms, visitor.principal.realm, model, only)
        rows = [_row(one, names.get(one.model_id)) for one in found]
        return tables.file_of("failures", form, DEFECT_COLUMNS, tables.at_once(rows))


def _add_timeline(routes: APIRouter, rooms: ReportRooms, may_read: Any, pages: Pages) -> None:
    @routes.get(REPORTS + "/timeline", response_class=HTMLResponse)
    async def timeline(
        request: Request, visitor: may_read, text: _Text = "", by: Annotated[str, Query(pattern="^(agent|sut|model)$")] = "agent"
    ) -> Response:
        realm, error, rows = visitor.principal.realm, "", tuple[RunRow, ...]()
        try:
            wanted = await filter_of(rooms.reports, realm, text)
            rows = (await rooms.reports.list_runs(realm, replace(wanted, limit=_TIMELINE))).rows if wanted is not None else ()
        except RequestError as wrong:
            error = wrong.message
        return pages.render(
            request,
            "reports/timeline.html",
            visitor=visitor,
            status=422 if error else 200,
            error=error,
            text=text,
            by=by,
            ways=[
                (one, f"{REPORTS}/timeline?{urlencode({'by': one} | ({'q': text} if text else {}))}", one == by) for one in _LANES
            ],
            chart=charts.timeline([(_LANES[by](row) or "", row) for row in rows], rooms.clock.now()),
            words=WORDS,
            as_list="/runs" + (f"?{urlencode({'q': text})}" if text else ""),
        )


async def _coverage(rooms: ReportRooms, realm: str, ref: int | str, wish: HistoryWish, colour: Colour) -> dict[str, Any]:
    entry = await rooms.catalog.get(realm, ref)
    model, _ = await rooms.reports.newest(realm, ref)
    found = await history_of(rooms.reports, realm, ref, wish)
    failing = await rooms.reports.analyses.failing_elements(realm, ref) if colour is Colour.FAILURES else ()
    drawn = await asyncio.to_thread(lambda: _drawn(model, found))
    heats = {Colour.COVERAGE: heat.of_hits(drawn["hits"]), Colour.FAILURES: heat.of_failures(failing)}.get(colour, {})
    return {
        "entry": entry,
        "found": found,
        "chart": charts.curve(found.points, max(found.figures.feasible.total, 1), found.prediction.goal),
        "outlook": _outlook(found),
        "heats": heats,
        "versions": await rooms.catalog.list_versions(realm, ref),
        "tiles": _tiles(found),
        **drawn,
    }


def _drawn(model: Model, found: CoverageHistory) -> dict[str, Any]:
    tree = found.report.tree
    hits = {item.element_id: item.hit_count for item in flat(tree.root.items) if item.element_id is not None}
    names = {state.id: state.name for state in model.states}
    left = [("state", one.name, "", one.id) for one in model.states if hits.get(one.id) == 0]
    left += [
        ("action", one.name, owner.name if owner else "anywhere", one.id) for owner, one in model.actions() if hits.get(one.id) == 0
    ]
    return {
        "hits": hits,
        "ran": True,
        "names": names,
        "left": left,
        "picture": draw(model, hits, tree.transition_hits, model.layout),
    }


def _tiles(found: CoverageHistory) -> list[tuple[str, Any]]:
    further = found.report.further
    tiles = [("States", further.states), ("Actions", further.actions), ("Transitions", further.transitions)]
    if further.requirements.plain.total:
        tiles.append(("Requirements", further.requirements))
    for kind, one in (("Paths of", further.paths), ("Values of variables, by", further.variables)):
        if one is not None:
            tiles.append((f"{kind} {one.depth}", one.figures))
    return tiles


def _outlook(found: CoverageHistory) -> str:
    """The prediction in a sentence."""
    one = found.prediction
    goal = f"{one.goal:.0%} of what is feasible"
    match one.outlook:
        case "reached":
            return f"{goal} is covered."
        case "expected":
            minutes = (one.more_runs or 0) * found.mean_seconds / 60
            took = f", about {minutes:,.0f} minutes" if minutes >= 1 else ""
            return f"{goal} is expected after about {one.more_runs:,} more runs like these{took}."
        case "levels_off":
            return f"Runs like these level off at about {one.asymptote or 0:.0%}: {goal} needs another path or more test cases."
        case _:
            return f"How far it is to {goal} can be told after five runs; there are {found.runs}."


async def _choices(rooms: ReportRooms, realm: str) -> list[tuple[str, str]]:
    entries, _ = await rooms.catalog.list_models(realm, ModelFilter(limit=_MOST_MODELS))
    return [(str(entry.id), entry.name) for entry in entries]


async def _depths(rooms: ReportRooms, realm: str) -> list[tuple[str, str]]:
    """Measures that coverage models name, each depth once."""
    found: dict[str, str] = {}
    for one in await rooms.models.list(realm):
        if one.active:
            found.setdefault(f"path:{one.path_depth}", f"Paths of {one.path_depth} ({one.name})")
            found.setdefault(f"variable:{one.variable_depth}", f"Values of variables, by {one.variable_depth} ({one.name})")
    return sorted(found.items())


async def _defects(rooms: ReportRooms, realm: str, model: str, only: str) -> tuple[list[Defect], Mapping[str, ModelEntry]]:
    """The failures, and their models by uuid."""
    found = await rooms.reports.analyses.defects(realm, shapes.run_ref(model) if model else None)
    wanted = [one for one in found if only not in {"flaky", "steady"} or one.flaky == (only == "flaky")]
    entries, _ = await rooms.catalog.list_models(realm, ModelFilter(limit=_MOST_MODELS))
    return wanted, {entry.uuid: entry for entry in entries}


def _row(one: Defect, entry: ModelEntry | None) -> dict[str, Any]:
    same = {name: getattr(one, name) for name in ("kind", "element", "message", "count", "flaky")}
    return {
        "model": entry.name if entry else one.model_id,
        **same,
        "status": str(shapes.status_of(one.state)),
        "exception": one.signature.exception,
        "first_seen": one.first_seen.isoformat(),
        "last_seen": one.last_seen.isoformat(),
        "versions": list(one.versions),
        "runs": list(one.run_ids),
    }

"""Reads logs of runs and keeps their folds, so that asking again costs only what happened since.

Callers: `reports/api.py`. The truth stays in `executions/`; what is kept here is memory of at most `KEPT_FOLDS` runs and
`KEPT_MODELS` models, may be lost at any time, and is computed again. Lists never fold: they show what the execution's own row says.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol, TypeVar

from melanzana.catalog.records import ModelEntry, ModelFilter
from melanzana.catalog.service import CatalogService, ModelRef
from melanzana.errors import GoneError, NotFoundError, RequestError
from melanzana.executions.lifecycle import HELD, TERMINAL
from melanzana.executions.records import Execution, ExecutionFilter, ExecutionSummary, LifecycleState, StoredEvent
from melanzana.executions.service import ExecutionService
from melanzana.generation.kinds import Kind
from melanzana.graph.difference import Difference, difference
from melanzana.graph.formats.document import from_document
from melanzana.graph.model import Model
from melanzana.protocol.snapshot import Snapshot
from melanzana.reports.analysing import Analyses
from melanzana.reports.carried import carried_over
from melanzana.reports.coverage import coverage_tree, summed
from melanzana.reports.digesting import Digests
from melanzana.reports.folding import RunFold
from melanzana.reports.further import further_coverage
from melanzana.reports.logs import log_entries
from melanzana.reports.memory import KeptFold, KeptLast
from melanzana.reports.outcomes import ELEMENTS, kind_word
from melanzana.reports.records import (
    CoverageReport,
    CoverageWish,
    ElementTiming,
    Kept,
    LogPage,
    RunPage,
    RunReport,
    RunRow,
    Tally,
    WorkCounts,
)
from melanzana.reports.store import Scope
from melanzana.reports.sums import RunSum
from melanzana.reports.viewing import RunView, view_of
from melanzana.storage.blobs import Content
from melanzana.storage.database import Database

T = TypeVar("T")

KEPT_FOLDS = 128
#: Runs under way that are counted with a model's coverage.
_LIVE = 200
_STATES_UNDER_WAY = frozenset(LifecycleState) - TERMINAL
_NUMBER = re.compile("[1-9][0-9]{0,17}")
#: More events than this are folded in a thread.
_INLINE_EVENTS = 500
#: Lines of a log that are read at once.
_LINES = 2_000


class Contents(Protocol):
    """Where attached files lie."""

    def open(self, digest: str) -> Content:
        """The content of that SHA-256, in parts. Errors: NotFoundError, UnavailableError."""
        ...


class AgentNames(Protocol):
    """Names of agents by id; agents that are gone are left out."""

    async def __call__(self, realm: str, agent_ids: Sequence[int]) -> Mapping[int, str]: ...


class ReportService:
    """Runs, logs, timings and coverage of a realm."""

    def __init__(
        self,
        catalog: CatalogService,
        executions: ExecutionService,
        agent_names: AgentNames | None = None,
        contents: Contents | None = None,
        *,
        database: Database,
    ) -> None:
        self._catalog = catalog
        self._executions = executions
        self._agent_names = agent_names
        self._contents = contents
        self._folds: KeptLast[tuple[str, frozenset[Kind]], KeptFold] = KeptLast(KEPT_FOLDS)
        self.digests = Digests(database, executions)
        self.analyses = Analyses(database, catalog, self.digests)

    async def list_runs(self, realm: str, wanted: ExecutionFilter) -> RunPage:
        """One page of runs, newest first."""
        page = await self._executions.list(realm, wanted)
        return RunPage(rows=await self._rows(realm, page.items), total=page.total)

    async def run(self, realm: str, ref: int | str) -> RunReport:
        """One run, by run id or execution id, folded as far as its log goes. Raises NotFoundError."""
        execution = await self._executions.get(realm, ref)
        (row,) = await self._rows(realm, [execution])
        return await self._ask(execution, lambda fold: _report(row, execution, fold))

    async def view(self, realm: str, ref: int | str) -> RunView:
        """One run with all that its page shows, of one moment. Raises NotFoundError."""
        execution = await self._executions.get(realm, ref)
        (row,) = await self._rows(realm, [execution])
        return await self._ask(execution, lambda fold: view_of(_report(row, execution, fold), fold))

    async def log(self, realm: str, ref: int | str, offset: int, limit: int) -> LogPage:
        """`limit` entries of a run's log after the first `offset`. Raises NotFoundError."""
        execution = await self._executions.get(realm, ref)
        facts = await self._ask(
            execution, lambda fold: _LogFacts(fold.attempt, fold.begun_at, fold.failure_seq(execution), fold.last_seq)
        )
        page = await self._executions.events(realm, execution.run_id, after=offset, limit=limit)
        begun = facts.begun_at if page and page[0].attempt == facts.attempt else None
        entries = await asyncio.to_thread(lambda: tuple(log_entries(page, facts.failure_seq, begun)))
        return LogPage(entries=entries, total=max(facts.last_seq, page[-1].seq if page else 0))

    async def timings(self, realm: str, ref: int | str) -> tuple[ElementTiming, ...]:
        """How long each element of a run took. Raises NotFoundError."""
        return await self._ask(await self._executions.get(realm, ref), RunFold.timings)

    async def events(self, realm: str, ref: int | str, after: int, limit: int) -> tuple[StoredEvent, ...]:
        """`limit` lines of a run's log behind number `after`. Raises NotFoundError."""
        return await self._executions.events(realm, ref, after=after, limit=limit)

    async def attachments(self, realm: str, ref: int | str) -> tuple[Kept, ...]:
        """The files that the newest attempt of a run has kept. Raises NotFoundError."""
        return await self._ask(await self._executions.get(realm, ref), RunFold.attachments)

    async def attachment(self, realm: str, ref: int | str, attachment_id: int) -> tuple[Kept, Content]:
        """One of them with its content. Raises NotFoundError, also when the content is gone, and UnavailableError."""
        found = next((kept for kept in await self.attachments(realm, ref) if kept.id == attachment_id), None)
        execution = await self._executions.get(realm, ref)
        if found is None and await self._ask(execution, lambda fold: fold.attachments_removed_at is not None):
            raise GoneError(f"the attachments of run {ref} were removed when their time was over", field="attachment_id")
        if found is None or self._contents is None:
            raise NotFoundError(f"run {ref} has no attachment {attachment_id}", field="attachment_id")
        return found, await asyncio.to_thread(self._contents.open, found.sha256)

    async def recording(self, realm: str, ref: int | str) -> tuple[Snapshot, tuple[StoredEvent, ...]]:
        """What a run was to do, and everything in its log. Raises NotFoundError; GoneError when its log was removed."""
        execution, _ = await self.told(realm, ref)
        return execution.snapshot, await self._executions.events(realm, execution.run_id)

    async def summary(self, realm: str, run_id: int) -> Mapping[str, Any]:
        """What is left of the log of a run that has ended, when it is removed. Raises NotFoundError."""
        await self.digests.make_sure(realm, run_id)
        return await self._ask(await self._executions.get(realm, run_id), RunFold.summary)

    async def told(self, realm: str, ref: int | str) -> tuple[Execution, int]:
        """A run, and the newest attempt of which an agent told something; 0 when none did.

        Raises NotFoundError; GoneError when its log was removed.
        """
        execution = await self._executions.get(realm, ref)
        told, removed_at = await self._ask(execution, lambda fold: (fold.told, fold.log_removed_at))
        if removed_at is not None:
            raise GoneError(f"the log of run {execution.run_id} was removed when its time was over", run_id=execution.run_id)
        return execution, told

    async def run_coverage(self, realm: str, model_ref: ModelRef, run_ref: int | str, wish: CoverageWish) -> CoverageReport:
        """Coverage of one run, on the version it ran. Raises NotFoundError, also when the run is of another model."""
        execution = await self._executions.get(realm, run_ref)
        if await self._catalog.uuid_of(realm, model_ref) != execution.model_id:
            raise NotFoundError(f"model {model_ref} has no run {run_ref}", field="run_id")
        tally = _with_kinds(await self._ask(execution, RunFold.tally, kinds=wish.kinds), wish)
        dry = not execution.perform
        return await asyncio.to_thread(
            lambda: _coverage_report(_model(execution), tally, _Counted(execution.model_version, 1, int(dry)), execution)
        )

    async def model_coverage(self, realm: str, model_ref: ModelRef, wish: CoverageWish) -> CoverageReport:
        """Coverage of the newest version of a model over all its runs. Raises NotFoundError."""
        entry, version = await self._catalog.current(realm, model_ref)
        model = await asyncio.to_thread(from_document, version.document)
        tally, runs, dry = await self._covered(entry, version.version, model, wish)
        carried: dict[int, int] = {}
        for older in range(wish.since_version or version.version, version.version):
            before = from_document((await self._catalog.version(realm, model_ref, older)).document)
            its, carried_runs, _ = await self._covered(entry, older, before, wish)
            if carried_runs:
                kept = await asyncio.to_thread(_carry, its, before, model)
                tally, carried[older] = summed([tally, kept]), carried_runs
        counted = _Counted(version.version, runs, dry, carried)
        return await asyncio.to_thread(lambda: _coverage_report(model, _with_kinds(tally, wish), counted))

    async def _covered(self, entry: ModelEntry, version: int, model: Model, wish: CoverageWish) -> tuple[Tally, int, int]:
        """What the runs of one version of a model have gone through, how many there are, and how many of them are dry."""
        await self.digests.settle(entry.realm, entry.uuid, wish.kinds, version)
        parts, counts = [], (0, 0)
        for word in (ELEMENTS, *map(kind_word, sorted(wish.kinds))):
            scope = Scope(entry.realm, entry.uuid, version, word)
            tally, *counted = await self.digests.sum(scope, _of_sum, performed_only=wish.performed_only)
            parts.append(tally)
            counts = (counted[0], counted[1]) if word == ELEMENTS else counts
        wanted = ExecutionFilter(states=_STATES_UNDER_WAY, model_id=entry.uuid, limit=_LIVE)
        page = await self._executions.list(entry.realm, wanted)
        live = [run for run in page.items if run.model_version == version and (run.perform or not wish.performed_only)]
        parts += [await self._ask(run, RunFold.tally, model, wish.kinds) for run in live]
        return summed(parts), counts[0] + len(live), counts[1] + sum(not run.perform for run in live)

    async def newest(self, realm: str, model_ref: ModelRef) -> tuple[Model, str]:
        """The newest version of a model, and the model's uuid. Raises NotFoundError."""
        entry, version = await self._catalog.current(realm, model_ref)
        return await asyncio.to_thread(from_document, version.document), entry.uuid

    async def version_tally(self, realm: str, model_ref: ModelRef, version: int) -> tuple[Model, Tally, int]:
        """A version of a model, what its runs have gone through, and how many there are. Raises NotFoundError."""
        entry, found = await self._catalog.current(realm, model_ref, version)
        model = await asyncio.to_thread(from_document, found.document)
        tally, runs, _ = await self._covered(entry, version, model, CoverageWish())
        return model, tally, runs

    async def version_difference(self, realm: str, model_ref: ModelRef, old: int, new: int) -> Difference:
        """What has changed between two versions of a model. Raises NotFoundError."""
        documents = [(await self._catalog.version(realm, model_ref, version)).document for version in (old, new)]
        return await asyncio.to_thread(lambda: difference(*map(from_document, documents)))

    async def work(self, realm: str) -> WorkCounts:
        """How many executions wait, and how many an agent holds."""
        queued = await self._executions.list(realm, ExecutionFilter(states=frozenset({LifecycleState.QUEUED}), limit=1))
        held = await self._executions.list(realm, ExecutionFilter(states=HELD, limit=1))
        return WorkCounts(queued=queued.total, held=held.total)

    async def model_uuid(self, realm: str, ref: ModelRef) -> str | None:
        """The uuid of a model, a deleted one too; None when there never was one."""
        return await self._catalog.uuid_of(realm, ref)

    async def model_named(self, realm: str, text: str) -> str | None:
        """The uuid of the model with this integer id, uuid or name; None when there is none, or several have the name."""
        models, _ = await self._catalog.list_models(realm, ModelFilter(name=text, limit=2))
        if len(models) == 1:
            return models[0].uuid
        try:
            return await self._catalog.uuid_of(realm, int(text) if _NUMBER.fullmatch(text) else text.lower())
        except RequestError:
            return None

    async def case_uuid(self, realm: str, text: str) -> str:
        """The id in its model of a test case given by integer id; any other text is that id itself."""
        known = await self._catalog.case_uuid_of(realm, int(text)) if _NUMBER.fullmatch(text) else None
        return known or text

    async def _ask(
        self,
        run: ExecutionSummary,
        question: Callable[[RunFold], T],
        model: Model | None = None,
        kinds: frozenset[Kind] = frozenset(),
    ) -> T:
        """Bring the run's fold up to its log and ask it; nobody else changes it meanwhile."""
        kept = self._folds.get((run.id, kinds), KeptFold)
        async with kept.turn:
            if kept.fold is None:
                kept.fold = RunFold(model or await self._model_of(run), kinds)
            full = True
            while full:
                events = await self._executions.events(run.realm, run.run_id, after=kept.fold.last_seq, limit=_LINES)
                full = len(events) == _LINES
                if len(events) > _INLINE_EVENTS:
                    await asyncio.to_thread(_extend, kept.fold, events)
                else:
                    _extend(kept.fold, events)
            return question(kept.fold)

    async def _model_of(self, run: ExecutionSummary) -> Model:
        execution = run if isinstance(run, Execution) else await self._executions.get(run.realm, run.run_id)
        return await asyncio.to_thread(_model, execution)

    async def _rows(self, realm: str, runs: Sequence[ExecutionSummary]) -> tuple[RunRow, ...]:
        ids = await self._catalog.ids_of(realm, sorted({run.model_id for run in runs}))
        agents = sorted({run.agent_id for run in runs if run.agent_id is not None})
        names = await self._agent_names(realm, agents) if self._agent_names is not None and agents else {}
        return tuple(
            RunRow(
                execution=run,
                model_number=ids.get(run.model_id),
                agent_name=names.get(run.agent_id) if run.agent_id is not None else None,
            )
            for run in runs
        )


@dataclass(frozen=True, slots=True)
class _LogFacts:
    attempt: int
    begun_at: datetime | None
    failure_seq: int | None
    last_seq: int


@dataclass(frozen=True, slots=True)
class _Counted:
    """The runs that a report is about."""

    version: int
    runs: int
    dry_runs: int
    carried: Mapping[int, int] = field(default_factory=dict)


def _of_sum(runs: RunSum) -> tuple[Tally, int, int]:
    """What they have gone through, how many there are, and how many of them are dry."""
    return runs.tally(), len(runs.numbers), runs.dry


def _carry(tally: Tally, before: Model, model: Model) -> Tally:
    return carried_over(tally, difference(before, model), model)


def _coverage_report(model: Model, tally: Tally, counted: _Counted, run: Execution | None = None) -> CoverageReport:
    tree = coverage_tree(model, tally)
    parameters = run.snapshot.parameters if run is not None else {}
    further = further_coverage(model, tree, tally, parameters, dry=run is not None and not run.perform)
    return CoverageReport(
        tree=tree,
        further=further,
        model_version=counted.version,
        runs=counted.runs,
        dry_runs=counted.dry_runs,
        carried=counted.carried,
    )


def _with_kinds(tally: Tally, wish: CoverageWish) -> Tally:
    """The tally with every kind that was asked for, if only to say that nothing of it is covered."""
    return replace(tally, further={kind: tally.further.get(kind, {}) for kind in wish.kinds})


def _report(row: RunRow, execution: Execution, fold: RunFold) -> RunReport:
    if row.agent_name is None and fold.started is not None:
        row = replace(row, agent_name=fold.started.agent)
    return RunReport(
        row=row,
        snapshot=execution.snapshot,
        progress=fold.progress(),
        failing=fold.failing,
        last_seq=fold.last_seq,
        names=dict(fold.names),
        case=fold.cases.get(execution.test_case or "", ""),
        log_removed_at=fold.log_removed_at,
        attachments_removed_at=fold.attachments_removed_at,
    )


def _model(execution: Execution) -> Model:
    return from_document(execution.snapshot.model)


def _extend(fold: RunFold, events: Sequence[StoredEvent]) -> None:
    for event in events:
        fold.add(event)

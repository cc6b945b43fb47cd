"""Keeps what a run came to once it has ended, and sums it over the runs of a model: no question about many runs reads logs again.

`service.py` and `analysing.py` ask; the server calls `catch_up` again and again beside its other work. A run is digested once,
whoever comes first; a question waits for at most `store.LOOKED_AT` runs of its model and leaves older ones to `catch_up`. Sums are
memory: each question adds the digests that came since, and begins anew when runs were deleted.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from melanzana.errors import NotFoundError
from melanzana.executions.records import Execution, StoredEvent
from melanzana.executions.service import ExecutionService
from melanzana.generation.kinds import Kind, Word
from melanzana.graph.formats.document import from_document
from melanzana.graph.model import Model
from melanzana.protocol.events import StepFinished
from melanzana.reports import store
from melanzana.reports.case_hits import CaseHits
from melanzana.reports.folding import RunFold
from melanzana.reports.memory import KeptLast
from melanzana.reports.outcomes import CASES, ELEMENTS, Digest, kind_word, outcome_of, read, written
from melanzana.reports.sums import RunSum, merged
from melanzana.storage.database import Database

T = TypeVar("T")

KEPT_SUMS = 64
#: Lines of a log, digests and runs that are read at once.
_LINES, _DIGESTS, _RUNS = 2_000, 500, 1_000


@dataclass(slots=True)
class _KeptSum:
    """Of one scope: what was summed so far, dry runs apart."""

    performed: RunSum = field(default_factory=RunSum)
    dry: RunSum = field(default_factory=RunSum)
    last: int = 0
    count: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def forget(self) -> None:
        self.performed, self.dry, self.last, self.count = RunSum(), RunSum(), 0, 0

    def take(self, page: Iterable[tuple[int, Digest]], kind: Kind | None) -> None:
        for number, digest in page:
            wanted = self.performed if digest.perform else self.dry
            wanted.add(digest.run_id, digest.seconds, read(digest.content, kind), dry=not digest.perform)
            self.last, self.count = number, self.count + 1


class Digests:
    """Outcomes and digests of runs that have ended."""

    def __init__(self, database: Database, executions: ExecutionService) -> None:
        self._database, self._executions = database, executions
        self._sums: KeptLast[store.Scope, _KeptSum] = KeptLast(KEPT_SUMS)
        self._turns: KeptLast[tuple[str, str | None], asyncio.Lock] = KeptLast(KEPT_SUMS)
        self._settled = 0  #: every run up to this number is digested
        self._seen = 0  #: how far the current round has come

    async def settle(self, realm: str, model_id: str | None, kinds: Collection[Kind] = (), version: int | None = None) -> None:
        """Make sure of the newest runs, or of those of a model, and of these further kinds."""
        async with self._turns.get((realm, model_id), asyncio.Lock):
            for kind in (None, *kinds):
                word = ELEMENTS if kind is None else kind_word(kind)
                missing = await self._database.read(
                    lambda tx, word=word: store.without(tx, realm, model_id, word, version)  # type: ignore[misc]
                )
                for run_id in missing:
                    await self._digest(realm, run_id, frozenset(kinds))

    async def make_sure(self, realm: str, run_id: int) -> None:
        """Digest this run now, unless it is; it must have ended."""
        await self._digest(realm, run_id, frozenset())

    async def catch_up(self, most: int) -> int:
        """Digest at most so many runs that nobody asked about; how many there were."""
        rows = await self._database.read(lambda tx: store.behind(tx, self._seen, _RUNS))
        waiting = [(run_id, realm) for run_id, realm, ended, made in rows if ended and not made][:most]
        for run_id, realm in waiting:
            await self._digest(realm, run_id, frozenset())
        self._move_on(rows, full=len(waiting) == most)
        return len(waiting)

    async def sum(self, scope: store.Scope, question: Callable[[RunSum], T], *, performed_only: bool = False) -> T:
        """Ask the sum of every digest of the scope. The question is asked in a thread and must not keep the sum."""
        kind = _kind_of(scope.kind)
        kept = self._sums.get(scope, _KeptSum)
        async with kept.turn:
            await self._add_new(kept, scope, kind)
            if kept.count != await self._database.read(lambda tx: store.digest_count(tx, scope)):
                kept.forget()
                await self._add_new(kept, scope, kind)
            parts = [kept.performed] if performed_only else [kept.performed, kept.dry]
            return await asyncio.to_thread(lambda: question(merged(parts)))

    async def _add_new(self, kept: _KeptSum, scope: store.Scope, kind: Kind | None) -> None:
        while page := await self._database.read(lambda tx: store.digests(tx, scope, kept.last, _DIGESTS)):
            await asyncio.to_thread(kept.take, page, kind)

    async def _digest(self, realm: str, run_id: int, kinds: frozenset[Kind]) -> None:
        try:
            run = await self._executions.get(realm, run_id)
        except NotFoundError:
            return  # deleted meanwhile
        taker = await asyncio.to_thread(_Taker, run, kinds)
        after = 0
        while events := await self._executions.events(realm, run_id, after=after, limit=_LINES):
            await asyncio.to_thread(taker.take, events)
            after = events[-1].seq
        outcome, contents = outcome_of(run, taker.fold.failing), taker.contents()
        await self._database.write(lambda tx: store.keep(tx, outcome, contents))

    def _move_on(self, rows: tuple[tuple[int, str, bool, bool], ...], *, full: bool) -> None:
        """The next part of the round, or the next round: it begins behind the last run before which all is digested."""
        for run_id, _, _, made in rows:
            if not made or self._settled < self._seen:
                break
            self._settled = self._seen = run_id
        if full:
            return
        self._seen = rows[-1][0] if len(rows) == _RUNS else self._settled


class _Taker:
    """Goes through the log of one run."""

    def __init__(self, run: Execution, kinds: frozenset[Kind]) -> None:
        self._model: Model = from_document(run.snapshot.model)
        self._kinds, self._attempt, self._directed = kinds, 0, run.test_case is not None
        self.fold, self._cases = RunFold(self._model, kinds), CaseHits(self._model)

    def take(self, events: Iterable[StoredEvent]) -> None:
        for stored in events:
            self.fold.add(stored)
            if stored.attempt > self._attempt:
                self._attempt, self._cases = stored.attempt, CaseHits(self._model)
            event = stored.event() if stored.type == StepFinished.__name__ else None
            if isinstance(event, StepFinished):
                self._cases.see(event)

    def contents(self) -> dict[str, dict[str, object]]:
        tally = self.fold.tally()
        further = {kind_word(kind): written(tally, kind) for kind in self._kinds}
        explored = {} if self._directed else {CASES: {"cases": self._cases.found()}}
        return {ELEMENTS: written(tally), **explored, **further}


def _kind_of(word: str) -> Kind | None:
    if word in {ELEMENTS, CASES}:
        return None
    name, _, depth = word.partition(":")
    return Kind(Word(name), int(depth))

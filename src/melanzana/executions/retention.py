"""How long runs, logs and attachments are kept, and removing what is over it (ADR 0038). By default everything is kept.

The server calls `sweep` again and again; `melanzana retention` asks `outlook`, which changes nothing. Every server of a database
may sweep at once: each change looks again at what it is about, and only at what has ended. A log goes in steps that anybody can
take up: first a line that says what it came to, then its other lines, then the mark. A content is removed when no run keeps it.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy import Connection

from melanzana.clock import Clock
from melanzana.errors import ConflictError, NotFoundError
from melanzana.executions import attached, expiry
from melanzana.storage.database import Database

_log = structlog.get_logger("melanzana.retention")
#: Runs, logs and contents of one sweep; lines of a log that are removed together.
MOST, LINES = 200, 1_000
#: After so long a removal of a content that somebody began is begun again; nobody removes one this part of it after the mark.
_AGAIN, _HANDS_OFF_SECONDS = timedelta(minutes=10), 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepRule:
    """What is kept; None: all. Days count from a run's end."""

    runs_days: float | None = None
    runs_count: int | None = None  #: newest runs of each model
    logs_days: float | None = None
    attachments_days: float | None = None

    @property
    def keeps_all(self) -> bool:
        return self == KeepRule()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What the next sweeps would remove from a realm: how many runs, logs of other runs, and runs' attachments."""

    realm: str
    rule: KeepRule
    runs: int
    logs: int
    attachments: int


class Contents(Protocol):
    """Where attached files lie."""

    def delete(self, digest: str) -> None: ...


class Removal(Protocol):
    """What this needs of the executions' service."""

    async def delete(self, realm: str, ref: str | int) -> None: ...


@dataclass(slots=True)
class Rules:
    """Of each realm."""

    default: KeepRule = field(default_factory=KeepRule)
    of_realm: Mapping[str, KeepRule] = field(default_factory=dict)

    def of(self, realm: str) -> KeepRule:
        return self.of_realm.get(realm, self.default)


class Watch:
    """Asks what would go."""

    def __init__(self, database: Database, clock: Clock, rules: Rules) -> None:
        self._database, self._clock, self.rules = database, clock, rules

    async def realms(self) -> tuple[str, ...]:
        """Those that have runs, or a rule of their own."""
        found = await self._database.read(expiry.realms)
        return tuple(sorted({*found, *self.rules.of_realm}))

    async def outlook(self, realm: str) -> Outlook:
        """Changes nothing."""
        rule = self.rules.of(realm)

        def question(tx: Connection) -> Outlook:
            runs = sum(expiry.counted(tx, where) for where in self.runs(tx, realm, rule))
            logs, files = self.logs(realm, rule), self.files(realm, rule)
            return Outlook(
                realm=realm,
                rule=rule,
                runs=runs,
                logs=0 if logs is None else expiry.counted(tx, logs),
                attachments=0 if files is None else expiry.counted(tx, files),
            )

        return await self._database.read(question)

    def runs(self, tx: Connection, realm: str, rule: KeepRule) -> list[expiry.Where]:
        aged = [] if rule.runs_days is None else [expiry.ended_before(realm, self._before(rule.runs_days))]
        return aged + ([] if rule.runs_count is None else list(expiry.beyond(tx, realm, rule.runs_count)))

    def logs(self, realm: str, rule: KeepRule) -> expiry.Where | None:
        return None if rule.logs_days is None else expiry.with_log(expiry.ended_before(realm, self._before(rule.logs_days)))

    def files(self, realm: str, rule: KeepRule) -> expiry.Where | None:
        if rule.attachments_days is None:
            return None
        return expiry.with_attachments(expiry.ended_before(realm, self._before(rule.attachments_days)))

    def _before(self, days: float) -> datetime:
        return self._clock.now() - timedelta(days=days)


class Retention:
    """Removes what is over the rules."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        watch: Watch,
        *,
        executions: Removal,
        contents: Contents,
        summary: Callable[[str, int], Awaitable[Mapping[str, Any]]],
    ) -> None:
        """`summary`: what a run came to, from its log, by realm and run id."""
        self._database, self._clock, self._watch = database, clock, watch
        self._executions, self._contents, self._summary = executions, contents, summary
        self.removed: Counter[tuple[str, str]] = Counter()  #: by realm, and `runs`, `logs` or `attachments`, since the start

    async def sweep(self, realms: list[str]) -> int:
        """Remove some of what is over the rules of these realms, and contents that no run keeps; how much there was."""
        before = self.removed.total()
        for realm in realms:
            rule = self._watch.rules.of(realm)
            if not rule.keeps_all:
                await self._sweep(realm, rule)
        gone = await self._remove_contents()
        return self.removed.total() - before + gone

    async def _sweep(self, realm: str, rule: KeepRule) -> None:
        def question(tx: Connection) -> tuple[list[int], tuple[int, ...], tuple[int, ...]]:
            logs, files = self._watch.logs(realm, rule), self._watch.files(realm, rule)
            runs = [run for where in self._watch.runs(tx, realm, rule) for run in expiry.found(tx, where, MOST)]
            return (
                runs[:MOST],
                () if logs is None else expiry.found(tx, logs, MOST),
                () if files is None else expiry.found(tx, files, MOST),
            )

        runs, logs, files = await self._database.read(question)
        for run_id in runs:
            await self._remove_run(realm, run_id)
        for run_id in [each for each in logs if each not in runs]:
            await self._remove_log(realm, run_id)
        for run_id in [each for each in files if each not in runs and each not in logs]:
            await self._let_go(realm, run_id)
        counts = {"runs": len(runs), "logs": len(logs), "attachments": len(files)}
        if any(counts.values()):
            _log.info("removed what is not to be kept any longer", realm=realm, **counts)

    async def _remove_run(self, realm: str, run_id: int) -> None:
        if await self._database.read(lambda tx: expiry.is_long(tx, run_id, LINES)):
            await self._remove_log(realm, run_id)  # bit by bit, and what it came to stays until all is gone
        with suppress(NotFoundError, ConflictError):  # another server was faster
            await self._executions.delete(realm, run_id)
            self.removed[realm, "runs"] += 1

    async def _remove_log(self, realm: str, run_id: int) -> None:
        with suppress(NotFoundError):
            summary, now = await self._summary(realm, run_id), self._clock.now()
            await self._database.write(lambda tx: expiry.announce(tx, run_id, expiry.LOG_REMOVED, summary, now))
            await self._remove_lines(run_id)
            await self._database.write(lambda tx: expiry.note_log_removed(tx, run_id, now))
            self.removed[realm, "logs"] += 1

    async def _remove_lines(self, run_id: int) -> None:
        removed = LINES
        while removed >= LINES:
            removed = await self._database.write(lambda tx: expiry.remove_lines(tx, run_id, LINES))

    async def _let_go(self, realm: str, run_id: int) -> None:
        now = self._clock.now()

        def change(tx: Connection) -> None:
            expiry.announce(tx, run_id, expiry.ATTACHMENTS_REMOVED, {}, now)
            attached.let_go(tx, (run_id,))

        await self._database.write(change)
        self.removed[realm, "attachments"] += 1

    async def _remove_contents(self) -> int:
        """Marked first, so that nobody refers to one anew while it is removed; forgotten last."""
        now, begun = self._clock.now(), self._clock.monotonic()
        digests = await self._database.write(lambda tx: attached.mark_unused(tx, now, now - _AGAIN, MOST))
        gone: list[str] = []
        left = list(digests)
        try:
            while left and self._clock.monotonic() - begun < _HANDS_OFF_SECONDS:
                digest = left.pop(0)  # when this fails it stays marked: whether it is gone is not known
                await asyncio.to_thread(self._contents.delete, digest)
                gone.append(digest)
        finally:
            if gone or left:
                await self._database.write(lambda tx: attached.settle(tx, gone, left))
        return len(gone)

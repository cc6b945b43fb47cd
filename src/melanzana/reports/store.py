"""The SQL of what is kept of runs that have ended: outcomes and digests. Only `digesting.py` and `analysing.py` open it.

Nothing here is the truth: every row follows from a run's snapshot and log, and goes with the run. All of it may be deleted; it is
made again when it is asked for. Revision `0015_outcomes` creates the tables.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Insert,
    Integer,
    RowMapping,
    Select,
    Table,
    Text,
    UniqueConstraint,
    exists,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from melanzana.executions.lifecycle import TERMINAL
from melanzana.executions.records import LifecycleState
from melanzana.executions.tables import executions
from melanzana.generation.signature import Signature
from melanzana.reports.outcomes import Digest, Outcome
from melanzana.storage.schema import metadata
from melanzana.storage.types import Instant, JsonText, RowId

run_outcomes = Table(
    "run_outcomes",
    metadata,
    Column("run_id", RowId, ForeignKey("executions.run_id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("realm", Text, nullable=False),
    Column("model_id", Text, nullable=False),
    Column("model_version", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("perform", Boolean, nullable=False),
    Column("failed", Boolean, nullable=False),
    Column("test_case", Text),
    Column("walk", Text, nullable=False, index=True),
    Column("seconds", Float, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("mark", Text),
    Column("element_id", Text),
    Column("exception", Text),
    Column("pattern", Text),
    Column("element", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("message", Text, nullable=False),
    Index(None, "realm", "failed", "run_id"),
    Index(None, "model_id", "failed", "run_id"),
    Index(None, "test_case", "run_id"),
)

run_digests = Table(
    "run_digests",
    metadata,
    Column("number", RowId, primary_key=True),
    Column("run_id", RowId, ForeignKey("executions.run_id", ondelete="CASCADE"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("realm", Text, nullable=False),
    Column("model_id", Text, nullable=False),
    Column("model_version", Integer, nullable=False),
    Column("perform", Boolean, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("content", JsonText, nullable=False),
    UniqueConstraint("run_id", "kind"),
    Index(None, "model_id", "model_version", "kind", "number"),
)

#: Newest runs that a question makes sure of.
LOOKED_AT = 500
_ENDED = executions.c.state.in_(sorted(TERMINAL))
_SIMPLE = [name for name in Outcome.__dataclass_fields__ if name not in {"state", "signature"}]


@dataclass(frozen=True, slots=True)
class Scope:
    """The digests of one kind of one version of a model."""

    realm: str
    model_id: str
    model_version: int
    kind: str


def without(tx: Connection, realm: str, model_id: str | None, kind: str, version: int | None) -> tuple[int, ...]:
    """Of the newest `LOOKED_AT` runs, or of a model's, those that have ended and have no digest of this kind, the newest first."""
    newest = select(executions.c.run_id, executions.c.state).where(executions.c.realm == realm)
    if model_id is not None:
        newest = newest.where(executions.c.model_id == model_id)
    if version is not None:
        newest = newest.where(executions.c.model_version == version)
    part = newest.order_by(executions.c.run_id.desc()).limit(LOOKED_AT).subquery()
    made = exists().where(run_digests.c.run_id == part.c.run_id, run_digests.c.kind == kind)
    question = select(part.c.run_id).where(part.c.state.in_(sorted(TERMINAL)), ~made).order_by(part.c.run_id.desc())
    return tuple(tx.execute(question).scalars())


def behind(tx: Connection, after: int, limit: int) -> tuple[tuple[int, str, bool, bool], ...]:
    """The runs behind this number, of every realm: number, realm, have they ended, are they digested."""
    made = exists().where(run_outcomes.c.run_id == executions.c.run_id)
    question = select(executions.c.run_id, executions.c.realm, _ENDED.label("ended"), made.label("made"))
    question = question.where(executions.c.run_id > after).order_by(executions.c.run_id).limit(limit)
    return tuple((row.run_id, row.realm, bool(row.ended), bool(row.made)) for row in tx.execute(question))


def keep(tx: Connection, outcome: Outcome, contents: Mapping[str, Mapping[str, Any]]) -> None:
    """Keep what is not kept yet, unless the run has been deleted meanwhile. `contents`: by kind."""
    there = select(executions.c.run_id).where(executions.c.run_id == outcome.run_id)
    if tx.execute(there.with_for_update(read=True, key_share=True)).first() is None:
        return
    names = ("run_id", "realm", "model_id", "model_version", "perform", "seconds")
    same = {name: getattr(outcome, name) for name in names}
    tx.execute(_unless_kept(tx, run_outcomes), _outcome_row(outcome))
    tx.execute(_unless_kept(tx, run_digests), [{**same, "kind": kind, "content": dict(one)} for kind, one in contents.items()])


def _unless_kept(tx: Connection, table: Table) -> Insert:
    """Another server may keep the same run in the same moment."""
    if tx.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def digests(tx: Connection, scope: Scope, after: int, limit: int) -> tuple[tuple[int, Digest], ...]:
    """The next ones behind number `after`, each with its number."""
    table = run_digests.c
    question = (
        select(table.number, table.run_id, table.perform, table.seconds, table.content)
        .where(*_in(scope), table.number > after)
        .order_by(table.number)
        .limit(limit)
    )
    return tuple(
        (row.number, Digest(**{name: row[name] for name in row if name != "number"})) for row in tx.execute(question).mappings()
    )


def digest_count(tx: Connection, scope: Scope) -> int:
    return tx.execute(select(func.count()).select_from(run_digests).where(*_in(scope))).scalar_one()


def failures(tx: Connection, realm: str, model_id: str | None, limit: int) -> tuple[tuple[Outcome, ...], frozenset[str]]:
    """The newest outcomes that failed, and the walks of theirs that have passed, too."""
    columns = run_outcomes.c
    where = [columns.realm == realm, columns.failed.is_(True)]
    if model_id is not None:
        where.append(columns.model_id == model_id)
    newest = select(run_outcomes).where(*where).order_by(columns.run_id.desc()).limit(limit)
    found = tuple(_outcome(row) for row in tx.execute(newest).mappings())
    part = newest.subquery()
    passed = run_outcomes.alias()
    flaky = select(part.c.walk).distinct().join(passed, passed.c.walk == part.c.walk).where(passed.c.state == LifecycleState.PASSED)
    return found, frozenset(tx.execute(flaky).scalars())


def directed(tx: Connection, realm: str, model_id: str, case: str, limit: int) -> tuple[Outcome, ...]:
    """The newest outcomes of runs of a test case."""
    columns = run_outcomes.c
    where = (columns.test_case == case, columns.realm == realm, columns.model_id == model_id)
    question: Select[Any] = select(run_outcomes).where(*where).order_by(columns.run_id.desc()).limit(limit)
    return tuple(_outcome(row) for row in tx.execute(question).mappings())


def outcomes(tx: Connection, realm: str, run_ids: Sequence[int]) -> tuple[Outcome, ...]:
    """Of these runs, as far as they are kept."""
    question = select(run_outcomes).where(run_outcomes.c.run_id.in_(list(run_ids)), run_outcomes.c.realm == realm)
    return tuple(_outcome(row) for row in tx.execute(question).mappings())


def _in(scope: Scope) -> Iterable[Any]:
    table = run_digests.c
    return (
        table.model_id == scope.model_id,
        table.model_version == scope.model_version,
        table.kind == scope.kind,
        table.realm == scope.realm,
    )


def _outcome_row(outcome: Outcome) -> dict[str, Any]:
    signature = outcome.signature or (None, None, None)
    row = {name: getattr(outcome, name) for name in _SIMPLE}
    return row | {
        "state": outcome.state,
        "failed": outcome.failed,
        "element_id": signature[0],
        "exception": signature[1],
        "pattern": signature[2],
    }


def _outcome(row: RowMapping) -> Outcome:
    signature = None if row["mark"] is None else Signature(row["element_id"], row["exception"], row["pattern"])
    values = {name: row[name] for name in _SIMPLE}
    return Outcome(**values, state=LifecycleState(row["state"]), signature=signature)

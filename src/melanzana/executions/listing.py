"""The SQL of lists of runs, made for a million of them: one page at a time, and how many there are in all.

Only numbers are looked through for a page; the rows themselves are read for what is shown. To count a long list costs as much as
reading its index, so up to `EXACT` runs are counted at every request, and longer lists again after `RECOUNT_SECONDS`.
"""

from collections import OrderedDict
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Select, func, select, union_all

from melanzana.clock import Clock
from melanzana.executions.records import ExecutionFilter
from melanzana.executions.tables import execution_tags, executions

EXACT = 10_000
RECOUNT_SECONDS = 5.0
_KEPT = 256


class Totals:
    """How many runs the long lists had when they were counted last."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counted: OrderedDict[tuple[str, ExecutionFilter], tuple[int, float]] = OrderedDict()

    def of(self, tx: Connection, realm: str, wanted: ExecutionFilter) -> int:
        """On all pages."""
        wanted = replace(wanted, before=None)
        key, now = (realm, replace(wanted, limit=0, offset=0)), self._clock.monotonic()
        known = self._counted.get(key)
        if known is not None and now - known[1] < RECOUNT_SECONDS:
            return known[0]
        total = _count(tx, _matching(realm, wanted).limit(EXACT + 1))
        if total > EXACT:
            total = _count(tx, _matching(realm, wanted))
            self._counted[key] = (total, now)
            self._counted.move_to_end(key)
            if len(self._counted) > _KEPT:
                self._counted.popitem(last=False)
        return total


def numbers(realm: str, wanted: ExecutionFilter) -> Select[Any]:
    """Run ids of one page, the newest first."""
    newest = executions.c.run_id.desc()
    if len(wanted.states) > 1:  # each state is in order by itself, all together are not
        ends = wanted.limit + wanted.offset
        each = [
            select(_matching(realm, replace(wanted, states=frozenset({state}))).order_by(newest).limit(ends).subquery())
            for state in sorted(wanted.states)
        ]
        found = union_all(*each).subquery()
        return select(found.c.run_id).order_by(found.c.run_id.desc()).limit(wanted.limit).offset(wanted.offset)
    return _matching(realm, wanted).order_by(newest).limit(wanted.limit).offset(wanted.offset)


def _matching(realm: str, wanted: ExecutionFilter) -> Select[Any]:
    question = select(executions.c.run_id).where(executions.c.realm == realm)
    if wanted.states:
        question = question.where(executions.c.state.in_(sorted(wanted.states)))
    if wanted.model_id is not None:
        question = question.where(executions.c.model_id == wanted.model_id)
    if wanted.test_case is not None:
        question = question.where(executions.c.test_case == wanted.test_case)
    if wanted.before is not None:
        question = question.where(executions.c.run_id < wanted.before)
    if wanted.tag is not None:
        tagged = select(execution_tags.c.run_id).where(execution_tags.c.tag == wanted.tag)
        question = question.where(executions.c.run_id.in_(tagged))
    return question


def _count(tx: Connection, question: Select[Any]) -> int:
    return tx.execute(select(func.count()).select_from(question.subquery())).scalar_one()

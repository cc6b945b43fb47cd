"""Changes that wait for the writer, and how a batch of them is carried out inside one transaction.

Each change stands in a SAVEPOINT of its own, so that one which fails takes only itself back. Changes of the same kind that were
handed in one by one (`Database.write_each`) are carried out as a lot, in one SAVEPOINT; should the lot fail, each is tried alone.
A batch of a single change needs no SAVEPOINT: the transaction is one. `writer.py` commits and answers.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import Connection

from melanzana.storage.failures import is_infrastructure, is_open

#: Carries out many at once: what came of each, an exception in the place of one that wrote nothing.
Many = Callable[[Connection, Sequence[Any]], Sequence[Any]]


class BatchFailedError(Exception):
    """The transaction itself is gone; the cause is chained."""


@dataclass(slots=True)
class Job:
    """One caller's change: `change` by itself, or `item` as one of `many`."""

    change: Callable[[Connection], Any] | None = None
    many: Many | None = None
    item: Any = None
    order: str = (
        ""  #: changes that may wait for rows stand in this order in every batch, so that no two batches wait for each other
    )
    future: "Future[Any]" = field(default_factory=Future)
    result: Any = None
    error: BaseException | None = None

    def answer(self) -> None:
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


def carry_out(connection: Connection, batch: Sequence[Job]) -> bool:
    """Run every job and keep what came of it in the job; False when there is nothing to commit, since the only one failed.

    Raises BatchFailedError when the transaction is gone.
    """
    units = _units(batch)
    if len(units) == len(units[0]) == 1:
        return _alone(connection, units[0][0])
    for unit in units:
        _in_savepoint(connection, unit)
    return True


def _units(batch: Sequence[Job]) -> list[list[Job]]:
    """What shares a SAVEPOINT: lots of one kind, and every other job by itself."""
    lots: dict[Many, list[Job]] = {}
    units: list[list[Job]] = []
    for job in sorted(batch, key=lambda job: job.order):
        if job.many is None:
            units.append([job])
        elif job.many in lots:
            lots[job.many].append(job)
        else:
            lots[job.many] = [job]
    return [*units, *lots.values()]


def _alone(connection: Connection, job: Job) -> bool:
    try:
        _run(connection, [job])
    except BaseException as error:
        if is_infrastructure(error) or not is_open(connection):
            raise BatchFailedError from error
        job.error = error
        return False
    return True


def _in_savepoint(connection: Connection, unit: list[Job]) -> None:
    _to_savepoint(connection, "SAVEPOINT change")
    try:
        _run(connection, unit)
        _to_savepoint(connection, "RELEASE SAVEPOINT change")
    except BaseException as error:
        if is_infrastructure(error) or not is_open(connection):
            raise BatchFailedError from error
        _to_savepoint(connection, "ROLLBACK TO SAVEPOINT change")
        _to_savepoint(connection, "RELEASE SAVEPOINT change")
        if len(unit) == 1:
            unit[0].error = error
            return
        for job in unit:
            _in_savepoint(connection, [job])


def _run(connection: Connection, unit: list[Job]) -> None:
    many = unit[0].many
    if many is None:
        change = unit[0].change
        assert change is not None
        unit[0].result = change(connection)
        return
    for job, result in zip(unit, many(connection, [job.item for job in unit]), strict=True):
        job.result, job.error = (None, result) if isinstance(result, BaseException) else (result, None)


def _to_savepoint(connection: Connection, statement: str) -> None:
    """On the driver itself: this is done twice for every change."""
    driver = cast(Any, connection.connection.dbapi_connection)
    try:
        driver.execute(statement)
    except Exception as error:
        raise BatchFailedError from error

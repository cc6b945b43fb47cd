"""The one thread that writes: group commit.

Changes queue up while the disk is synchronising; the thread then takes up to `batch` of them into one transaction, each inside
its own SAVEPOINT so that one which fails takes only itself back. Nobody is answered before COMMIT has returned. When the file, the
disk or the lock fails, everybody in the batch is told `UnavailableError` and the connection is thrown away: a failed
synchronisation is never tried again on the same connection, because the kernel may report the lost pages as written the second
time. The database is opened afresh, and its log emptied, since what could not be synchronised stands there complete and would be
found by the recovery after a kill; where that fails too, the answer says that the outcome is not known.

On PostgreSQL a COMMIT may have been sent and never answered; then, and only then, the answer says that the outcome is not known.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Connection, RootTransaction

from melanzana.errors import UnavailableError
from melanzana.storage.engines import empty_log
from melanzana.storage.failures import is_lost, may_reappear, unavailable, undecided, was_taken_back
from melanzana.storage.jobs import BatchFailedError, Job, carry_out

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterLimits:
    """How much may wait, and how much shares one COMMIT."""

    batch: int = 128  #: changes in one transaction: long enough to share an fsync, short enough that readers see news
    #: Whether a batch that PostgreSQL took back, because two waited for each other, is carried out again, one change at a time.
    again: bool = False
    queue: int = 4_096  #: changes waiting; one more is refused, so a slow disk is heard at once instead of filling memory


class _CommitUnknownError(BatchFailedError):
    """COMMIT was sent and never answered."""


class Writer:
    """Takes changes from any thread, commits them in order on its own."""

    def __init__(self, connect: Callable[[], Connection], limits: WriterLimits) -> None:
        self._connect = connect
        self._limits = limits
        self._connection: Connection | None = connect()
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closing = False
        #: COMMITs that returned, and changes they carried; for metrics.
        self.commits = 0
        self.changes = 0
        self._thread = threading.Thread(target=self._run, name="melanzana-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> "Future[Any]":
        """Queue a change. Errors: UnavailableError when the queue is full or the writer is closing."""
        with self._changed:
            if self._closing:
                raise UnavailableError("the database is closed")
            if len(self._jobs) >= self._limits.queue:
                raise UnavailableError("too many changes wait for the disk; send the same request again in a moment")
            self._jobs.append(job)
            self._changed.notify()
        return job.future

    def close(self) -> None:
        """Refuse new changes, commit the ones that wait, end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while batch := self._take():
            claimed = [job for job in batch if job.future.set_running_or_notify_cancel()]
            if claimed:
                self._carry_out(claimed)
        self._drop()

    def _take(self) -> list[Job]:
        """The next batch; empty when closed and drained."""
        with self._changed:
            while not self._jobs and not self._closing:
                self._changed.wait()
            return [self._jobs.popleft() for _ in range(min(len(self._jobs), self._limits.batch))]

    def _carry_out(self, batch: list[Job]) -> None:
        try:
            self._commit(batch)
        except BaseException as error:  # the thread must outlive whatever a change raises
            if self._limits.again and was_taken_back(error.__cause__ or error):
                self._drop()
                self._one_by_one(batch)
            else:
                self._refuse(batch, error)
            return
        self.commits += 1
        self.changes += len(batch)
        for job in batch:
            job.answer()

    def _one_by_one(self, batch: list[Job]) -> None:
        for job in batch:
            job.result = job.error = None
            try:
                self._commit([job])
            except BaseException as error:
                self._refuse([job], error)
            else:
                job.answer()

    def _commit(self, batch: list[Job]) -> None:
        connection, transaction = self._begin()
        with transaction:
            if not carry_out(connection, batch):
                transaction.rollback()
                return
            try:
                transaction.commit()
            except Exception as error:
                if is_lost(error):
                    raise _CommitUnknownError from error
                raise

    def _begin(self) -> tuple[Connection, RootTransaction]:
        """A transaction; a connection that was lost while nothing was under way is replaced without a word."""
        if self._connection is not None:
            try:
                return self._connection, self._connection.begin()
            except Exception as error:
                self._drop()
                if not is_lost(error):
                    raise
        self._connection = self._connect()
        return self._connection, self._connection.begin()

    def _refuse(self, batch: list[Job], failure: BaseException) -> None:
        self._drop()
        cause = failure.__cause__ if isinstance(failure, BatchFailedError) and failure.__cause__ else failure
        unknown = isinstance(failure, _CommitUnknownError) or (may_reappear(cause) and not self._forget())
        for job in batch:
            answer = undecided(cause) if unknown else unavailable(cause)
            answer.__cause__ = cause
            job.future.set_exception(answer)
        with suppress(Exception):  # a log that cannot be written must not end the thread
            _log.error("database transaction failed", cause=repr(cause), changes=len(batch))

    def _forget(self) -> bool:
        """Empty the write-ahead log of a database opened afresh; whether that could be done."""
        try:
            self._connection = self._connect()
            return empty_log(self._connection)
        except Exception:
            self._drop()
            return False

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):  # the file is already broken; what matters is to let go of it
                connection.close()

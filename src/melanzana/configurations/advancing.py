"""Moves a task instance on: sees which executions have ended, starts the steps whose turn has come, stores what is new.

Whoever runs task instances calls `advance`: the embedded orchestrator (`orchestrating.py`) again and again for all that is
unfinished. Nothing here keeps state between two calls. That an attempt is to be made is stored first, under the revision that was
read; then it is started, with an Idempotency-Key made of task, step and attempt; then the execution's id is stored. So two servers,
or one that was killed anywhere in between, start every attempt once, and none that an abort has overtaken.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from sqlalchemy import Connection

from melanzana.access.records import Principal, PrincipalKind
from melanzana.clock import Clock
from melanzana.configurations import progress, store
from melanzana.configurations.planning import request_for
from melanzana.configurations.progress import Ended
from melanzana.configurations.records import (
    MAX_RETRIES,
    MAX_STEPS,
    UNFINISHED,
    Attempt,
    StepStatus,
    TaskInstance,
    TaskState,
    TaskStep,
)
from melanzana.errors import ConflictError, MelanzanaError, NotFoundError, UnavailableError
from melanzana.executions.lifecycle import TERMINAL
from melanzana.executions.records import TASK_TAG, ExecutionFilter, ExecutionSummary, LifecycleState
from melanzana.executions.service import ExecutionService
from melanzana.storage.database import Database

#: More executions than any task instance has: steps times attempts.
_MOST = MAX_STEPS * (MAX_RETRIES + 1)
_STATUSES = {
    LifecycleState.PASSED: StepStatus.PASSED,
    LifecycleState.FAILED: StepStatus.FAILED,
    LifecycleState.ERROR: StepStatus.ERROR,
    LifecycleState.ABORTED: StepStatus.CANCELLED,
}


#: Told of an instance that has ended, inside the transaction that says so.
EndListener = Callable[[Connection, TaskInstance], None]


class Advancing:
    """The one verb, over the database and the executions."""

    def __init__(self, database: Database, clock: Clock, executions: ExecutionService, listeners: Sequence[EndListener]) -> None:
        self._database, self._clock, self._executions, self._listeners = database, clock, executions, listeners

    async def advance(self, realm: str, task_id: str) -> TaskInstance:
        """The instance after everything that can be done for it now. Raises NotFoundError, UnavailableError."""
        before = await self._database.read(lambda tx: store.find_instance(tx, realm, task_id))
        if before.state not in UNFINISHED:
            return before
        steps = list(progress.settled(before, await self._ends(before)))
        for step in progress.next_starts(before, steps):
            steps[step.position] = progress.with_attempt(step, self._intended(step))
        seen = await self._stored(before, self._concluded(replace(before, steps=tuple(steps))))
        return seen if seen.state not in UNFINISHED else await self._carried_out(seen)

    async def _carried_out(self, instance: TaskInstance) -> TaskInstance:
        """Start every attempt that is only intended; in a task that is aborted, end whatever is at work."""
        steps = list(instance.steps)
        for step in instance.steps:
            if is_intended(step):
                steps[step.position] = progress.with_last(step, await self._started(instance, step))
        after = await self._stored(instance, self._concluded(replace(instance, steps=tuple(steps))))
        if after.state is TaskState.ABORTING:
            await self._end_executions(after)
        return after

    async def _stored(self, before: TaskInstance, after: TaskInstance) -> TaskInstance:
        """`after` as it is stored now; what somebody else stored when they were faster."""
        if after == before:
            return before

        def change(tx: Connection) -> TaskInstance:
            if store.write_instance(tx, before, after) and after.ended_at is not None:
                for listener in self._listeners:
                    listener(tx, after)
            return store.find_instance(tx, before.realm, before.id)

        return await self._database.write(change)

    def _intended(self, step: TaskStep) -> Attempt:
        return Attempt(
            number=len(step.attempts) + 1,
            execution_id=None,
            run_id=None,
            status=StepStatus.RUNNING,
            started_at=self._clock.now(),
        )

    def _concluded(self, instance: TaskInstance) -> TaskInstance:
        end = progress.verdict(instance, instance.steps)
        return instance if end is None else replace(instance, state=end, ended_at=self._clock.now())

    async def _ends(self, instance: TaskInstance) -> Mapping[str, Ended]:
        """How the open executions of the instance ended, as far as they have."""
        waiting = [step.last.execution_id for step in instance.steps if step.last is not None and step.status is StepStatus.RUNNING]
        if not any(waiting):
            return {}
        wanted = ExecutionFilter(tag=f"{TASK_TAG}{instance.id}", limit=_MOST)
        seen = {run.id: run for run in (await self._executions.list(instance.realm, wanted)).items}
        return {id_: end for id_ in waiting if id_ is not None and (end := self._end_of(seen.get(id_))) is not None}

    def _end_of(self, seen: ExecutionSummary | None) -> Ended | None:
        if seen is None:
            return Ended(status=StepStatus.ERROR, message="its run was deleted before it had ended", at=self._clock.now())
        if seen.state not in TERMINAL:
            return None
        return Ended(status=_STATUSES[seen.state], message=seen.message, at=seen.ended_at or self._clock.now())

    async def _started(self, instance: TaskInstance, step: TaskStep) -> Attempt:
        """The last attempt of the step, with its execution; as it was when the server cannot start it now and will later."""
        attempt = step.attempts[-1]
        request = request_for(step.plan, instance.draft, instance.id, step.position + attempt.number - 1)
        key = f"task:{instance.id}:{step.position}:{attempt.number}"
        try:
            execution = await self._executions.start(request, _principal(instance), key)
        except UnavailableError:
            return attempt
        except MelanzanaError as error:
            message = f"it could not be started: {error.message}"
            return replace(attempt, status=StepStatus.ERROR, message=message, ended_at=self._clock.now())
        return replace(attempt, execution_id=execution.id, run_id=execution.run_id)

    async def _end_executions(self, instance: TaskInstance) -> None:
        for step in instance.steps:
            if step.status is StepStatus.RUNNING and step.last is not None and step.last.execution_id is not None:
                with suppress(ConflictError, NotFoundError):
                    await self._executions.abort(instance.realm, step.last.execution_id, instance.created_by)


def is_intended(step: TaskStep) -> bool:
    """Its last attempt is to be started and has no execution yet."""
    return step.status is StepStatus.RUNNING and step.last is not None and step.last.execution_id is None


def _principal(instance: TaskInstance) -> Principal:
    """In whose name executions are started: that of who started the instance."""
    return Principal(
        realm=instance.realm,
        kind=PrincipalKind.API_CLIENT,
        client_id=instance.created_by,
        subject="",
        name=instance.created_by,
        scopes=frozenset(),
    )

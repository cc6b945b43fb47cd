"""Performs recorded walks as executions of their own, one after another, for a search that waits in a thread.

Each performance is queued like any run, tagged `shrink of N`, and taken by whatever agent can. `service.py` makes one of these for
a search; the shrinker calls `perform` in a thread, the rest happens in the server's event loop.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from melanzana.access.records import Principal
from melanzana.errors import MelanzanaError
from melanzana.executions.lifecycle import TERMINAL
from melanzana.executions.records import Execution, LifecycleState, StartRequest
from melanzana.executions.service import ExecutionService
from melanzana.generation.recorded import Recorded
from melanzana.generation.shrinking.oracle import EnoughError, Told
from melanzana.generation.signature import Signature
from melanzana.generation.step import EndReason, OnError
from melanzana.protocol.recording import failing_step_of, failure_of

#: Seconds between two looks at a performance that nobody tells of.
_LOOK_SECONDS = 1.0
#: Nothing stands behind this number in any log.
_BEHIND_ALL = 2**53
_NO_ANSWER = frozenset({EndReason.ABORTED, EndReason.SETUP_FAILED, EndReason.IMPOSSIBLE_STEP, "agent_lost", "queue_expired"})


def replay_request(original: Execution, recorded: Recorded, tags: tuple[str, ...]) -> StartRequest:
    """The start of a run that performs these steps as `original` would: same values, same place, same system under test."""
    on_error = OnError.CONTINUE if original.snapshot.on_error == OnError.CONTINUE else OnError.CLEAN
    return StartRequest(
        rerun_of=original.run_id,
        path="replay()",
        recorded=recorded.to_json(),
        on_error=str(on_error),
        perform=original.perform,
        agent_id=original.requested_agent_id,
        labels=original.labels,
        tags=tags,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Performer:
    """What the performances of one search have in common."""

    executions: ExecutionService
    principal: Principal
    original: Execution
    signature: Signature
    until: float  #: steady instant (`time.monotonic`) at which it is enough
    is_unwanted: Callable[[], Awaitable[bool]]  #: was the search aborted, or does the server stop? Asked often
    begun: Callable[[int], Awaitable[None]]  #: told the run id of each performance
    loop: asyncio.AbstractEventLoop

    def perform(self, candidate: Recorded) -> Told:
        """See `shrinking.oracle.Oracle`; called in a thread. Errors: EnoughError."""
        return self._wait_for(self._perform(candidate))

    def _wait_for(self, work: Coroutine[Any, Any, Told]) -> Told:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    async def _perform(self, candidate: Recorded) -> Told:
        if time.monotonic() >= self.until or await self.is_unwanted():
            raise EnoughError
        request = replay_request(self.original, candidate, (f"shrink of {self.original.run_id}",))
        started = await self.executions.start(request, self.principal)
        await self.begun(started.run_id)
        await self._ended(started)
        return await self._told(started)

    async def _ended(self, started: Execution) -> None:
        """Wait for the end; should it not be wanted any more, the performance is aborted."""
        with self.executions.listen(started.run_id) as signal:
            while (await self.executions.look(started.realm, started.run_id, _BEHIND_ALL, 1))[0] not in TERMINAL:
                if time.monotonic() >= self.until or await self.is_unwanted():
                    await self._abort(started)
                    raise EnoughError
                await signal.wait(_LOOK_SECONDS)

    async def _abort(self, started: Execution) -> None:
        try:
            await self.executions.abort(started.realm, started.run_id, self.principal.name)
        except MelanzanaError:
            return  # it ended in the same moment

    async def _told(self, started: Execution) -> Told:
        execution = await self.executions.get(started.realm, started.run_id)
        stored = await self.executions.events(started.realm, started.run_id)
        events = [event for one in stored if one.attempt == execution.attempt and (event := one.event()) is not None]
        if execution.state is LifecycleState.ABORTED:
            raise EnoughError
        if execution.reason in _NO_ANSWER:
            return Told(failed=False)
        failed = failure_of(events) == self.signature
        return Told(failed, failing_step_of(events) if failed else 0)

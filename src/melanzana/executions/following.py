"""A log as it grows, to be sent on line by line: no line is left out, and none comes twice.

`streams.py` sends what `follow` gives. Who follows listens before it looks, as everybody who waits (`waking.py`); news of this
server comes at once, that of other servers within `LOOK_SECONDS`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from melanzana.clock import Clock
from melanzana.executions.lifecycle import TERMINAL
from melanzana.executions.records import LifecycleState, StoredEvent
from melanzana.executions.service import ExecutionService

#: Lines read at once; seconds between two looks when nobody tells of news; between two signs of life while nothing happens.
BATCH, LOOK_SECONDS, QUIET_SECONDS = 500, 1.0, 15.0
#: How long one stream lasts. Who follows on asks again, with a token that is good then.
STREAM_SECONDS = 240.0
#: Where the run stands, and at most so many lines behind a number.
Look = Callable[[int, int], Awaitable[tuple[LifecycleState, tuple[StoredEvent, ...]]]]


async def follow(  # noqa: PLR0917 - a run, where to begin, and how to look
    service: ExecutionService, clock: Clock, realm: str, ref: str | int, after: int, look: Look | None = None
) -> AsyncIterator[Sequence[StoredEvent] | None]:
    """Lines behind number `after` as they come, in batches; None is a sign of life. Ends behind the last line of a run that has
    ended, and after `STREAM_SECONDS`. `look`: how the log is read, should several read it together.

    Raises NotFoundError, also when the run is deleted meanwhile.
    """
    execution = await service.get(realm, ref)
    begun = quiet_since = clock.monotonic()
    with service.listen(execution.run_id) as signal:
        while clock.monotonic() - begun < STREAM_SECONDS and not service.is_closing:
            if look is not None:
                state, events = await look(after, BATCH)
            else:
                state, events = await service.look(realm, execution.run_id, after, BATCH)
            if events:
                after, quiet_since = events[-1].seq, clock.monotonic()
                yield events
            elif state in TERMINAL:
                return
            else:
                if clock.monotonic() - quiet_since >= QUIET_SECONDS:
                    quiet_since = clock.monotonic()
                    yield None
                await signal.wait(LOOK_SECONDS)

"""How an abort reaches code in the middle of a step, and leaves alone the code that tidies up.

The worker's SIGTERM handler is `Interruption.on_signal`. While user code that may be stopped is running (`armed`), the signal
becomes `StepAborted` inside it, or the cancellation of its task when it is async; at any other moment it is only noted. Once the
walk knows of the abort, `close` makes later signals harmless: cleanup and teardown run to their end or to the SIGKILL.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: How the message of a step begins that an abort interrupted; the agent puts its own reason there.
ABORTED_STEP = "the run was aborted during this step"


class StepAborted(BaseException):
    """The run is being aborted: raised inside the step so that its `finally` and teardowns run."""


class Interruption:
    """One per run."""

    def __init__(self) -> None:
        self.requested = False
        self._armed = False
        self._closed = False
        self._task: asyncio.Task[Any] | None = None

    def on_signal(self, signum: int, frame: Any) -> None:  # noqa: ARG002 - the signature of signal handlers
        self.requested = True
        if not self._armed or self._closed:
            return
        if self._task is not None:
            self._task.get_loop().call_soon_threadsafe(self._task.cancel)
        else:
            raise StepAborted("the run is being aborted")

    def close(self) -> None:
        """From now on nothing is interrupted any more."""
        self._closed = True

    @contextmanager
    def armed(self) -> Iterator[None]:
        """What runs inside may be interrupted."""
        self._armed = True
        try:
            if self.requested and not self._closed:  # the signal came just before
                raise StepAborted("the run is being aborted")
            yield
        finally:
            self._armed = False

    def run_task(self, task: asyncio.Task[Any]) -> Any:
        """Run the loop until `task` is done; an interruption cancels it."""
        self._task = task
        try:
            return task.get_loop().run_until_complete(task)
        except asyncio.CancelledError:
            if self.requested:
                raise StepAborted("the run is being aborted") from None
            raise
        finally:
            self._task = None

"""An asyncio loop whose clock jumps to the next timer instead of waiting: hours pass in milliseconds, in the same order."""

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")
_START = datetime(2030, 1, 1, tzinfo=UTC)


class _Impatient(selectors.SelectSelector):
    """Never waits; says how long it was asked to."""

    asked: float | None = 0.0

    def select(self, timeout: float | None = None) -> Any:
        self.asked = timeout
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time stands still while anything can run; then it is the time of the next timer."""

    def __init__(self) -> None:
        self._impatient = _Impatient()
        self._virtual = 0.0
        super().__init__(self._impatient)

    def time(self) -> float:
        return self._virtual

    def _run_once(self) -> None:
        super()._run_once()  # type: ignore[misc]
        asked = self._impatient.asked
        if asked is None:
            raise RuntimeError("everything waits and no timer is set: this would hang for ever")
        self._virtual += asked


class LoopClock:
    """The clock that goes with a virtual loop."""

    def now(self) -> datetime:
        return _START + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end on a virtual loop."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)

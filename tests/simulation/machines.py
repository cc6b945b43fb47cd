"""Machines of the simulation: each has a clock of its own, and one can be suspended, as a laptop is whose lid is closed.

All of them live on one event loop with virtual time. Whatever is scheduled while `MACHINE` names a suspended machine waits until it
is woken and then runs in the order in which it was due, late, as the operating system would do it.
"""

import asyncio
import contextvars
import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from support_virtual_time import LoopClock, VirtualLoop

#: The machine on which the current task runs; None: one that is never suspended.
MACHINE: contextvars.ContextVar[str | None] = contextvars.ContextVar("machine", default=None)
#: Where tasks of servers and networks begin, whoever caused them.
NOBODYS = contextvars.Context()


class TickingLoop(VirtualLoop):
    """Wakes sleepers at the next whole millisecond, as schedulers do.

    Without a tick, one who sleeps for what is left on a slow clock comes ever closer to the deadline and never gets there.
    """

    def __init__(self) -> None:
        super().__init__()
        self._suspended: dict[str, list[asyncio.Handle]] = {}  #: by machine, what waits for its waking

    def suspend(self, machine: str) -> None:
        self._suspended.setdefault(machine, [])

    def wake(self, machine: str) -> None:
        for handle in self._suspended.pop(machine, []):
            self._ready.append(handle)  # type: ignore[attr-defined]

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None) -> asyncio.Handle:
        if self._suspended:
            machine = MACHINE.get() if context is None else context.get(MACHINE)
            if machine in self._suspended:
                handle = asyncio.Handle(callback, args, self, context)
                self._suspended[machine].append(handle)
                return handle
        return super().call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        tick = (math.floor(when * 1000) + 1) / 1000
        machine = MACHINE.get() if context is None else context.get(MACHINE)
        if machine is None:
            return super().call_at(tick, callback, *args, context=context)
        # When it is due it goes through `call_soon`, which knows whether the machine sleeps; `first` is asked whether it was
        # cancelled meanwhile.
        first: list[asyncio.TimerHandle] = []
        first.append(super().call_at(tick, self._due, first, callback, args, context=context))
        return first[0]

    def _due(self, first: list[asyncio.TimerHandle], callback: Callable[..., Any], args: tuple[Any, ...]) -> None:
        if MACHINE.get() in self._suspended:
            self.call_soon(self._late, first, callback, args)
        else:
            callback(*args)

    @staticmethod
    def _late(first: list[asyncio.TimerHandle], callback: Callable[..., Any], args: tuple[Any, ...]) -> None:
        if not first[0].cancelled():
            callback(*args)


class DriftingClock(LoopClock):
    """The clock of one machine, a little too fast or too slow; its wall clock may be set."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self.wall_offset = timedelta()

    def now(self) -> datetime:
        return LoopClock().now() + self.wall_offset

    def monotonic(self) -> float:
        return super().monotonic() * self._rate


def loop() -> TickingLoop:
    running = asyncio.get_running_loop()
    assert isinstance(running, TickingLoop)
    return running

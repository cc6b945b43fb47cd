"""Keeps a run and each of its steps within the time that the agent allows. `attempt.py` shows it every event of the worker.

A step's time runs while its code runs; a run's from its start to its end, without the time in which it is paused and waits for
somebody to continue.
"""

import asyncio
from collections.abc import Callable

from melanzana.protocol.events import Event, RunFinished, RunPaused, RunResumed, RunStarted, StepFinished, StepStarted


class TimeLimits:
    """Calls `exceeded` once, with what to say, when one of the times is over; None: no limit."""

    def __init__(self, step_seconds: float | None, run_seconds: float | None, exceeded: Callable[[str], None]) -> None:
        self._step_seconds, self._run_seconds, self._exceeded = step_seconds, run_seconds, exceeded
        self._left = run_seconds
        self._run_began = 0.0
        self._step: asyncio.TimerHandle | None = None
        self._run: asyncio.TimerHandle | None = None

    def follow(self, event: Event) -> None:
        """Start and stop the clocks."""
        if isinstance(event, StepStarted):
            self._begin_step(event)
        elif isinstance(event, StepFinished):
            self._end_step()
        elif isinstance(event, RunStarted | RunResumed):
            self._begin_run()
        elif isinstance(event, RunPaused | RunFinished):
            self._end_run()

    def close(self) -> None:
        """Nothing is called any more."""
        self._end_step()
        self._end_run()

    def _begin_step(self, event: StepStarted) -> None:
        self._end_step()
        if self._step_seconds is not None:
            what = f'step {event.number}, {event.kind} "{event.name}"'
            text = f"{what}, took longer than the {self._step_seconds:g} s that this agent allows (--step-seconds)"
            self._step = asyncio.get_running_loop().call_later(self._step_seconds, self._over, text)

    def _end_step(self) -> None:
        if self._step is not None:
            self._step.cancel()
            self._step = None

    def _begin_run(self) -> None:
        if self._left is not None and self._run is None:
            loop = asyncio.get_running_loop()
            text = f"the run took longer than the {self._run_seconds:g} s that this agent allows (--run-seconds)"
            self._run_began = loop.time()
            self._run = loop.call_later(max(0.0, self._left), self._over, text)

    def _end_run(self) -> None:
        if self._run is not None and self._left is not None:
            self._left -= asyncio.get_running_loop().time() - self._run_began
            self._run.cancel()
            self._run = None

    def _over(self, text: str) -> None:
        self.close()
        self._exceeded(text)

"""What becomes of executions, on one page: the model against which the service and the HTTP API are checked.

A test tells the model every call it makes and compares the answer with what the model says, and every execution with `Expected`.
Time passes by `second`; nothing here looks at the product's own table of changes (`executions/lifecycle.py`).
"""

from collections.abc import Hashable
from dataclasses import dataclass

HELD = frozenset({"leased", "running", "aborting"})
TERMINAL = frozenset({"passed", "failed", "error", "aborted"})
#: Lease and grace: what is silent for longer is lost at the next sweep.
SILENCE_SECONDS = 30
MOST_ATTEMPTS = 3


@dataclass
class Expected:
    """One execution."""

    performs: bool = True
    on_agent_lost: str | None = None
    sut: str | None = None  #: the system under test it asks for
    state: str = "queued"
    attempt: int = 0
    holder: Hashable = None  #: the agent (and its session) of the current or last attempt
    stored: int = 0  #: agent events of the current attempt
    touched: bool = False  #: whether code may have been performed in the current attempt
    silent: int = 0  #: seconds since the last renewal
    lost: bool = False  #: whether it ended because its agent fell silent


@dataclass(frozen=True)
class Told:
    """What a report is answered."""

    next_seq: int
    abort_requested: bool
    ended: bool


class Lifecycle:
    """Every execution of one test, by run id."""

    def __init__(self) -> None:
        self.executions: dict[int, Expected] = {}

    @property
    def held(self) -> int:
        return sum(expected.state in HELD for expected in self.executions.values())

    def holder_of(self, sut: str) -> int | None:
        """The run that has the system under test."""
        runs = [run_id for run_id, expected in self.executions.items() if expected.sut == sut and expected.state in HELD]
        assert len(runs) <= 1, f"{sut} is given to {runs}"
        return runs[0] if runs else None

    def start(self, run_id: int, expected: Expected) -> None:
        assert run_id not in self.executions
        self.executions[run_id] = expected

    def next_to_claim(self) -> int | None:
        """The oldest that is queued and whose system under test is free."""
        waiting = (
            run_id
            for run_id, expected in self.executions.items()
            if expected.state == "queued" and (expected.sut is None or self.holder_of(expected.sut) is None)
        )
        return min(waiting, default=None)

    def claim(self, run_id: int, holder: Hashable) -> int:
        """The number of the new attempt."""
        expected = self.executions[run_id]
        expected.state, expected.holder, expected.attempt = "leased", holder, expected.attempt + 1
        expected.stored, expected.silent, expected.touched = 0, 0, False
        return expected.attempt

    def report(  # noqa: PLR0917 - the words of a report
        self, run_id: int, attempt: int, holder: Hashable, first: int, count: int, verdict: str | None = None
    ) -> Told | None:
        """The answer to `count` events from number `first` on, the last of them the end if there is a `verdict`; None: stale."""
        expected = self.executions[run_id]
        last = first + count - 1
        mine = (expected.attempt, expected.holder) == (attempt, holder)
        if not mine or expected.state not in HELD:
            repeats = mine and expected.state in TERMINAL and not expected.lost and last <= expected.stored
            return Told(expected.stored + 1, abort_requested=False, ended=True) if repeats else None
        expected.silent, expected.touched = 0, expected.performs
        fresh = max(0, last - expected.stored) if first <= expected.stored + 1 else 0
        expected.stored += fresh
        if fresh and expected.state == "leased":
            expected.state = "running"
        if fresh and verdict is not None:
            expected.state = "aborted" if expected.state == "aborting" else verdict
        return Told(expected.stored + 1, expected.state == "aborting", expected.state in TERMINAL)

    def abort(self, run_id: int) -> str | None:
        """The state after the abort; None: it comes too late."""
        expected = self.executions[run_id]
        if expected.state in {"passed", "failed", "error"}:
            return None
        expected.state = {"queued": "aborted", "leased": "aborting", "running": "aborting"}.get(expected.state, expected.state)
        return expected.state

    def second(self) -> None:
        """One second passes, with a sweep at its end."""
        for expected in self.executions.values():
            if expected.state in HELD:
                expected.silent += 1
                if expected.silent > SILENCE_SECONDS:
                    self._lose(expected)

    def rearm(self) -> None:
        """The server came back after a while: every lease begins anew."""
        for expected in self.executions.values():
            if expected.state in HELD:
                expected.silent = 0

    @staticmethod
    def _lose(expected: Expected) -> None:
        repeats = {"requeue": True, "error": False, None: not expected.touched}[expected.on_agent_lost]
        if expected.state != "aborting" and repeats and expected.attempt < MOST_ATTEMPTS:
            expected.state, expected.holder, expected.stored, expected.silent = "queued", None, 0, 0
            return
        expected.lost = True
        expected.state = "aborted" if expected.state == "aborting" else "error"

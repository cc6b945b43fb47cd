"""The execution service against a model of the lifecycle that fits on one page: any order of verbs, any repetition, any restart."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from melanzana.errors import ConflictError, StaleAttemptError
from melanzana.executions.lifecycle import HELD, TERMINAL
from melanzana.generation.step import Verdict
from melanzana.protocol.events import RunFinished
from melanzana.protocol.peer import Lease
from support_executions import AGENT, REALM, STARTED, STEP, World, open_world, report

T = TypeVar("T")
AGENTS = tuple(replace(AGENT, agent_id=number, name=f"rack-{number}") for number in range(1, 4))


@dataclass
class Expected:
    """What the model knows of one execution."""

    state: str = "queued"
    attempt: int = 0
    agent: int | None = None
    stored: int = 0  #: agent events of the current attempt
    performed: bool = False
    silent: float = 0.0  #: seconds since the last renewal


class Executions(RuleBasedStateMachine):
    """Verbs as rules; after each, every execution is what the model says."""

    executions = Bundle("executions")
    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.world: World = self.do(open_world())
        self.do(self.world.executions.release_expired())
        self.expected: dict[int, Expected] = {}
        self.ended: dict[int, str] = {}

    def do(self, verb: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(verb)

    def teardown(self) -> None:
        self.do(self.world.database.close())
        self.loop.close()

    @rule(target=executions)
    def start(self) -> int:
        run_id = self.do(self.world.start()).run_id
        self.expected[run_id] = Expected()
        return run_id

    @rule(target=leases, number=st.integers(0, 2))
    def claim(self, number: int) -> tuple[int, Lease] | None:
        queued = [run_id for run_id, expected in self.expected.items() if expected.state == "queued"]
        lease = self.do(self.world.executions.claim(AGENTS[number]))
        assert (None if lease is None else lease.run_id) == min(queued, default=None)
        if lease is None:
            return None
        before = self.expected[lease.run_id]
        assert lease.attempt == before.attempt + 1
        self.expected[lease.run_id] = Expected("leased", lease.attempt, number)
        return number, lease

    @rule(held=leases, first=st.integers(1, 6), count=st.integers(0, 3), performs=st.booleans())
    def tell(self, held: tuple[int, Lease] | None, first: int, count: int, performs: bool) -> None:
        if held is None:
            return
        number, lease = held
        events = [replace(STEP, performed=performs)] * count
        expected = self.expected[lease.run_id]
        fresh = max(0, first + count - 1 - expected.stored) if first <= expected.stored + 1 else 0
        if self.report(number, report(lease, first, events), repeats=first + count - 1 <= expected.stored):
            expected.stored += fresh
            expected.performed |= performs and fresh > 0
            if fresh and expected.state == "leased":
                expected.state = "running"

    @rule(held=leases, verdict=st.sampled_from(Verdict))
    def finish(self, held: tuple[int, Lease] | None, verdict: Verdict) -> None:
        if held is None:
            return
        number, lease = held
        expected = self.expected[lease.run_id]
        events = [STARTED, RunFinished(verdict=verdict, reason="exit")]
        if self.report(number, report(lease, expected.stored + 1, events), repeats=False):
            expected.stored += 2
            expected.state = "aborted" if expected.state == "aborting" else verdict

    def report(self, number: int, said: Any, *, repeats: bool) -> bool:
        """Whether the attempt was current; the answer is checked either way."""
        run_id = self.do(self.world.executions.get(REALM, said.execution_id)).run_id
        expected = self.expected[run_id]
        mine = (expected.attempt, expected.agent) == (said.attempt, number)
        over = expected.state in TERMINAL and mine and repeats and expected.silent == 0.0
        try:
            directive = self.do(self.world.executions.report(AGENTS[number], said))
        except StaleAttemptError:
            assert not (mine and expected.state in HELD)
            assert not over
            return False
        assert over or (mine and expected.state in HELD)
        assert directive.abort_requested == (expected.state == "aborting" and not directive.ended)
        if over:
            assert directive.ended
            return False
        expected.silent = 0.0
        return True

    @rule(run_id=executions)
    def abort(self, run_id: int) -> None:
        expected = self.expected[run_id]
        after = {"queued": "aborted", "leased": "aborting", "running": "aborting"}.get(expected.state, expected.state)
        if after in {"passed", "failed", "error"}:
            with pytest.raises(ConflictError):
                self.do(self.world.executions.abort(REALM, run_id))
        else:
            assert self.do(self.world.executions.abort(REALM, run_id)) == after
        expected.state = after

    @precondition(lambda self: sum(expected.state in HELD for expected in self.expected.values()) < 4)
    @rule(seconds=st.integers(1, 40))
    def let_time_pass(self, seconds: int) -> None:
        for _ in range(seconds):
            self.do(self.world.sweep_for(1))
            for expected in self.expected.values():
                if expected.state in HELD:
                    expected.silent += 1
                    if expected.silent > 30:
                        self.lose(expected)

    @staticmethod
    def lose(expected: Expected) -> None:
        if expected.state == "aborting":
            expected.state = "aborted"
        elif expected.performed or expected.attempt == 3:
            expected.state = "error"
        else:
            expected.state, expected.agent, expected.stored, expected.silent = "queued", None, 0, 0.0

    @rule(seconds=st.integers(0, 4000))
    def restart(self, seconds: int) -> None:
        self.world.clock.advance(seconds)
        self.world.restart()
        self.do(self.world.executions.release_expired())
        for expected in self.expected.values():
            if expected.state in HELD:
                expected.silent = 0.0

    @rule(held=consumes(leases))
    def forget(self, held: tuple[int, Lease] | None) -> None:
        """The agent crashes: its lease is never used again."""

    @invariant()
    def every_state_is_as_expected(self) -> None:
        for run_id, expected in self.expected.items():
            found = self.do(self.world.executions.get(REALM, run_id))
            assert (found.state, found.attempt) == (expected.state, expected.attempt)
            assert self.ended.setdefault(run_id, found.state) == found.state if found.state in TERMINAL else True
            log = self.do(self.world.log(found))
            assert [line.seq for line in log] == list(range(1, len(log) + 1))
            current = [line.agent_seq for line in log if line.agent_seq is not None and line.attempt == expected.attempt]
            if expected.state != "queued":
                assert current == list(range(1, expected.stored + 1))


TestExecutions = Executions.TestCase
TestExecutions.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)

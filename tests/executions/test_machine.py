"""The execution service against the model of the lifecycle: any order of verbs, any repetition, any restart."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from melanzana.errors import ConflictError, StaleAttemptError
from melanzana.generation.step import Verdict
from melanzana.protocol.events import RunFinished
from melanzana.protocol.peer import Lease, Report
from support_executions import AGENT, REALM, STARTED, STEP, World, open_world, report
from support_lifecycle import TERMINAL, Expected, Lifecycle, Told

T = TypeVar("T")
AGENTS = tuple(replace(AGENT, agent_id=number, name=f"rack-{number}") for number in range(1, 4))
POLICIES = st.sampled_from([None, None, "requeue", "error"])


class Executions(RuleBasedStateMachine):
    """Verbs as rules; after each, every execution is what the model says."""

    executions = Bundle("executions")
    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.world: World = self.do(open_world())
        self.do(self.world.executions.release_expired())
        self.model = Lifecycle()
        self.ended: dict[int, str] = {}

    def do(self, verb: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(verb)

    def teardown(self) -> None:
        self.do(self.world.database.close())
        self.loop.close()

    @rule(target=executions, performs=st.booleans(), policy=POLICIES)
    def start(self, performs: bool, policy: str | None) -> int:
        run_id = self.do(self.world.start(perform=performs, on_agent_lost=policy)).run_id
        self.model.start(run_id, Expected(performs=performs, on_agent_lost=policy))
        return run_id

    @rule(target=leases, number=st.integers(0, 2))
    def claim(self, number: int) -> tuple[int, Lease] | None:
        lease = self.do(self.world.executions.claim(AGENTS[number]))
        assert (None if lease is None else lease.run_id) == self.model.next_to_claim()
        if lease is None:
            return None
        assert lease.attempt == self.model.claim(lease.run_id, number)
        return number, lease

    @rule(held=leases, first=st.integers(1, 6), count=st.integers(0, 3))
    def tell(self, held: tuple[int, Lease] | None, first: int, count: int) -> None:
        if held is not None:
            self.report(*held, report(held[1], first, [STEP] * count))

    @rule(held=leases, verdict=st.sampled_from(Verdict))
    def finish(self, held: tuple[int, Lease] | None, verdict: Verdict) -> None:
        if held is not None:
            first = self.model.executions[held[1].run_id].stored + 1
            self.report(*held, report(held[1], first, [STARTED, RunFinished(verdict=verdict, reason="exit")]), verdict)

    def report(self, number: int, lease: Lease, said: Report, verdict: str | None = None) -> None:
        told = self.model.report(lease.run_id, said.attempt, number, said.first_seq, len(said.events), verdict)
        try:
            directive = self.do(self.world.executions.report(AGENTS[number], said))
        except StaleAttemptError:
            assert told is None
            return
        assert Told(directive.next_seq, directive.abort_requested, directive.ended) == told

    @rule(run_id=executions)
    def abort(self, run_id: int) -> None:
        after = self.model.abort(run_id)
        if after is None:
            with pytest.raises(ConflictError):
                self.do(self.world.executions.abort(REALM, run_id))
        else:
            assert self.do(self.world.executions.abort(REALM, run_id)) == after

    @precondition(lambda self: self.model.held < 4)
    @rule(seconds=st.integers(1, 40))
    def let_time_pass(self, seconds: int) -> None:
        for _ in range(seconds):
            self.do(self.world.sweep_for(1))
            self.model.second()

    @rule(seconds=st.integers(0, 4000))
    def restart(self, seconds: int) -> None:
        self.world.clock.advance(seconds)
        self.world.restart()
        self.do(self.world.executions.release_expired())
        self.model.rearm()

    @rule(held=consumes(leases))
    def forget(self, held: tuple[int, Lease] | None) -> None:
        """The agent crashes: its lease is never used again."""

    @invariant()
    def every_state_is_as_expected(self) -> None:
        for run_id, expected in self.model.executions.items():
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

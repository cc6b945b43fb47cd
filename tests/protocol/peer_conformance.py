"""What every implementation of `protocol/peer.py` promises. Subclass `PeerConformance` and give it a `bench` fixture.

A bench is a server with two agents and one model. Nothing here waits for a lease to lapse, so it runs on real clocks, too.
"""

import asyncio
import hashlib
from dataclasses import replace
from typing import Protocol

import pytest

from melanzana.errors import AgentDrainedError, NotFoundError, RequestError, SessionReplacedError, StaleAttemptError
from melanzana.protocol.events import Event, LogWritten, RunFinished, RunPaused, RunResumed, RunStarted, StepFinished
from melanzana.protocol.peer import Hello, Lease, Peer, Report, Session

HELLO = Hello(capabilities=frozenset({"python", "dry"}), host="rack", version="1", instance="first")
STARTED = RunStarted(agent="a", version="1")
STEP = StepFinished(
    number=1, iteration=1, kind="action", element_id="e", name="open", verdict="passed", at_seconds=0.5, performed=True
)
PASSED = RunFinished(verdict="passed", reason="stop_condition", at_seconds=1.0)
#: News must reach a held report sooner than this; the hold itself is longer.
SOON_SECONDS, HOLD_SECONDS = 3.0, 8.0


class Bench(Protocol):
    """A server with agents `one` and `other`, whose credentials the peers have."""

    one: Peer
    other: Peer

    async def start(self) -> str:
        """Queue an execution that performs code; gives its execution_id."""
        ...

    async def abort(self, execution_id: str) -> None: ...

    async def pause(self, execution_id: str) -> None: ...

    async def resume(self, execution_id: str) -> None: ...

    async def state(self, execution_id: str) -> str: ...


def report(lease: Lease, first_seq: int, *events: Event, wait_seconds: float = 0.0) -> Report:
    return Report(
        execution_id=lease.execution_id, attempt=lease.attempt, first_seq=first_seq, events=events, wait_seconds=wait_seconds
    )


async def leased(bench: Bench) -> tuple[Session, Lease]:
    """A fresh execution in the hands of agent `one`."""
    session = await bench.one.register(HELLO)
    execution_id = await bench.start()
    lease = await bench.one.lease(session, HOLD_SECONDS)
    assert lease is not None
    assert lease.execution_id == execution_id
    return session, lease


@pytest.mark.anyio
class PeerConformance:
    """The promises."""

    async def test_register_tells_every_figure(self, bench: Bench) -> None:
        """A session carries the agent's identity and figures that fit into each other."""
        session = await bench.one.register(HELLO)
        assert session.session >= 1
        assert session.agent_name
        assert 0 < session.heartbeat_seconds < session.lease_seconds / 2
        assert session.kill_seconds > 0
        assert session.poll_seconds > 0

    async def test_register_resent_gives_the_same_session(self, bench: Bench) -> None:
        """The same process registering twice keeps its session."""
        first = await bench.one.register(HELLO)
        assert (await bench.one.register(HELLO)).session == first.session

    async def test_who_leaves_gets_no_more_work_and_may_finish(self, bench: Bench) -> None:
        """After `leave` a held lease is answered at once and the next one refused; the run goes on; a new process begins anew."""
        session, lease = await leased(bench)
        waiting = asyncio.create_task(bench.one.lease(session, HOLD_SECONDS))
        await asyncio.sleep(0.1)
        await bench.one.leave(session, gone=False)
        async with asyncio.timeout(SOON_SECONDS):
            assert (await asyncio.gather(waiting, return_exceptions=True))[0] is None
        await bench.start()
        with pytest.raises(AgentDrainedError):
            await bench.one.lease(session, 0.0)
        assert (await bench.one.report(session, report(lease, 1, STARTED, STEP, PASSED))).ended
        await bench.one.leave(session, gone=True)
        session = await bench.one.register(replace(HELLO, instance="second"))
        assert await bench.one.lease(session, HOLD_SECONDS) is not None

    async def test_no_work_is_none(self, bench: Bench) -> None:
        """With nothing queued `lease` returns None after the wait."""
        session = await bench.one.register(HELLO)
        assert await bench.one.lease(session, 0.0) is None

    async def test_a_held_lease_gets_work_that_comes(self, bench: Bench) -> None:
        """Work that is started while `lease` is held arrives at once, with everything a run depends on."""
        session = await bench.one.register(HELLO)
        waiting = asyncio.create_task(bench.one.lease(session, HOLD_SECONDS))
        await asyncio.sleep(0.05)
        execution_id = await bench.start()
        async with asyncio.timeout(SOON_SECONDS):
            lease = await waiting
        assert lease is not None
        assert (lease.execution_id, lease.attempt, lease.next_seq) == (execution_id, 1, 1)
        assert lease.snapshot.model
        assert lease.snapshot.path
        assert lease.snapshot.perform

    async def test_one_execution_goes_to_one_agent(self, bench: Bench) -> None:
        """Two agents that ask at once get one lease between them."""
        sessions = [await peer.register(HELLO) for peer in (bench.one, bench.other)]
        await bench.start()
        leases = await asyncio.gather(bench.one.lease(sessions[0], 0.0), bench.other.lease(sessions[1], 0.0))
        assert sum(lease is not None for lease in leases) == 1

    async def test_a_run_from_start_to_end(self, bench: Bench) -> None:
        """Reports move the execution to running and to the verdict; `next_seq` counts what is stored."""
        session, lease = await leased(bench)
        directive = await bench.one.report(session, report(lease, 1, STARTED, STEP))
        assert (directive.next_seq, directive.ended, directive.abort_requested) == (3, False, False)
        assert await bench.state(lease.execution_id) == "running"
        directive = await bench.one.report(session, report(lease, 3, PASSED))
        assert (directive.next_seq, directive.ended) == (4, True)
        assert await bench.state(lease.execution_id) == "passed"

    async def test_a_report_may_be_resent(self, bench: Bench) -> None:
        """The same events again, alone or with new ones behind them, are stored once; the end may be told twice."""
        session, lease = await leased(bench)
        for _ in range(2):
            assert (await bench.one.report(session, report(lease, 1, STARTED, STEP))).next_seq == 3
        assert (await bench.one.report(session, report(lease, 2, STEP, LogWritten(message="new")))).next_seq == 4
        for _ in range(2):
            assert (await bench.one.report(session, report(lease, 4, PASSED))).ended
        assert await bench.state(lease.execution_id) == "passed"

    async def test_a_gap_stores_nothing(self, bench: Bench) -> None:
        """A report that starts later than the server wants is answered with the number to go back to."""
        session, lease = await leased(bench)
        await bench.one.report(session, report(lease, 1, STARTED))
        directive = await bench.one.report(session, report(lease, 5, PASSED))
        assert (directive.next_seq, directive.ended) == (2, False)
        assert await bench.state(lease.execution_id) == "running"

    async def test_an_abort_reaches_a_held_report(self, bench: Bench) -> None:
        """An abort answers the held heartbeat at once; whatever verdict follows, the execution is aborted."""
        session, lease = await leased(bench)
        await bench.one.report(session, report(lease, 1, STARTED))
        held = asyncio.create_task(bench.one.report(session, report(lease, 2, wait_seconds=HOLD_SECONDS)))
        await asyncio.sleep(0.05)
        await bench.abort(lease.execution_id)
        async with asyncio.timeout(SOON_SECONDS):
            assert (await held).abort_requested
        assert (await bench.one.report(session, report(lease, 2, PASSED))).ended
        assert await bench.state(lease.execution_id) == "aborted"

    async def test_a_paused_run_hears_that_it_may_go_on(self, bench: Bench) -> None:
        """`resume_requested` stands in every answer until `RunResumed` was reported, and not after that."""
        session, lease = await leased(bench)
        await bench.one.report(session, report(lease, 1, STARTED, RunPaused(step=1)))
        held = asyncio.create_task(bench.one.report(session, report(lease, 3, wait_seconds=HOLD_SECONDS)))
        await asyncio.sleep(0.05)
        await bench.resume(lease.execution_id)
        async with asyncio.timeout(SOON_SECONDS):
            assert (await held).resume_requested
        assert (await bench.one.report(session, report(lease, 3))).resume_requested
        assert not (await bench.one.report(session, report(lease, 3, RunResumed(step=1)))).resume_requested

    async def test_a_wish_to_pause_stands_until_it_is_taken_back(self, bench: Bench) -> None:
        """It reaches a held report at once; `RunPaused` does not end it, somebody who continues does."""
        session, lease = await leased(bench)
        await bench.one.report(session, report(lease, 1, STARTED))
        held = asyncio.create_task(bench.one.report(session, report(lease, 2, wait_seconds=HOLD_SECONDS)))
        await asyncio.sleep(0.05)
        await bench.pause(lease.execution_id)
        async with asyncio.timeout(SOON_SECONDS):
            assert (await held).pause_requested
        assert (await bench.one.report(session, report(lease, 2, RunPaused(step=1)))).pause_requested
        still = asyncio.create_task(bench.one.report(session, report(lease, 3, wait_seconds=HOLD_SECONDS)))
        await asyncio.sleep(0.05)
        assert not still.done()  # an agent that stands still already is not told again and again
        await bench.resume(lease.execution_id)
        async with asyncio.timeout(SOON_SECONDS):
            answer = await still
        assert answer.resume_requested and not answer.pause_requested
        assert not (await bench.one.report(session, report(lease, 3, RunResumed(step=1)))).resume_requested

    async def test_only_the_newest_session_speaks(self, bench: Bench) -> None:
        """A second process under the same identity ends the first one's say, for leases and reports."""
        session, lease = await leased(bench)
        second = await bench.one.register(Hello(capabilities=HELLO.capabilities, instance="second"))
        assert second.session > session.session
        with pytest.raises(SessionReplacedError):
            await bench.one.report(session, report(lease, 1, STARTED))
        with pytest.raises(SessionReplacedError):
            await bench.one.lease(session, 0.0)
        with pytest.raises(StaleAttemptError):
            await bench.one.report(second, report(lease, 1, STARTED))

    async def test_another_agent_cannot_report(self, bench: Bench) -> None:
        """A report by an agent that does not hold the attempt is stale and changes nothing."""
        _session, lease = await leased(bench)
        stranger = await bench.other.register(HELLO)
        with pytest.raises(StaleAttemptError):
            await bench.other.report(stranger, report(lease, 1, STARTED, PASSED))
        assert await bench.state(lease.execution_id) == "leased"

    async def test_another_attempt_is_stale(self, bench: Bench) -> None:
        """The attempt number is the fencing token."""
        session, lease = await leased(bench)
        wrong = Report(execution_id=lease.execution_id, attempt=lease.attempt + 1, first_seq=1, events=(PASSED,))
        with pytest.raises(StaleAttemptError):
            await bench.one.report(session, wrong)

    async def test_nothing_follows_the_end(self, bench: Bench) -> None:
        """New events after `RunFinished` are stale; events behind it in one report are refused."""
        session, lease = await leased(bench)
        with pytest.raises(RequestError):
            await bench.one.report(session, report(lease, 1, PASSED, STEP))
        await bench.one.report(session, report(lease, 1, STARTED, PASSED))
        with pytest.raises(StaleAttemptError):
            await bench.one.report(session, report(lease, 3, STEP))

    async def test_content_is_kept_under_its_digest(self, bench: Bench) -> None:
        """`store` returns the SHA-256 of what it was given, the same for the same content."""
        session, lease = await leased(bench)
        for _ in range(2):
            assert await bench.one.store(session, lease, b"picture") == hashlib.sha256(b"picture").hexdigest()

    async def test_content_needs_a_lease(self, bench: Bench) -> None:
        """An attempt that is over keeps nothing more."""
        session, lease = await leased(bench)
        wrong = Lease(execution_id=lease.execution_id, run_id=lease.run_id, attempt=2, snapshot=lease.snapshot, lease_seconds=20.0)
        with pytest.raises(StaleAttemptError):
            await bench.one.store(session, wrong, b"picture")

    async def test_a_suite_is_given_to_who_holds_the_run(self, bench: Bench) -> None:
        """A run without a stored suite has none to fetch, and another agent learns not even that."""
        session, lease = await leased(bench)
        with pytest.raises(NotFoundError):
            await bench.one.suite(session, lease)
        other = await bench.other.register(HELLO)
        with pytest.raises(StaleAttemptError):
            await bench.other.suite(other, lease)

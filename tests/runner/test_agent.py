"""The agent against a server in memory, on a loop with virtual time."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from melanzana.errors import InvalidTokenError, RequestError, SessionReplacedError, TooLargeError, UnavailableError
from melanzana.protocol.events import AttachmentStored, LogWritten, RunFinished, RunPaused, RunResumed, StepFinished
from melanzana.protocol.peer import Report
from melanzana.runner.agent import Agent
from melanzana.runner.records import AgentSettings
from melanzana.runner.scripted import Dies, Hangs, Lasts, Script, ScriptedWorkers
from support_peer import FakePeer, lease
from support_virtual_time import LoopClock, run_virtually

DONE = RunFinished(verdict="passed", reason="stop_condition")


def step(number: int) -> StepFinished:
    return StepFinished(
        number=number, iteration=1, kind="action", element_id="a", name="press", verdict="passed", at_seconds=0.0, target=None
    )


async def _until(condition: Any, seconds: float = 3600) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


async def _work(peer: FakePeer, workers: ScriptedWorkers, during: Coroutine[Any, Any, None] | None = None, **settings: Any) -> None:
    """Run the agent until the peer has no more work, then stop it."""
    agent = Agent(peer, LoopClock(), workers, AgentSettings(**settings))
    running = asyncio.create_task(agent.run())
    if during is not None:
        await during
    await _until(lambda: running.done() or (peer.idle.is_set() and not agent.busy))
    agent.stop()
    await running


def work(peer: FakePeer, workers: ScriptedWorkers, during: Coroutine[Any, Any, None] | None = None, **settings: Any) -> None:
    run_virtually(_work(peer, workers, during, **settings))


@pytest.fixture
def peer() -> FakePeer:
    return FakePeer(lease())


def test_events_are_reported_in_order_and_the_end_last(peer: FakePeer) -> None:
    """Every event of a worker reaches the server once, in the order in which it was made."""
    workers = ScriptedWorkers(Script(cues=(step(1), Lasts(1), step(2), DONE)))
    work(peer, workers)
    assert peer.stored["e1"] == [step(1), step(2), DONE]
    assert not workers.workers[0].alive


def test_nothing_starts_before_the_lease_is_confirmed(peer: FakePeer) -> None:
    """A lease that the server takes back at the first renewal never gets a worker."""
    peer.lost.add("e1")
    workers = ScriptedWorkers(Script(cues=(DONE,)))
    work(peer, workers)
    assert workers.workers == []


def test_an_aborted_lease_is_answered_without_a_worker(peer: FakePeer) -> None:
    """When the abort came before the start, the run ends as aborted and no code is performed."""
    peer.abort()
    workers = ScriptedWorkers(Script(cues=(DONE,)))
    work(peer, workers)
    assert workers.workers == [] and peer.finished().reason == "aborted"


def test_a_long_step_is_covered_by_heartbeats(peer: FakePeer) -> None:
    """While nothing happens the agent reports at least once a heartbeat, and the run survives many leases."""
    workers = ScriptedWorkers(Script(cues=(Lasts(300), DONE)))
    work(peer, workers)
    assert peer.stored["e1"] == [DONE]
    assert 300 / 5.5 <= len(peer.reports) <= 300 / 4.5 + 5


def test_a_lost_answer_is_mended_by_sending_again(peer: FakePeer) -> None:
    """An answer that never comes makes the agent send the same events again, and the server stores each once."""
    peer.lose_answers = 1
    workers = ScriptedWorkers(Script(cues=(step(1), step(2), Lasts(40), step(3), DONE)))
    work(peer, workers, call_seconds=4.0)
    assert peer.stored["e1"] == [step(1), step(2), step(3), DONE]


def test_a_gap_is_filled_from_where_the_server_wants(peer: FakePeer) -> None:
    """Reports that the server did not keep are sent again from the number it asks for."""
    dropped: list[Report] = []

    def drop_first(report: Report) -> None:
        if report.events and len(dropped) < 3:
            dropped.append(report)
            raise UnavailableError("the disk is full")

    peer.on_report = drop_first
    workers = ScriptedWorkers(Script(cues=(*(step(n) for n in range(1, 30)), DONE)))
    work(peer, workers)
    assert peer.stored["e1"] == [*(step(n) for n in range(1, 30)), DONE]
    assert {report.first_seq for report in dropped} == {1}


def test_an_abort_arrives_while_nothing_happens(peer: FakePeer) -> None:
    """The held report brings the abort at once, the worker is told and interrupted, and the run ends as aborted."""
    workers = ScriptedWorkers(Script(cues=(step(1), Hangs())))

    async def abort() -> None:
        await _until(lambda: peer.stored.get("e1"))
        peer.abort()
        asked = asyncio.get_running_loop().time()
        await _until(lambda: len(peer.stored["e1"]) == 2)
        assert asyncio.get_running_loop().time() - asked < 0.2

    work(peer, workers, abort())
    assert peer.finished().reason == "aborted"
    assert (workers.workers[0].aborts, workers.workers[0].terminations) == (1, 1)


def test_a_worker_that_does_not_heed_an_abort_is_killed(peer: FakePeer) -> None:
    """After kill_seconds a stubborn worker is killed, and the agent reports the end itself."""
    workers = ScriptedWorkers(Script(cues=(Hangs(),), stubborn=True))
    when: list[float] = []

    async def abort() -> None:
        await _until(lambda: workers.workers)
        peer.abort()
        asked = asyncio.get_running_loop().time()
        await _until(lambda: not workers.workers[0].alive)
        when.append(asyncio.get_running_loop().time() - asked)

    work(peer, workers, abort())
    assert 5.0 <= when[0] < 5.2
    assert peer.finished() == RunFinished(verdict="error", reason="aborted", message="aborted on request")


def test_silence_of_the_server_ends_the_run_at_the_deadline(peer: FakePeer) -> None:
    """0.95 of a lease after the last answered report was sent, the worker is dead and nothing more is said of the run."""
    workers = ScriptedWorkers(Script(cues=(Hangs(),)))
    last_sent: list[float] = []
    seen: list[float] = []

    async def silence() -> None:
        await _until(lambda: len(peer.reports) > 3)
        last_sent.append(asyncio.get_running_loop().time())

        def unavailable(_report: Report) -> None:
            raise UnavailableError("no route")

        peer.on_report = unavailable
        await _until(lambda: not workers.workers[0].alive)
        seen.append(asyncio.get_running_loop().time())

    work(peer, workers, silence())
    assert 13.5 <= seen[0] - last_sent[0] <= 19.1
    assert peer.stored["e1"] == []


def test_a_stalled_agent_does_not_keep_its_worker_alive(peer: FakePeer) -> None:
    """The worker ends by its own deadline, which is never later than the agent's."""
    workers = ScriptedWorkers(Script(cues=(Hangs(),)))
    peer.on_report = lambda report: asyncio.sleep(3600) if workers.workers else None
    work(peer, workers)
    assert not workers.workers[0].alive


def test_a_stale_attempt_is_dropped(peer: FakePeer) -> None:
    """When the attempt is no longer the agent's, the worker is killed, and the agent takes the next lease."""
    peer.leases.append(lease("e2"))
    workers = ScriptedWorkers(lambda _job: Script(cues=(Lasts(30), DONE)))

    async def lose() -> None:
        await _until(lambda: peer.reports)
        peer.lost.add("e1")

    work(peer, workers, lose())
    assert peer.stored.get("e1") == [] and peer.stored["e2"] == [DONE]
    assert workers.workers[0].kills


@pytest.mark.parametrize("error", [SessionReplacedError("replaced"), InvalidTokenError("revoked")])
def test_an_agent_without_identity_kills_its_runs_and_ends(peer: FakePeer, error: Exception) -> None:
    """When another process took its place or its credentials are revoked, the agent raises, and no worker of it lives on."""
    workers = ScriptedWorkers(Script(cues=(Hangs(),)))

    async def replace() -> None:
        await _until(lambda: workers.workers)

        def refuse(_report: Report) -> None:
            raise error

        peer.on_report = refuse

    with pytest.raises(type(error)):
        work(peer, workers, replace())
    assert not workers.workers[0].alive


def test_a_worker_that_dies_is_told_with_its_signal(peer: FakePeer) -> None:
    """A crash is an end with verdict error that says how the process died."""
    work(peer, ScriptedWorkers(Script(cues=(step(1), Dies("the worker was killed by signal 11 (SIGSEGV)")))))
    assert peer.stored["e1"][0] == step(1)
    assert peer.finished() == RunFinished(verdict="error", reason="crashed", message="the worker was killed by signal 11 (SIGSEGV)")


def test_a_paused_run_is_resumed_once(peer: FakePeer) -> None:
    """Resume reaches the worker while it is paused, and only once a pause."""
    workers = ScriptedWorkers(Script(cues=(RunPaused(step=1), Lasts(30), DONE)))

    async def resume() -> None:
        await _until(lambda: peer.stored.get("e1"))
        peer.resume()

    work(peer, workers, resume())
    assert peer.stored["e1"] == [RunPaused(step=1), RunResumed(step=1), DONE]
    assert workers.workers[0].resumes == 1


def test_a_wish_to_pause_is_passed_on_once_and_so_is_its_end(peer: FakePeer) -> None:
    """However many answers repeat it; what was taken back before the walk stood still is passed on as well."""
    workers = ScriptedWorkers(Script(cues=(step(1), Lasts(30), DONE)))

    async def hold() -> None:
        await _until(lambda: peer.stored.get("e1"))
        peer.pause()
        await _until(lambda: workers.workers[0].pauses)
        peer.pause(wanted=False)
        await _until(lambda: workers.workers[0].resumes)
        peer.abort()

    work(peer, workers, hold())
    assert (workers.workers[0].pauses, workers.workers[0].resumes) == (1, 1)


def test_attachments_are_stored_before_their_event(peer: FakePeer) -> None:
    """The server has the content by the time it hears of it; a refused one becomes a warning and the run goes on."""
    kept = AttachmentStored(name="a.txt", media_type="text/plain", sha256="1" * 64, size=2)
    large = AttachmentStored(name="b.bin", media_type="application/octet-stream", sha256="2" * 64, size=3)

    def refuse_large(content: bytes) -> None:
        if content == b"big":
            raise TooLargeError("at most 2 bytes")

    peer.on_store = refuse_large
    work(peer, ScriptedWorkers(Script(cues=(kept, large, DONE), contents={"1" * 64: b"hi", "2" * 64: b"big"})))
    assert list(peer.contents.values()) == [b"hi"]
    assert peer.stored["e1"][0] == kept
    assert peer.stored["e1"][1] == LogWritten(message="attachment 'b.bin' was not kept: at most 2 bytes", severity="WARNING")


def test_a_refused_event_ends_the_run_with_the_reason(peer: FakePeer) -> None:
    """Events that the server will never accept end the run as an error that says why."""

    def refuse(report: Report) -> None:
        if any(isinstance(event, StepFinished) for event in report.events):
            raise RequestError("StepFinished.name must be str, not int")

    peer.on_report = refuse
    workers = ScriptedWorkers(Script(cues=(step(1), Hangs())))
    work(peer, workers)
    assert "StepFinished.name must be str" in peer.finished().message and not workers.workers[0].alive


def test_a_report_that_is_too_large_is_sent_in_parts(peer: FakePeer) -> None:
    """A body over the server's limit is halved until it fits."""

    def refuse(report: Report) -> None:
        if len(report.events) > 2:
            raise TooLargeError("at most 2 events")

    peer.on_report = refuse
    work(peer, ScriptedWorkers(Script(cues=(*(step(n) for n in range(1, 20)), DONE))))
    assert len(peer.stored["e1"]) == 20


def test_a_fast_worker_waits_for_a_slow_server(peer: FakePeer) -> None:
    """No more than buffer_events are kept, and all arrive in the end."""
    sizes: list[int] = []

    def slow(report: Report) -> Any:
        sizes.append(len(report.events))
        return asyncio.sleep(0.5) if report.events else None

    peer.on_report = slow
    events = tuple(step(n) for n in range(1, 400))
    work(peer, ScriptedWorkers(Script(cues=(*events, DONE))), buffer_events=50, batch_events=20)
    assert peer.stored["e1"] == [*events, DONE] and max(sizes) <= 20


def test_slots_run_side_by_side() -> None:
    """With two slots, two leases are carried out at the same time."""
    peer = FakePeer(lease("e1"), lease("e2"), lease("e3"))
    together: list[int] = []

    workers = ScriptedWorkers(lambda _job: Script(cues=(Lasts(10), DONE)))

    async def look() -> None:
        await _until(lambda: len(workers.workers) == 2)
        together.append(sum(worker.alive for worker in workers.workers))

    work(peer, workers, look(), slots=2)
    assert together == [2] and {peer.finished(name).verdict for name in ("e1", "e2", "e3")} == {"passed"}


def test_a_lease_that_is_handed_out_twice_is_carried_out_once() -> None:
    """The same attempt, given again to another slot, starts nothing."""
    peer = FakePeer(lease("e1"), lease("e1"))
    workers = ScriptedWorkers(Script(cues=(Lasts(10), DONE)))
    work(peer, workers, slots=2)
    assert len(workers.workers) == 1


def test_a_stopped_agent_lets_its_run_end() -> None:
    """A run that ends within drain_seconds keeps its verdict, and no more work is taken."""
    peer = FakePeer(lease("e1"), lease("e2"))
    workers = ScriptedWorkers(Script(cues=(Lasts(2), DONE)))
    asyncio_agent = Agent(peer, LoopClock(), workers, AgentSettings(drain_seconds=3))

    async def stop() -> None:
        running = asyncio.create_task(asyncio_agent.run())
        await _until(lambda: workers.workers)
        asyncio_agent.stop()
        await running

    run_virtually(stop())
    assert peer.finished("e1").verdict == "passed" and "e2" not in peer.stored


def test_a_stopped_agent_aborts_a_run_that_takes_too_long(peer: FakePeer) -> None:
    """After drain_seconds the run is interrupted and reported as an error that names the reason."""
    workers = ScriptedWorkers(Script(cues=(Hangs(),)))
    agent = Agent(peer, LoopClock(), workers, AgentSettings(drain_seconds=3))

    async def stop() -> None:
        running = asyncio.create_task(agent.run())
        await _until(lambda: workers.workers)
        agent.stop()
        await running

    run_virtually(stop())
    assert peer.finished().message == "the agent was stopped before the run ended"
    assert workers.workers[0].terminations == 1


def test_a_cancelled_agent_leaves_no_worker(peer: FakePeer) -> None:
    """Cancelling the agent kills what it started."""
    workers = ScriptedWorkers(Script(cues=(Hangs(),)))

    async def cancel() -> None:
        running = asyncio.create_task(Agent(peer, LoopClock(), workers).run())
        await _until(lambda: workers.workers)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    run_virtually(cancel())
    assert not workers.workers[0].alive


def test_a_late_resume_does_not_start_an_aborted_run(peer: FakePeer) -> None:
    """Once the agent has decided to stop, an answer that says resume changes nothing."""
    workers = ScriptedWorkers(Script(cues=(RunPaused(step=1), Hangs()), stubborn=True))

    async def abort_then_resume() -> None:
        await _until(lambda: peer.stored.get("e1"))
        peer.abort()
        await _until(lambda: workers.workers[0].aborts)
        peer.aborting.clear()
        peer.resume()

    work(peer, workers, abort_then_resume())
    assert workers.workers[0].resumes == 0 and peer.finished().reason == "aborted"


def test_registration_goes_on_until_the_server_answers(peer: FakePeer) -> None:
    """An agent that starts before its server registers as soon as the server is there, always as the same instance."""
    failures = iter([True] * 5)

    def unavailable() -> None:
        if next(failures, False):
            raise UnavailableError("connection refused")

    peer.on_register = unavailable
    work(peer, ScriptedWorkers(Script(cues=(DONE,))), instance="abc")
    assert len(peer.hellos) == 6 and {hello.instance for hello in peer.hellos} == {"abc"}


def test_an_agent_that_is_stopped_says_goodbye(peer: FakePeer) -> None:
    """With a run under way it says that it leaves, and when that has ended that it is gone."""
    workers = ScriptedWorkers(Script(cues=(Lasts(2), DONE)))

    async def during() -> None:
        await _until(lambda: workers.workers)
        assert peer.departures == []

    async def all_of_it() -> None:
        agent = Agent(peer, LoopClock(), workers, AgentSettings(drain_seconds=60))
        running = asyncio.create_task(agent.run())
        await during()
        agent.stop()
        await _until(lambda: peer.departures == [False])
        assert not running.done()
        await running

    run_virtually(all_of_it())
    assert peer.departures == [False, True]
    assert peer.finished().verdict == "passed"


def test_an_agent_that_is_asked_to_end_finishes_its_run_first(peer: FakePeer) -> None:
    """`agent_drained` ends it, however long its run takes, without an abort."""
    peer.drained = True
    workers = ScriptedWorkers(Script(cues=(Lasts(3000), DONE)))

    async def all_of_it() -> None:
        await Agent(peer, LoopClock(), workers, AgentSettings()).run()

    run_virtually(all_of_it())
    assert peer.finished().verdict == "passed" and peer.departures == [True]

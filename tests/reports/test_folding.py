"""A run's log adds up to counters, coverage, timings and the one step that did not pass."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from melanzana.executions.records import LifecycleState, Reason, StoredEvent
from melanzana.generation.step import Verdict
from melanzana.reports.folding import RunFold
from support_executions import doors
from support_reports import execution, fails_at, passes, plan, server_line, stored, walked


def folded(lines: list[StoredEvent]) -> RunFold:
    fold = RunFold(doors())
    for line in lines:
        fold.add(line)
    return fold


def test_a_passed_run_has_no_failing_step() -> None:
    """Counters and coverage are those of the walk; nothing is a failure."""
    fold = folded(stored(walked(plan())))
    progress = fold.progress()
    assert (progress.steps, progress.actions, progress.iterations) == (15, 6, 3)
    assert progress.action_coverage.ratio == progress.transitions.ratio == 1.0
    assert fold.failing is None
    assert fold.failure_seq(execution(LifecycleState.PASSED)) is None


def test_the_first_step_that_did_not_pass_is_the_failing_one() -> None:
    """Of several failures the first is the one a person is led to."""
    fold = folded(stored(walked(plan(on_error="continue"), fails_at("leave"))))
    assert fold.failing is not None
    assert (fold.failing.element, fold.failing.verdict, fold.failing.message) == ("leave", "failed", "expected an open door")
    assert fold.failing.iteration == 1
    assert fold.failure_seq(execution(LifecycleState.FAILED)) == fold.failing.seq


def test_a_lost_agent_is_the_failure_whatever_failed_before() -> None:
    """A run that ended because its agent fell silent failed for that reason, at the server's line."""
    events = walked(plan(on_error="continue"), fails_at("leave"))[:-1]
    lines = stored(events)
    lines.append(server_line(len(lines) + 1, "ExecutionEnded", state="error", reason="agent_lost"))
    fold = folded(lines)
    assert fold.failure_seq(execution(LifecycleState.ERROR, Reason.AGENT_LOST)) == lines[-1].seq


def test_an_error_without_a_failing_step_is_told_at_the_end() -> None:
    """When every step passed and the run did not, the agent's last word is the failure."""
    *steps, end = walked(plan())
    lines = stored((*steps, replace(end, verdict="error", reason="impossible_step")))  # type: ignore[type-var]
    assert folded(lines).failure_seq(execution(LifecycleState.ERROR, "impossible_step")) == lines[-1].seq


def test_only_the_newest_attempt_counts() -> None:
    """When another agent began anew, steps of the first attempt are in no figure."""
    whole = walked(plan())
    lost = stored(walked(plan(), fails_at("open"))[:-1])
    fold = folded([*lost, *stored(whole, attempt=2, first=len(lost) + 1)])
    assert fold.progress() == folded(stored(whole)).progress()
    assert fold.failing is None


@given(cut=st.integers(0, 40), seed=st.integers(0, 5))
def test_a_fold_may_grow_and_hear_things_twice(cut: int, seed: int) -> None:
    """Folding a log in two parts that overlap gives what folding it at once gives."""
    judge = fails_at("leave") if seed % 2 else passes
    lines = stored(walked(plan(seed=seed, on_error="continue"), judge))
    fold = folded(lines[: cut + 2])
    for line in lines[cut:]:
        fold.add(line)
    if cut <= len(lines):
        whole = folded(lines)
        assert (fold.progress(), fold.failing, fold.timings(), fold.tally()) == (
            whole.progress(),
            whole.failing,
            whole.timings(),
            whole.tally(),
        )


def test_timings_add_up_by_element() -> None:
    """Each element has the number of its steps, their sum and the longest."""
    timings = {timing.name: timing for timing in folded(stored(walked(plan()))).timings()}
    assert (timings["open"].count, timings["open"].total_seconds, timings["open"].max_seconds) == (3, 3.0, 1.0)
    assert {timing.kind for timing in timings.values()} == {"state", "action"}


def test_elements_that_the_model_does_not_have_cover_nothing() -> None:
    """An agent that reports a foreign element changes no coverage."""
    events = walked(plan())
    fold = folded(stored(events))
    step = next(event for event in events if getattr(event, "verdict", None) == Verdict.PASSED)
    fold.add(stored((replace(step, element_id="foreign", kind="action", target="nowhere"),), first=1_000)[0])  # type: ignore[type-var]
    assert fold.tally() == folded(stored(events)).tally()

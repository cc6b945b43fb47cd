"""Stop conditions: when they are met, how near they are, and that asking changes nothing."""

from itertools import pairwise

import pytest

from melanzana.generation.coverage import CoverageTracker, Covered
from melanzana.generation.idle import IdleWatch
from melanzana.generation.progress import Progress
from melanzana.generation.stop_conditions import (
    Actions,
    AllOf,
    AnyOf,
    Coverage,
    Elapsed,
    Iterations,
    Never,
    Reached,
    Steps,
    StopCondition,
)
from support_walks import EXIT, act, model, place, start

SUBJECT = model(start(act("go", "A")), place("A", act("end", "Exit")), EXIT)


def progress(steps: int = 0, actions: int = 0, iterations: int = 0, seconds: float = 0.0, visits: tuple[str, ...] = ()) -> Progress:
    found = Progress(CoverageTracker(SUBJECT))
    found.steps, found.actions, found.iterations, found.elapsed_seconds = steps, actions, iterations, seconds
    for name in visits:
        found.coverage.visit("action" if name in ("go", "end") else "state", name, {"go": "A", "end": "Exit"}.get(name))
    return found


HALF_STATES = Coverage(Covered.STATES, 67.0, 2)


@pytest.mark.parametrize(
    ("condition", "before", "after"),
    [
        (Steps(4), progress(steps=3), progress(steps=4)),
        (Actions(4), progress(actions=3), progress(actions=4)),
        (Iterations(2), progress(iterations=1), progress(iterations=2)),
        (Elapsed(2.0), progress(seconds=1.99), progress(seconds=2.0)),
        (HALF_STATES, progress(visits=("Start",)), progress(visits=("Start", "A"))),
        (Coverage(Covered.ACTIONS, 100.0, 2), progress(visits=("go",)), progress(visits=("go", "end"))),
        (Coverage(Covered.TRANSITIONS, 50.0, 1), progress(), progress(visits=("go",))),
        (Reached("x", ("end", "A")), progress(visits=("go",)), progress(visits=("A",))),
        (AllOf((Steps(1), Actions(1))), progress(steps=1), progress(steps=2, actions=1)),
        (AnyOf((Steps(5), Actions(1))), progress(steps=1), progress(steps=2, actions=1)),
    ],
)
def test_a_condition_is_met_from_its_figure_on(condition: StopCondition, before: Progress, after: Progress):
    assert not condition.met(before)
    assert condition.met(after)
    assert 0.0 <= condition.progress(before) < 1.0
    assert condition.progress(after) == 1.0


def test_never_is_never_met():
    assert not Never().met(progress(steps=10**9, actions=10**9, iterations=10**9, seconds=10.0**9))
    assert Never().progress(progress(steps=10**9)) == 0.0


@pytest.mark.parametrize("condition", [Coverage(Covered.STATES, 0.0, 0), Elapsed(0.0)])
def test_nothing_to_wait_for_is_met_at_once(condition: StopCondition):
    assert condition.met(progress())
    assert condition.progress(progress()) == 1.0


@pytest.mark.parametrize(
    ("condition", "endless", "offline"),
    [
        (Steps(1), False, True),
        (Elapsed(1.0), False, False),
        (Never(), True, False),
        (AnyOf((Never(), Steps(1))), True, True),
        (AllOf((Never(), Steps(1))), True, False),
        (AnyOf((Elapsed(1.0), HALF_STATES)), False, True),
        (AllOf((Elapsed(1.0), Steps(1))), False, False),
    ],
)
def test_what_a_condition_needs_to_come_to_an_end(condition: StopCondition, endless: bool, offline: bool):
    assert condition.endless is endless
    assert condition.offline is offline


def test_progress_of_parts_is_their_mean_for_all_and_the_best_for_any():
    now = progress(steps=1, actions=3)
    assert AllOf((Steps(4), Actions(4))).progress(now) == 0.5
    assert AnyOf((Steps(4), Actions(4))).progress(now) == 0.75
    assert AnyOf((Steps(4), AllOf((Actions(4), Never())))).readings(now) == (0.25, 0.75, 0.0)


def test_a_watch_is_patient_while_something_grows():
    now = progress()
    watch = IdleWatch(Elapsed(10.0**6), now)
    for second in range(3_000):
        now.elapsed_seconds = float(second)
        now.iterations += 1
        now.actions += 1
        assert watch.iteration_ended() == ""


def test_a_watch_speaks_up_after_a_thousand_idle_iterations():
    now = progress()
    watch = IdleWatch(HALF_STATES, now)
    words = []
    for _ in range(1_001):
        now.iterations += 1
        now.actions += 1
        words.append(watch.iteration_ended())
    assert [bool(word) for word in words].index(True) == 999
    assert words[999] == "1,000 iterations in a row brought nothing new"


def test_progress_never_shrinks():
    condition = AnyOf((Steps(9), AllOf((Actions(5), HALF_STATES))))
    walks = [progress(steps=n, actions=n // 2, visits=("Start", "go", "A", "end")[:n]) for n in range(12)]
    assert all(condition.progress(a) <= condition.progress(b) for a, b in pairwise(walks))

"""A walk with code, without the process around it: which events come, in which order, whatever happens."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from melanzana.clock import SystemClock
from melanzana.generation.coverage import CoverageTracker
from melanzana.generation.step import StepKind
from melanzana.protocol.events import (
    AttachmentStored,
    Event,
    LogWritten,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
    StepFinished,
    StepStarted,
    event_from_json,
    event_to_json,
)
from melanzana.protocol.snapshot import Snapshot
from melanzana.runner.interruption import Interruption
from melanzana.runner.performer import NoOutput
from melanzana.runner.walking import Surroundings, walk_job
from support_jobs import MODEL, lamp, snapshot, trace
from support_suite import loaded


class ScriptedOrders:
    """Orders that a test decides on beforehand."""

    def __init__(self, *, resume: bool = False, stand_before: int = 0) -> None:
        """`stand_before`: the wish to pause is there when the walk asks for the so-manieth time."""
        self._asked, self._stand_before = 0, stand_before
        self.aborted = False
        self.pauses: list[float] = []
        self._resume = resume

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def open_pause(self) -> None: ...

    def take_pause(self) -> bool:
        self._asked += 1
        return self._asked == self._stand_before

    def wait_for_resume(self) -> bool:
        return self._resume


@pytest.fixture(autouse=True)
def _modules(tmp_path: Path) -> Iterator[None]:
    """Suite modules of one test are not left for the next."""
    (tmp_path / "empty").mkdir()
    with loaded(tmp_path / "empty"):
        yield


def walk(
    plan: Snapshot, folder: Path, orders: ScriptedOrders | None = None, seen: Callable[[Event], None] = lambda _event: None
) -> list[Event]:
    """Every event of the run, after a trip through JSON."""
    events: list[Event] = []

    def emit(event: Event) -> None:
        events.append(event_from_json(event_to_json(event)))
        seen(event)

    import sys

    try:
        walk_job(
            plan,
            Surroundings(
                emit=emit,
                flush=lambda: None,
                orders=orders or ScriptedOrders(),
                clock=SystemClock(),
                interruption=Interruption(),
                output=NoOutput(),
                attachments=folder,
                agent_name="lab",
            ),
        )
    finally:
        sys.modules.pop("lamp", None)
        sys.path[:] = [entry for entry in sys.path if not entry.startswith(str(folder))]
    return events


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def steps(events: list[Event]) -> list[tuple[str, str, bool]]:
    return [(event.name, event.verdict, event.performed) for event in events if isinstance(event, StepFinished)]


def test_a_run_is_told_from_start_to_finish(tmp_path: Path) -> None:
    """StepStarted only for steps with code; outputs travel; fixtures are closed before RunFinished, which is last."""
    events = walk(snapshot(tmp_path), tmp_path)
    assert steps(events) == [
        ("Off", "passed", False),
        ("press", "passed", True),
        ("On", "passed", True),
        ("Cleanup", "passed", True),
    ]
    assert kinds(events)[:4] == ["RunStarted", "StepFinished", "StepStarted", "StepFinished"]
    assert isinstance(events[0], RunStarted) and events[0].agent == "lab" and events[0].suite == str(tmp_path)
    assert [event.data for event in events if isinstance(event, StepFinished) and event.name == "press"] == [{"presses": 1}]
    assert events[-1] == dataclasses.replace(events[-1], verdict="passed", reason="test_case_done", message="")
    assert trace(tmp_path) == ["lamp up", "tidy", "lamp down"]


def test_a_dry_run_takes_the_same_path_and_performs_nothing(tmp_path: Path) -> None:
    """No suite is loaded, no code is performed, and the steps are those of the real run."""
    real = walk(snapshot(tmp_path), tmp_path)
    dry = walk(snapshot(tmp_path, "raise SystemExit", perform=False), tmp_path)
    assert [name for name, _, _ in steps(dry)] == [name for name, _, _ in steps(real)]
    assert not any(performed for _, _, performed in steps(dry)) and "StepStarted" not in kinds(dry)


def test_values_that_can_be_covered_are_told_when_they_change(tmp_path: Path) -> None:
    """Once, with the first action that is performed with them; variables without bounds are never told."""
    model = lamp(MODEL.replace("initial: 0}", "initial: 0}\n  level: {type: integer, initial: 1, range: [0, 3]}").replace(
        "press again: {to: Off}", "press again: {to: Off, set: {level: level + 1}}"))  # fmt: skip
    told = walk(snapshot(tmp_path, model=model, path="random(actions(5))", perform=False), tmp_path)
    values = [event.values for event in told if isinstance(event, StepFinished) and event.kind == "action"]
    assert values == [{"level": 1}, {}, {"level": 2}, {}, {"level": 3}]


def test_a_failure_is_told_with_its_step_and_cleanup_follows(tmp_path: Path) -> None:
    """The verdict, the message with its place, the traceback as a log line, Cleanup, and the first failing step in the end."""
    events = walk(snapshot(tmp_path, "def press(lamp): assert False, 'no light'"), tmp_path)
    assert steps(events) == [("Off", "passed", False), ("press", "failed", True), ("Cleanup", "passed", True)]
    end = events[-1]
    assert isinstance(end, RunFinished) and end.verdict == "failed" and end.reason == "step_not_passed"
    assert "AssertionError: no light (lamp.py:" in end.message
    assert any(isinstance(event, LogWritten) and "Traceback" in event.message and event.step == 2 for event in events)
    assert trace(tmp_path)[-1] == "lamp down"


def test_outputs_that_do_not_fit_their_variable_are_an_error(tmp_path: Path) -> None:
    """The walk's verdict and words are what is reported."""
    events = walk(snapshot(tmp_path, "def press(lamp): return {'presses': 'many'}"), tmp_path)
    [pressed] = [event for event in events if isinstance(event, StepFinished) and event.name == "press"]
    assert pressed.verdict == "error" and "presses" in pressed.message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"path": "random("}, ""),
        ({"suite": "/no/such/folder"}, "does not exist"),
        ({"on_error": "shrug"}, "shrug"),
        ({"parameters": {"presess": 1}}, "presess"),
        ({"model": {"model": "x"}}, ""),
    ],
)
def test_what_cannot_be_started_ends_with_the_reason(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    """A wrong path, suite, parameter or model is an error that was never walked."""
    events = walk(dataclasses.replace(snapshot(tmp_path), **changes), tmp_path)
    end = events[-1]
    assert kinds(events)[0] == "RunStarted" and isinstance(end, RunFinished)
    assert (end.verdict, end.reason) == ("error", "setup_failed") and end.message and message in end.message


def test_a_suite_that_cannot_be_imported_shows_its_traceback(tmp_path: Path) -> None:
    """The last line stands in the message, the rest in the log."""
    events = walk(snapshot(tmp_path, "import no_such_thing"), tmp_path)
    assert isinstance(events[-1], RunFinished) and "No module named 'no_such_thing' (lamp.py:" in events[-1].message
    assert any(isinstance(event, LogWritten) and "Traceback" in event.message for event in events)


def test_an_abort_between_steps_goes_on_with_cleanup(tmp_path: Path) -> None:
    """No step begins after the abort but the model's Cleanup, and the fixtures are closed."""
    orders = ScriptedOrders()

    def abort(event: Event) -> None:
        orders.aborted = orders.aborted or (isinstance(event, StepFinished) and event.name == "press")

    events = walk(snapshot(tmp_path), tmp_path, orders, abort)
    assert [name for name, _, _ in steps(events)] == ["Off", "press", "Cleanup"]
    assert isinstance(events[-1], RunFinished) and events[-1].reason == "aborted"
    assert trace(tmp_path) == ["lamp up", "tidy", "lamp down"]


def test_without_the_models_flag_an_abort_cleans_nothing_up(tmp_path: Path) -> None:
    """Cleanup after an abort is the model's choice; teardown of fixtures is not."""
    orders = ScriptedOrders()

    def abort(event: Event) -> None:
        orders.aborted = orders.aborted or (isinstance(event, StepFinished) and event.name == "press")

    model = lamp(MODEL.replace("run cleanup after abort: true\n", ""))
    events = walk(snapshot(tmp_path, model=model), tmp_path, orders, abort)
    assert [name for name, _, _ in steps(events)] == ["Off", "press"]
    assert trace(tmp_path) == ["lamp up", "lamp down"]


@pytest.mark.parametrize("resume", [True, False])
def test_debug_pauses_until_somebody_decides(tmp_path: Path, resume: bool) -> None:
    """on_error = debug: resume walks on, abort ends."""
    plan = snapshot(tmp_path, "def press(lamp): assert False, 'no light'", on_error="debug")
    events = walk(plan, tmp_path, ScriptedOrders(resume=resume))
    assert [event.step for event in events if isinstance(event, RunPaused)] == [2]
    assert [event.step for event in events if isinstance(event, RunResumed)] == ([2] if resume else [])
    assert [name for name, _, _ in steps(events)] == ["Off", "press", *(["On"] if resume else []), "Cleanup"]
    assert isinstance(events[-1], RunFinished) and (events[-1].reason == "aborted") is not resume


@pytest.mark.parametrize("resume", [True, False])
def test_a_person_can_hold_a_walk_before_its_next_step(tmp_path: Path, resume: bool) -> None:
    """Between two steps, whether or not any step failed; it then goes on as if nothing had been, or ends as an abort does."""
    orders = ScriptedOrders(resume=resume, stand_before=2)
    events = walk(snapshot(tmp_path), tmp_path, orders)
    told = [type(event).__name__ for event in events if isinstance(event, RunPaused | RunResumed | StepFinished)]
    assert told[2:4] == ["RunPaused", "RunResumed" if resume else "StepFinished"]
    assert [event.step for event in events if isinstance(event, RunPaused)] == [2]
    unheld = steps(walk(snapshot(tmp_path), tmp_path))
    assert (steps(events) == unheld) is resume
    assert isinstance(events[-1], RunFinished) and (events[-1].reason == "aborted") is not resume


def test_a_teardown_that_raises_spoils_a_passed_run(tmp_path: Path) -> None:
    """A run that could not tidy up is no passed run."""
    code = "@fixture(scope='run')\ndef broken():\n    yield\n    raise OSError('disk')\ndef press(broken): ..."
    events = walk(snapshot(tmp_path, code), tmp_path)
    end = events[-1]
    assert isinstance(end, RunFinished) and end.verdict == "error" and "OSError: disk" in end.message


def test_attachments_are_kept_under_their_hash(tmp_path: Path) -> None:
    """The event names the content, the folder holds it."""
    events = walk(snapshot(tmp_path, "from melanzana import attach\ndef press(lamp): attach('a.txt', 'hello')"), tmp_path)
    [kept] = [event for event in events if isinstance(event, AttachmentStored)]
    assert (kept.name, kept.media_type, kept.size, kept.step) == ("a.txt", "text/plain", 5, 2)
    assert (tmp_path / kept.sha256).read_bytes() == b"hello"


def test_a_pause_follows_every_step_with_code(tmp_path: Path) -> None:
    """step_pause_seconds slows down what people watch, and nothing else."""
    orders = ScriptedOrders()
    walk(snapshot(tmp_path, step_pause_seconds=0.5), tmp_path, orders)
    assert orders.pauses == [0.5, 0.5, 0.5]


def test_the_events_alone_give_the_walks_coverage(tmp_path: Path) -> None:
    """Whoever folds the events of a failed and continued run gets what the walk counted."""
    plan = snapshot(tmp_path, "def press(lamp, presses: int): return {'presses': presses + 1}", path="random(steps(20))")
    events = walk(dataclasses.replace(plan, on_error="continue"), tmp_path)
    tracker = CoverageTracker(lamp())
    for event in events:
        if isinstance(event, StepFinished):
            tracker.visit(StepKind(event.kind), event.element_id, event.target)
    report = tracker.report()
    assert report.actions.ratio == 1.0 and report.transitions.ratio == 1.0
    assert any(isinstance(event, StepStarted) for event in events)
    assert isinstance(events[-1], RunFinished) and events[-1].verdict == "failed" and "too bright" in events[-1].message

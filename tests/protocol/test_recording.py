"""What a run walked is read from its snapshot and events, with the values that were drawn."""

from dataclasses import replace
from typing import Any

import pytest

from melanzana.errors import RequestError
from melanzana.generation.signature import Signature
from melanzana.generation.step import StepKind
from melanzana.generation.walk import Walk
from melanzana.graph.formats.document import logic_hash, to_document
from melanzana.protocol.events import Event, RunFinished, RunStarted, StepFinished, StepStarted
from melanzana.protocol.recording import RunFile, failure_of, plan_of, recorded_walk
from melanzana.protocol.snapshot import Snapshot
from support_walks import CLEANUP, ERROR, act, answering, failing, integer, model, performed, place, snippet, start

LAMP = model(
    start(act("press", "On", parameters=(integer("force", None, 1, 99, generated=True),), snippets=(snippet(),))),
    place("On", act("again", "Start", when="lux >= 0")),
    ERROR,
    CLEANUP,
    parameters=(integer("lux"), integer("room", None, 1, 9, generated=True)),
)


def snapshot(**changes: Any) -> Snapshot:
    known: dict[str, Any] = {"model": to_document(LAMP), "model_id": "m", "model_version": 1, "model_hash": logic_hash(LAMP)}
    return Snapshot(**{**known, "path": "random(never)", "seed": 5, **changes})


def run(answers: Any, steps: int, **changes: Any) -> tuple[RunFile, list[Any]]:
    """A run whose steps come out as `answers` says, and the steps as they were handed out."""
    plan = snapshot(**changes)
    walk = Walk(LAMP, plan_of(plan))
    walked = performed(walk, answers, steps)
    events: list[Event] = [RunStarted(agent="a", version="1")]
    for step in walked:
        verdict, outputs, message = answers(step)
        events.append(
            StepFinished(
                number=step.number,
                iteration=step.iteration,
                kind=step.kind,
                element_id=step.element_id,
                name=step.name,
                verdict=verdict,
                at_seconds=float(step.number),
                target=step.target,
                message=message,
                data=outputs,
            )
        )
    events.append(RunFinished(verdict="failed", reason="step_not_passed", message="it broke"))
    return RunFile(snapshot=plan, events=tuple(events)), list(walked)


def test_drawn_values_and_outputs_are_in_the_recording() -> None:
    """Global ones at the start, an action's with the action; outputs of snippets beside them."""
    found, walked = run(answering({"press": {"lux": 3}}), 6)
    steps = recorded_walk(found).steps
    assert [step.element for step in steps] == [step.element_id for step in walked]
    assert steps[0].values == {"room": walked[0].data["room"]}
    assert steps[1].values == {"force": walked[1].data["force"]}
    assert (steps[1].outputs, steps[1].target, steps[1].kind) == ({"lux": 3}, "On", StepKind.ACTION)


def test_the_error_and_cleanup_states_at_the_end_are_left_out() -> None:
    """A replay enters them by itself when it fails."""
    found, walked = run(failing("On"), 20)
    assert [step.element_id for step in walked][-2:] == ["Error", "Cleanup"]
    assert [step.element for step in recorded_walk(found).steps] == ["Start", "press", "On"]


def test_a_run_of_another_program_is_taken_as_it_is_told() -> None:
    """Where the walk of the snapshot would go elsewhere, the events count, without drawn values."""
    found, _ = run(answering({}), 6)
    other = RunFile(snapshot=replace(found.snapshot, path="predefined(press, again)"), events=found.events)
    steps = recorded_walk(other).steps
    assert [step.element for step in steps] == ["Start", "press", "On", "again", "Start", "press"]
    assert steps[1].values == {}


def test_a_run_is_read_back_from_its_document() -> None:
    """Snapshot and events as they were."""
    found, _ = run(failing("On"), 20)
    assert RunFile.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], 'a saved run is a document with "format": 1'),
        ({"format": 2}, 'a saved run is a document with "format": 1'),
        ({"format": 1, "snapshot": {}}, "a saved run holds a snapshot and a list of events"),
        ({"format": 1, "snapshot": {}, "events": []}, "the saved run's snapshot is not whole"),
        ({"format": 1, "snapshot": {}, "events": [{"type": "Nonsense"}]}, "the saved run's snapshot is not whole"),
    ],
)
def test_what_is_no_saved_run_is_refused(document: Any, message: str) -> None:
    """With what it should be."""
    with pytest.raises(RequestError) as refused:
        RunFile.from_json(document)
    assert refused.value.message.startswith(message)


def test_a_failure_is_the_first_step_that_did_not_pass_or_the_end() -> None:
    """A process that died failed in the step it performed; a run that passed has no failure."""
    found, _ = run(failing("On", message="AssertionError: 7 lux"), 20)
    assert failure_of(found.events) == Signature("On", "AssertionError", "# lux")
    died = [StepStarted(number=1, kind="action", element_id="press", name="press", at_seconds=0.0)]
    end = RunFinished(verdict="error", reason="crashed", message="the worker was killed by signal 9 (SIGKILL)")
    assert failure_of([*died, end]) == Signature("press", "", "the worker was killed by signal # (SIGKILL)")
    assert failure_of([RunFinished(verdict="passed", reason="exit")]) is None

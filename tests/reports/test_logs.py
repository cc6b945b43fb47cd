"""A run's log in DAI's words leads to the failure without guessing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from melanzana.protocol.events import AttachmentStored, Event, LogWritten, RunPaused, RunResumed
from melanzana.reports.logs import log_entries
from melanzana.reports.records import LogEntry
from support_executions import PASSED, STARTED, STEP, STEP_BEGUN
from support_reports import BEGUN, fails_at, plan, server_line, stored, walked


def entry(event: Event) -> LogEntry:
    (found,) = log_entries(stored((event,)), None)
    return found


@pytest.mark.parametrize(
    ("event", "severity", "message_type", "stage", "message"),
    [
        (STARTED, "INFORMATIONAL", "run", "start", "Run started by agent rack-1 (Melanzana 1)"),
        (STEP_BEGUN, "DEBUG", "step", "step", 'Action "open" started'),
        (STEP, "INFORMATIONAL", "step", "step", 'Action "open" generated'),
        (replace(STEP, performed=True), "INFORMATIONAL", "step", "step", 'Action "open" passed'),
        (replace(STEP, kind="state", verdict="error", message="no"), "ERROR", "step", "step", 'State "open" error: no'),
        (LogWritten(message="hello", severity="WARNING", step=3), "WARNING", "log", "step", "hello"),
        (RunPaused(step=3, message="look"), "WARNING", "run", "step", "Run paused: look"),
        (RunResumed(step=3), "INFORMATIONAL", "run", "step", "Run continued"),
        (PASSED, "INFORMATIONAL", "run", "end", "Run passed (stop_condition)"),
    ],
)
def test_every_event_is_one_entry(event: Event, severity: str, message_type: str, stage: str, message: str) -> None:
    """Each kind of event has its severity, message type, stage and sentence."""
    found = entry(event)
    assert (found.severity, found.message_type, found.stage, found.message) == (severity, message_type, stage, message)
    assert (found.image_name, found.image_id) == (None, None)


def test_an_image_can_be_fetched_by_its_id() -> None:
    """An attached image carries its name and hash; another attachment is no image."""
    image = AttachmentStored(name="after.png", media_type="image/png", sha256="ab", size=5, step=2)
    found = entry(image)
    assert (found.message_type, found.image_name, found.image_id, found.step_id) == ("image", "after.png", "ab", 2)
    assert entry(replace(image, media_type="text/html")).image_id is None


def test_what_the_server_did_is_told() -> None:
    """Queueing, leasing and ending are entries of the log, in words."""
    lines = [
        server_line(1, "ExecutionQueued", by="ci", ignored_fields=[]),
        server_line(2, "LogWritten", message="fields that were ignored: sut", severity="WARNING", stage="start"),
        server_line(3, "ExecutionEnded", state="error", verdict="error", reason="agent_lost", message="silent"),
    ]
    queued, ignored, ended = log_entries(lines, 3)
    assert (queued.message, queued.message_type, queued.stage) == ("Execution queued (by ci)", "execution", "start")
    assert (ignored.message_type, ignored.severity) == ("log", "WARNING")
    assert (ended.message_type, ended.severity, ended.stage) == ("failure", "ERROR", "end")
    assert "silent" in ended.message


def test_exactly_one_entry_is_the_failure() -> None:
    """Of a run with many errors one entry has the message type `failure`, and it is the first step that did not pass."""
    lines = stored(walked(plan(on_error="continue"), fails_at("leave")))
    fold_seq = next(line.seq for line in lines if line.body.get("verdict") == "failed")
    entries = list(log_entries(lines, fold_seq))
    assert [found.id for found in entries if found.message_type == "failure"] == [fold_seq]
    failure = entries[fold_seq - 1]
    assert (failure.severity, failure.message) == ("ERROR", 'Action "leave" failed: expected an open door')
    assert len([found for found in entries if found.severity == "ERROR"]) == 3


def test_ids_and_run_stand_in_every_entry() -> None:
    """Entries are numbered as the events are, and belong to the run."""
    entries = list(log_entries(stored(walked(plan())), None))
    assert [found.id for found in entries] == list(range(1, len(entries) + 1))
    assert {found.testrunid for found in entries} == {1}


def test_times_are_the_runners_as_far_as_they_can_be_true() -> None:
    """An event happened as long after the start as its runner says, unless that is before it or after its arrival."""
    begun = stored((STARTED,))[0]
    for at_seconds, expected in ((0.25, 0.25), (-1.0, 5.0), (1e300, 5.0), (float("nan"), 5.0)):
        (line,) = stored((replace(STEP, at_seconds=at_seconds),), first=6)
        _, found = log_entries([begun, line], None)
        assert found.eventtime == begun.at + timedelta(seconds=expected)


def test_a_page_without_the_start_uses_arrival() -> None:
    """Entries of an attempt whose start is not known have the server's instant."""
    (found,) = log_entries(stored((replace(STEP, at_seconds=0.5),), first=9), None)
    assert found.eventtime == BEGUN + timedelta(seconds=9)

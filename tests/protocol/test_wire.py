"""The JSON forms of the agent protocol."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.errors import RequestError
from melanzana.protocol import wire
from melanzana.protocol.events import (
    BATCH_LIMIT,
    AttachmentStored,
    LogWritten,
    RunFinished,
    RunPaused,
    RunStarted,
    StepFinished,
    StepStarted,
)
from melanzana.protocol.peer import Directive, Hello, Lease, Report, Session
from melanzana.protocol.snapshot import Snapshot

texts = st.text(max_size=20)
counts = st.integers(min_value=1, max_value=2**31)
seconds = st.floats(min_value=0, max_value=1e6)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | seconds | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
snapshots = st.builds(
    Snapshot,
    model=st.dictionaries(texts, values, max_size=3),
    model_id=texts,
    model_version=counts,
    model_hash=texts,
    path=texts,
    seed=st.integers(0, 2**63 - 1),
    test_case=st.none() | texts,
    parameters=st.dictionaries(texts, st.booleans() | st.integers() | texts, max_size=3),
    perform=st.booleans(),
    suite=st.none() | texts,
    step_pause_seconds=seconds,
)
events = st.one_of(
    st.builds(RunStarted, agent=texts, version=texts, suite=st.none() | texts),
    st.builds(StepStarted, number=counts, kind=texts, element_id=texts, name=texts, at_seconds=seconds),
    st.builds(
        StepFinished,
        number=counts,
        iteration=counts,
        kind=texts,
        element_id=texts,
        name=texts,
        verdict=texts,
        at_seconds=seconds,
        data=st.dictionaries(texts, values, max_size=3),
        performed=st.booleans(),
    ),
    st.builds(LogWritten, message=texts, step=st.none() | counts),
    st.builds(AttachmentStored, name=texts, media_type=texts, sha256=texts, size=counts),
    st.builds(RunPaused, step=counts, message=texts),
    st.builds(RunFinished, verdict=texts, reason=texts, message=texts, at_seconds=seconds),
)
hellos = st.builds(
    Hello,
    capabilities=st.frozensets(st.text(min_size=1, max_size=20), max_size=5),
    host=texts,
    version=texts,
    protocol=counts,
    instance=texts,
)
sessions = st.builds(
    Session,
    agent_id=counts,
    agent_name=texts,
    session=counts,
    heartbeat_seconds=seconds,
    lease_seconds=seconds,
    kill_seconds=seconds,
    poll_seconds=seconds,
)
leases = st.builds(
    Lease, execution_id=texts, run_id=counts, attempt=counts, snapshot=snapshots, lease_seconds=seconds, next_seq=counts
)
reports = st.builds(
    Report,
    execution_id=texts,
    attempt=counts,
    first_seq=counts,
    events=st.lists(events, max_size=4).map(tuple),
    wait_seconds=seconds,
)
directives = st.builds(
    Directive,
    next_seq=counts,
    lease_seconds=seconds,
    abort_requested=st.booleans(),
    resume_requested=st.booleans(),
    pause_requested=st.booleans(),
    ended=st.booleans(),
)


def over_the_wire(document: Any) -> Any:
    return json.loads(json.dumps(document, allow_nan=False))


@given(hellos)
def test_hello_survives_the_wire(hello: Hello) -> None:
    """A hello reads back as it was written."""
    assert wire.hello_from_json(over_the_wire(wire.hello_to_json(hello))) == hello


@given(sessions)
def test_session_survives_the_wire(session: Session) -> None:
    """A session reads back as it was written."""
    assert wire.session_from_json(over_the_wire(wire.session_to_json(session))) == session


@given(leases)
def test_lease_survives_the_wire(lease: Lease) -> None:
    """A lease reads back as it was written, snapshot included."""
    assert wire.lease_from_json(over_the_wire(wire.lease_to_json(lease))) == lease


@given(reports)
def test_report_survives_the_wire(report: Report) -> None:
    """A report reads back as it was written, every kind of event included."""
    assert wire.report_from_json(over_the_wire(wire.report_to_json(report))) == report


@given(directives)
def test_directive_survives_the_wire(directive: Directive) -> None:
    """A directive reads back as it was written."""
    assert wire.directive_from_json(over_the_wire(wire.directive_to_json(directive))) == directive


READERS = (
    wire.hello_from_json,
    wire.session_from_json,
    wire.lease_from_json,
    wire.report_from_json,
    wire.directive_from_json,
)


@given(
    document=values
    | st.fixed_dictionaries({}, optional=dict.fromkeys(("session", "attempt", "events", "capabilities", "next_seq"), values))
)
def test_anything_else_is_a_request_error(document: Any) -> None:
    """Whatever JSON arrives, a reader returns a record or raises RequestError, never anything else."""
    for read in READERS:
        try:
            read(document)
        except RequestError as error:
            assert error.message


def test_an_error_names_its_field() -> None:
    """A missing or wrong field is named in the message and in the detail."""
    with pytest.raises(RequestError, match="attempt is missing") as caught:
        wire.report_from_json({"execution_id": "e"})
    assert caught.value.detail == {"field": "attempt"}
    with pytest.raises(RequestError, match="attempt must be a whole number, not bool"):
        wire.report_from_json({"execution_id": "e", "attempt": True})
    with pytest.raises(RequestError, match="wait_seconds must be a number of seconds from 0"):
        wire.report_from_json({"execution_id": "e", "attempt": 1, "wait_seconds": float("nan")})


def test_a_newer_field_is_dropped() -> None:
    """A field that this version does not know changes nothing."""
    assert wire.directive_from_json({"next_seq": 1, "lease_seconds": 20, "mood": "fine"}) == Directive(
        next_seq=1, lease_seconds=20.0
    )


def test_a_batch_is_bounded() -> None:
    """More events than one report may hold are refused."""
    event = {"type": "LogWritten", "message": "x"}
    with pytest.raises(RequestError, match="at most"):
        wire.report_from_json({"execution_id": "e", "attempt": 1, "events": [event] * (BATCH_LIMIT + 1)})

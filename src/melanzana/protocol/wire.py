"""The JSON forms of what agent and server say to each other, field by field as the records are named.

`runner/http_peer.py` and `agents/api.py` both translate here and nowhere else, so the two ends cannot disagree. Fields of a newer
version are dropped; a missing field or one of the wrong type raises RequestError that names it. `attempt` and `session` are whole
numbers from 1; every duration is in seconds.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from melanzana.errors import RequestError
from melanzana.protocol.events import BATCH_LIMIT, event_from_json, event_to_json
from melanzana.protocol.peer import PROTOCOL_VERSION, Directive, Hello, Lease, Report, Session
from melanzana.protocol.snapshot import Snapshot

#: Most capabilities an agent may name, and the longest of them.
CAPABILITY_LIMIT = 64
NAME_LIMIT = 256
#: Largest whole number on the wire: what every JSON reader holds exactly.
WHOLE_LIMIT = 2**53 - 1


def hello_to_json(hello: Hello) -> dict[str, Any]:
    return {
        "capabilities": sorted(hello.capabilities),
        "host": hello.host,
        "version": hello.version,
        "protocol": hello.protocol,
        "instance": hello.instance,
    }


def hello_from_json(document: Any) -> Hello:
    body = _object(document)
    return Hello(
        capabilities=frozenset(_names(body, "capabilities")),
        host=_text(body, "host", ""),
        version=_text(body, "version", ""),
        protocol=_whole(body, "protocol", PROTOCOL_VERSION),
        instance=_text(body, "instance", ""),
    )


def session_to_json(session: Session) -> dict[str, Any]:
    return {name: getattr(session, name) for name in Session.__dataclass_fields__}


def session_from_json(document: Any) -> Session:
    body = _object(document)
    return Session(
        agent_id=_whole(body, "agent_id"),
        agent_name=_text(body, "agent_name"),
        session=_whole(body, "session"),
        heartbeat_seconds=_seconds(body, "heartbeat_seconds"),
        lease_seconds=_seconds(body, "lease_seconds"),
        kill_seconds=_seconds(body, "kill_seconds"),
        poll_seconds=_seconds(body, "poll_seconds"),
    )


def lease_to_json(lease: Lease) -> dict[str, Any]:
    return {
        "execution_id": lease.execution_id,
        "run_id": lease.run_id,
        "attempt": lease.attempt,
        "snapshot": lease.snapshot.to_json(),
        "lease_seconds": lease.lease_seconds,
        "next_seq": lease.next_seq,
        "sut": None if lease.sut is None else dict(lease.sut),
    }


def lease_from_json(document: Any) -> Lease:
    body = _object(document)
    return Lease(
        execution_id=_text(body, "execution_id"),
        run_id=_whole(body, "run_id"),
        attempt=_whole(body, "attempt"),
        snapshot=_snapshot(body),
        lease_seconds=_seconds(body, "lease_seconds"),
        next_seq=_whole(body, "next_seq", 1),
        sut=None if body.get("sut") is None else _object(body["sut"], "sut"),
    )


def report_to_json(report: Report) -> dict[str, Any]:
    return {
        "execution_id": report.execution_id,
        "attempt": report.attempt,
        "first_seq": report.first_seq,
        "events": [event_to_json(event) for event in report.events],
        "wait_seconds": report.wait_seconds,
    }


def report_from_json(document: Any) -> Report:
    """Raises RequestError, too, when the batch holds more than `BATCH_LIMIT` events or an event is malformed."""
    body = _object(document)
    events = body.get("events", [])
    if not isinstance(events, list):
        raise _wrong("events", "an array of events", events)
    if len(events) > BATCH_LIMIT:
        raise RequestError(f"events holds {len(events)} events; send at most {BATCH_LIMIT} in one report", field="events")
    return Report(
        execution_id=_text(body, "execution_id"),
        attempt=_whole(body, "attempt"),
        first_seq=_whole(body, "first_seq", 1),
        events=tuple(event_from_json(_object(event, "events")) for event in events),
        wait_seconds=_seconds(body, "wait_seconds", 0.0),
    )


def directive_to_json(directive: Directive) -> dict[str, Any]:
    return {name: getattr(directive, name) for name in Directive.__dataclass_fields__}


def directive_from_json(document: Any) -> Directive:
    body = _object(document)
    return Directive(
        next_seq=_whole(body, "next_seq"),
        lease_seconds=_seconds(body, "lease_seconds"),
        abort_requested=_flag(body, "abort_requested"),
        resume_requested=_flag(body, "resume_requested"),
        pause_requested=_flag(body, "pause_requested"),
        ended=_flag(body, "ended"),
    )


_MISSING: Any = object()


def _object(document: Any, name: str = "body") -> Mapping[str, Any]:
    if not isinstance(document, dict):
        raise _wrong(name, "an object", document)
    return document


def _text(body: Mapping[str, Any], name: str, default: str = _MISSING) -> str:
    value = _value(body, name, default)
    if not isinstance(value, str):
        raise _wrong(name, "text", value)
    if len(value) > NAME_LIMIT:
        raise RequestError(f"{name} is longer than {NAME_LIMIT} characters", field=name)
    return value


def _whole(body: Mapping[str, Any], name: str, default: int = _MISSING) -> int:
    value = _value(body, name, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong(name, "a whole number", value)
    if not 1 <= value <= WHOLE_LIMIT:
        raise RequestError(f"{name} is {value}; it counts from 1 to {WHOLE_LIMIT}", field=name)
    return value


def _seconds(body: Mapping[str, Any], name: str, default: float = _MISSING) -> float:
    value = _value(body, name, default)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _wrong(name, "a number of seconds", value)
    if not math.isfinite(value) or value < 0:
        raise RequestError(f"{name} must be a number of seconds from 0", field=name)
    return float(value)


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise _wrong(name, "true or false", value)
    return value


def _names(body: Mapping[str, Any], name: str) -> Sequence[str]:
    value = _value(body, name, _MISSING)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _wrong(name, "an array of text", value)
    if len(value) > CAPABILITY_LIMIT or any(not 0 < len(item) <= NAME_LIMIT for item in value):
        raise RequestError(f"{name}: at most {CAPABILITY_LIMIT} entries of 1 to {NAME_LIMIT} characters", field=name)
    return value


def _snapshot(body: Mapping[str, Any]) -> Snapshot:
    document = _object(_value(body, "snapshot", _MISSING), "snapshot")
    try:
        return Snapshot.from_json(document)
    except TypeError as error:
        raise RequestError(f"snapshot: {error}", field="snapshot") from None


def _value(body: Mapping[str, Any], name: str, default: Any) -> Any:
    value = body.get(name, default)
    if value is _MISSING:
        raise RequestError(f"{name} is missing", field=name)
    return value


def _wrong(name: str, wanted: str, value: Any) -> RequestError:
    return RequestError(f"{name} must be {wanted}, not {type(value).__name__}", field=name)

"""Reads the log of a run as it grows: the server-sent events of an execution (WHATWG HTML, section 9.2); `rest.py` gives them out.

A stream that breaks, or that the server ends because it lasted long, is asked for again behind the last event that was seen:
nothing is missed and nothing comes twice. After as many failures in a row as the connection has patience for, the last is raised.
"""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from melanzana.client.http import Call, Connection
from melanzana.errors import UnavailableError

_END, _AGAIN = "end", "again"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """One line of a run's log, as the server keeps it."""

    seq: int  #: its number, from 1
    type: str  #: such as `StepFinished`
    body: Mapping[str, Any] = field(repr=False)


async def follow(connection: Connection, path: str, after: int = 0) -> AsyncIterator[RunEvent]:
    """Every event behind number `after`, until the run has ended. Raises what the server raised, or UnavailableError."""
    failures = 0
    while True:
        try:
            async for event in _stream(connection, path, after):
                failures = 0
                if event.type == _END:
                    return
                if event.type != _AGAIN:
                    after = event.seq
                    yield event
        except UnavailableError as error:
            failures += 1
            if failures >= connection.patience.attempts:
                raise
            await connection.patience.sleep(connection.patience.pause(failures, error.detail.get("retry_after")))


async def _stream(connection: Connection, path: str, after: int) -> AsyncIterator[RunEvent]:
    call = Call(method="GET", path=path, headers={"Last-Event-ID": str(after)})
    async with connection.stream(call) as answer:
        fields: dict[str, str] = {}
        async for line in answer.aiter_lines():
            name, _, value = line.partition(":")
            if line and name in {"id", "event", "data"}:
                fields[name] = value.removeprefix(" ")
            elif not line and "event" in fields:
                yield RunEvent(seq=int(fields.get("id", after)), type=fields["event"], body=json.loads(fields.get("data", "{}")))
                fields = {}

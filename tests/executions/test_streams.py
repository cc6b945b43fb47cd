"""A log as server-sent events: from its beginning, as it grows, and from where the connection was lost."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.executions import following
from melanzana.executions.following import follow
from melanzana.protocol.events import LogWritten
from support_app import RunningApp, running_app
from support_reports import walked
from support_runs import REALM, Runs

pytestmark = pytest.mark.anyio
PATH = "/execution_service/api/v1/executions/{}/events"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(tmp_path) as opened:
        await opened.sign_in()
        yield opened


def read(text: str) -> list[dict[str, Any]]:
    """Id, event and data of each event in a stream."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in fields:
            found.append({**fields, "data": json.loads(fields["data"])})
    return found


async def test_a_run_that_has_ended_is_told_whole(app: RunningApp) -> None:
    """Every line of its log once, in order, and then the end."""
    runs = await Runs.of(app.services)
    run = await runs.run(perform=True)
    answer = await app.http.get(PATH.format(run.run_id))
    assert answer.headers["content-type"].startswith("text/event-stream")
    *lines, end = read(answer.text)
    stored = await app.services.executions.events(REALM, run.run_id)
    assert [(int(line["id"]), line["event"], line["data"]["attempt"]) for line in lines] == [
        (event.seq, event.type, event.attempt) for event in stored
    ]
    assert (end["event"], end["data"]["state"]) == ("end", "passed")
    assert lines[-2]["data"] | {"at": ""} == {**stored[-2].body, **lines[-2]["data"], "at": ""}


@pytest.mark.parametrize("seen", [0, 1, 4, 10**6])
async def test_what_was_seen_does_not_come_again(app: RunningApp, seen: int) -> None:
    """By header or in the address; the header counts more, as browsers send the address of the first time with it."""
    runs = await Runs.of(app.services)
    run = await runs.run(perform=True)
    everything = read((await app.http.get(PATH.format(run.id))).text)
    by_header = await app.http.get(PATH.format(run.id), params={"after": 2}, headers={"Last-Event-ID": str(seen)})
    by_address = await app.http.get(PATH.format(run.id), params={"after": seen})
    expected = [line for line in everything if int(line.get("id", 10**9)) > seen]
    assert read(by_header.text) == read(by_address.text) == expected


async def test_wrong_and_foreign_ids_are_refused(app: RunningApp) -> None:
    """Before anything is streamed."""
    assert (await app.http.get(PATH.format(99))).status_code == 404
    runs = await Runs.of(app.services)
    run = await runs.run(perform=True)
    for headers in ({"Last-Event-ID": "x"}, {"Last-Event-ID": "-1"}):
        assert (await app.http.get(PATH.format(run.run_id), headers=headers)).status_code == 422
    del app.http.headers["Authorization"]
    assert (await app.http.get(PATH.format(run.run_id))).status_code == 401


async def test_lines_come_as_they_are_written_and_none_twice(app: RunningApp) -> None:
    """Followed while an agent reports; the follower ends with the run."""
    runs = await Runs.of(app.services)
    await runs.start(perform=True)
    lease = await runs.claim()
    seen: list[int] = []
    told = asyncio.Event()

    async def watch() -> None:
        async for events in follow(app.services.executions, app.services.clock, REALM, lease.run_id, 0):
            seen.extend(event.seq for event in events or ())
            told.set()

    watcher = asyncio.create_task(watch())
    events = walked(lease.snapshot)
    for number, event in enumerate(events, 1):
        told.clear()
        await runs.tell(lease, [event], number)
        await asyncio.wait_for(told.wait(), 10)
    await asyncio.wait_for(watcher, 10)
    assert seen == [event.seq for event in await app.services.executions.events(REALM, lease.run_id)]


async def test_a_stream_ends_in_time_and_with_the_server(app: RunningApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a run that waits for ever: signs of life until its time is over, then `again`; a server that stops holds nobody."""
    runs = await Runs.of(app.services)
    run = await runs.start(perform=True)
    monkeypatch.setattr(following, "STREAM_SECONDS", 0.3)
    monkeypatch.setattr(following, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(following, "QUIET_SECONDS", 0.05)
    text = (await app.http.get(PATH.format(run.run_id))).text
    assert ": still here" in text and "event: end" not in text
    assert [event["event"] for event in read(text)] == ["ExecutionQueued", "again"]
    monkeypatch.setattr(following, "STREAM_SECONDS", 60.0)
    app.services.executions.waker.close()
    (last,) = read((await asyncio.wait_for(app.http.get(PATH.format(run.run_id)), 10)).text)
    assert last["event"] == "again"


@given(st.text(max_size=50))
def test_texts_with_line_breaks_stay_one_event(message: str) -> None:
    """Whatever a message holds, JSON keeps it in one line of data."""
    from datetime import UTC, datetime

    from melanzana.executions.records import StoredEvent
    from melanzana.executions.streams import _text

    body = {"message": message, "severity": LogWritten(message="").severity}
    event = StoredEvent(run_id=1, seq=2, attempt=1, agent_seq=1, at=datetime(2026, 3, 1, tzinfo=UTC), type="LogWritten", body=body)
    [one] = read(_text(event))
    assert one["data"]["message"] == message

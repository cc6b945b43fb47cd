"""The log of a run a part at a time, for those who write long files from it: memory does not grow with the steps.

`files_api.py` and `api.py` make one for a run; files are written in a thread, while the parts are asked for on the event loop.
"""

import asyncio
import json
from collections.abc import Coroutine, Iterator
from typing import Any

from melanzana.executions.records import StoredEvent
from melanzana.protocol.events import event_to_json
from melanzana.protocol.recording import FORMAT
from melanzana.protocol.snapshot import Snapshot
from melanzana.reports.service import ReportService

#: Lines that are read at once.
PART = 1_000


class ToldEvents:
    """What the agent told in one attempt, as JSON; to be gone through any number of times, never on the event loop's thread."""

    def __init__(self, service: ReportService, realm: str, run_id: int, attempt: int) -> None:
        self._service, self._realm, self._run_id, self._attempt = service, realm, run_id, attempt
        self._loop = asyncio.get_running_loop()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        after = 0
        while part := self._ask(self._service.events(self._realm, self._run_id, after, PART)):
            for line in part:
                event = line.event() if line.agent_seq is not None and line.attempt == self._attempt else None
                if event is not None:
                    yield event_to_json(event)
            after = part[-1].seq

    def _ask(self, question: Coroutine[Any, Any, tuple[StoredEvent, ...]]) -> tuple[StoredEvent, ...]:
        return asyncio.run_coroutine_threadsafe(question, self._loop).result()


def recording(snapshot: Snapshot, events: ToldEvents) -> Iterator[str]:
    """The document that `melanzana run --save` writes, in parts."""
    yield json.dumps({"format": FORMAT, "snapshot": snapshot.to_json()}, ensure_ascii=False)[:-1] + ', "events": ['
    before = ""
    for event in events:
        yield before + json.dumps(event, ensure_ascii=False)
        before = ",\n"
    yield "]}"

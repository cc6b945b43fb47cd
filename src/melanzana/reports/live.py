"""`GET /runs/{run_id}/stream`: what the page of a run that is under way shows next, as server-sent events.

A message is one JSON object: new lines of the log as they stand in the page, its top, and where the walk stands in the picture. Its
id is the number of the newest line, so a page that lost the stream goes on behind what it has. What is sent is the same for
everybody who looks: pages at the same line ask and are served together, so fifty readers cost little more than one.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Hashable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import StreamingResponse

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Visitor
from melanzana.clock import Clock
from melanzana.executions.following import follow
from melanzana.executions.records import LifecycleState, StoredEvent
from melanzana.executions.streams import MEDIA_TYPE, RETRY
from melanzana.reports import shapes
from melanzana.reports.page_lines import lines_of
from melanzana.reports.pages import RUNS
from melanzana.reports.run_pages import RunRooms, head_of
from melanzana.web.pages import Pages

T = TypeVar("T")
#: Seconds between two messages of one stream: no eye follows more than eight a second.
PACE_SECONDS = 0.125
_LARGEST = 2**53
_Last = Annotated[int | None, Header(alias="Last-Event-ID", ge=0, le=_LARGEST)]
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def router(rooms: RunRooms, gate: Gate, pages: Pages, clock: Clock) -> APIRouter:
    """The stream."""
    routes = APIRouter(include_in_schema=False)
    may_read = Annotated[Visitor, Depends(gate.page(Scope.REPORTS_READ))]
    runs = LiveRuns(rooms, pages, clock)

    @routes.get(RUNS + "/{run_id}/stream", response_class=StreamingResponse)
    async def stream(
        visitor: may_read, run_id: shapes.RunRefPath, after: Annotated[int, Query(ge=0, le=_LARGEST)] = 0, last: _Last = None
    ) -> StreamingResponse:
        realm = visitor.principal.realm
        run = await rooms.executions.get(realm, shapes.run_ref(run_id))
        texts = runs.texts(realm, run.run_id, after if last is None else last)
        return StreamingResponse(texts, media_type=MEDIA_TYPE, headers=_HEADERS)

    return routes


class LiveRuns:
    """Serves every page that looks at a run of this server."""

    def __init__(self, rooms: RunRooms, pages: Pages, clock: Clock) -> None:
        self._rooms, self._pages, self._clock = rooms, pages, clock
        self._together = Together()

    async def texts(self, realm: str, run_id: int, after: int) -> AsyncIterator[str]:
        """Until the run has ended, which is said, or the reader is to ask again."""

        def look(after: int, limit: int) -> Awaitable[tuple[LifecycleState, tuple[StoredEvent, ...]]]:
            return self._together.ask(("look", run_id, after), lambda: self._rooms.executions.look(realm, run_id, after, limit))

        yield f"retry: {RETRY}\n\n"
        async for events in follow(self._rooms.executions, self._clock, realm, run_id, after, look):
            if events is None:
                yield ": still here\n\n"
                continue
            key = ("part", run_id, events[0].seq, events[-1].seq)
            yield await self._together.ask(key, lambda events=events: self._part(realm, run_id, events))  # type: ignore[misc]
            await asyncio.sleep(PACE_SECONDS)
        if (await self._rooms.executions.get(realm, run_id)).ended_at is not None:
            yield "event: end\ndata: {}\n\n"

    async def _part(self, realm: str, run_id: int, events: Sequence[StoredEvent]) -> str:
        view = await self._rooms.reports.view(realm, run_id)
        lines = list(lines_of(events, view.report.names))
        part: dict[str, Any] = {
            "rows": self._pages.text("reports/run_rows.html", lines=lines, run=view.report.row.execution),
            "head": self._pages.text("reports/run_head.html", **head_of(view)),
            "kept": self._pages.text("reports/run_kept.html", **head_of(view)),
            "hits": dict(view.hits),
            "here": view.standing.here,
            "action": view.standing.action,
            "bad": sorted(view.standing.unsuccessful),
        }
        return f"id: {events[-1].seq}\ndata: {json.dumps(part)}\n\n"


class Together:
    """Finds out once what several ask for in the same moment."""

    def __init__(self) -> None:
        self._asked: dict[Hashable, asyncio.Task[Any]] = {}

    async def ask(self, key: Hashable, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What `make` gives; one who goes away takes nothing from the others."""
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.create_task(make())
            task.add_done_callback(lambda _task: self._asked.pop(key, None))
        answer: T = await asyncio.shield(task)
        return answer

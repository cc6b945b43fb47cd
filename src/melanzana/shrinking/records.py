"""What the server knows of a search for the smallest failing walk."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

#: A search that was not heard of for so long is over: its server is gone.
SILENCE = timedelta(seconds=60)
#: Bounds of what may be asked: performances, seconds, repetitions.
MOST_PERFORMANCES, MOST_SECONDS, MOST_REPEAT = 500, 3_600, 20


class SearchState(StrEnum):
    """How a search stands or ended."""

    RUNNING = "running"
    FOUND = "found"  #: a walk that fails; the smallest one unless the effort was spent first
    PASSED = "passed"  #: the failure did not come again
    ERROR = "error"  #: the walk could not be performed
    ABORTED = "aborted"  #: somebody ended it; what was found until then stays
    INTERRUPTED = "interrupted"  #: the server stopped or was lost; what was found until then stays


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How much a search may cost."""

    performances: int = 100
    seconds: float = 900.0  #: no performance begins later
    repeat: int = 1  #: performances before a walk counts as passing, for flaky systems


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """One search."""

    id: int
    realm: str
    run_id: int  #: of the run whose failure is looked for
    state: SearchState
    message: str  #: why it ended as it did, or what is to be said of the result
    asked_by: str
    created_at: datetime
    beat_at: datetime  #: when the server that carries it out was last heard of
    ended_at: datetime | None = None
    abort_requested: bool = False
    performances: int = 0
    actions_before: int = 0  #: of the run's own walk
    actions: int = 0  #: of the smallest walk until now
    current_run: int | None = None  #: the performance under way, or the last one
    smallest: Mapping[str, Any] | None = None  #: the smallest failing walk, as `generation.recorded` writes it
    failures: int = 0  #: of `tries` performances of the smallest walk, at the end
    tries: int = 0
    test_case: str | None = None  #: name of the test case that it was kept as

    @property
    def is_live(self) -> bool:
        return self.state is SearchState.RUNNING

    def as_of(self, now: datetime) -> "Search":
        """What it is when nobody carries it out any more."""
        if not self.is_live or now - self.beat_at <= SILENCE:
            return self
        message = "the server that carried it out stopped; begin it again"
        return replace(self, state=SearchState.INTERRUPTED, message=message, ended_at=self.beat_at)

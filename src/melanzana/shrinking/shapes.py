"""The outside form of replays and searches."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from melanzana.shrinking.records import MOST_PERFORMANCES, MOST_REPEAT, MOST_SECONDS, Search, SearchState, Wish

_ID = "^([1-9][0-9]{0,17}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$"
ExecutionPath = Annotated[str, Path(pattern=_ID, description="The execution's uuid or its run id.")]
SearchPath = Annotated[int, Path(ge=1, le=2**53, description="`id` of the search.")]


class ReplayAnswer(BaseModel):
    """The execution that performs the steps again."""

    execution_id: str
    run_id: int


class ShrinkBody(BaseModel):
    """How much a search may cost."""

    model_config = ConfigDict(extra="forbid")

    performances: int = Field(Wish().performances, ge=1, le=MOST_PERFORMANCES, description="Most performances.")
    seconds: float = Field(Wish().seconds, ge=1, le=MOST_SECONDS, description="No performance begins later.")
    repeat: int = Field(1, ge=1, le=MOST_REPEAT, description="Performances before a walk counts as passing, for flaky systems.")


class KeepBody(BaseModel):
    """What the test case is to be called."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, min_length=1, max_length=200, description="Without it, it is called after what fails.")


class StepPart(BaseModel):
    """One step of the walk that was found."""

    kind: str
    element_id: str
    name: str


class SearchAnswer(BaseModel):
    """How a search stands."""

    id: int
    run_id: int
    state: SearchState
    message: str
    asked_by: str
    created_at: datetime
    ended_at: datetime | None
    performances: int
    actions_before: int = Field(description="Of the run's own walk.")
    actions: int = Field(description="Of the smallest walk until now.")
    current_run: int | None = Field(description="Run id of the performance under way, or of the last one.")
    failures: int = Field(description="Of `tries` performances of the smallest walk, at the end.")
    tries: int
    steps: list[StepPart] = Field(description="The smallest failing walk; empty while there is none.")
    test_case: str | None = Field(description="Name of the test case that it was kept as.")


def answer(found: Search) -> SearchAnswer:
    """A search in its outside form."""
    same = {name: getattr(found, name) for name in SearchAnswer.model_fields if name != "steps"}
    return SearchAnswer(**same, steps=[_step(step) for step in (found.smallest or {}).get("steps", [])])


def _step(step: dict[str, Any]) -> StepPart:
    return StepPart(kind=step.get("kind", ""), element_id=step["element_id"], name=step.get("name", ""))


def ref(text: str) -> int | str:
    """An execution's run id, or its uuid."""
    return int(text) if text.isdigit() else text.lower()

"""A run as `melanzana replay` and `shrink` take it: the snapshot with the events of its last attempt, nothing left out.

`reports/service.py` asks for it, `GET /ai/runs/{run_id}/recording` answers with it; `protocol/recording.py` reads it.
"""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, Field

from melanzana.executions.records import StoredEvent
from melanzana.protocol.recording import RunFile
from melanzana.protocol.snapshot import Snapshot


class RecordingAnswer(BaseModel):
    """What was meant and what happened; as `melanzana run --save` writes it."""

    format: int = Field(examples=[1])
    snapshot: dict[str, Any] = Field(description="Model, path, seed, parameters: all that the run depended on.")
    events: list[dict[str, Any]] = Field(description="What the agent told of the last attempt, in order.")


def recording(snapshot: Snapshot, stored: Iterable[StoredEvent]) -> RecordingAnswer:
    """The answer for one run."""
    told = [event for event in stored if event.agent_seq is not None]
    last = max((event.attempt for event in told), default=0)
    events = tuple(event for line in told if line.attempt == last and (event := line.event()) is not None)
    return RecordingAnswer.model_validate(RunFile(snapshot=snapshot, events=events).to_json())

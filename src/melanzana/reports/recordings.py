"""A run as `melanzana replay` and `shrink` take it: the snapshot with the events of its last attempt, nothing left out.

`paging.py` writes it, `GET /ai/runs/{run_id}/recording` answers with it; `protocol/recording.py` reads it.
"""

from typing import Any

from pydantic import BaseModel, Field


class RecordingAnswer(BaseModel):
    """What was meant and what happened; as `melanzana run --save` writes it."""

    format: int = Field(examples=[1])
    snapshot: dict[str, Any] = Field(description="Model, path, seed, parameters: all that the run depended on.")
    events: list[dict[str, Any]] = Field(description="What the agent told of the last attempt, in order.")

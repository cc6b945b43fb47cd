"""A run in the words of the original's old interface: what `/api/run/progress` and `/api/sut/status` answer."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, Field

from melanzana.executions.records import ExecutionSummary, LifecycleState

OldStatus = Literal["Running", "Passed", "Failed", "Incomplete"]
#: The old interface has one word for a run that did not come to a verdict on the system under test.
_WORDS: dict[LifecycleState, OldStatus] = {
    LifecycleState.PASSED: "Passed",
    LifecycleState.FAILED: "Failed",
    LifecycleState.ERROR: "Incomplete",
    LifecycleState.ABORTED: "Incomplete",
}


class OldRun(BaseModel):
    """A run in the words of the old interface."""

    id: str = Field(description="uuid of the model.")
    modelname: str
    username: str = Field(description="Id of the client that started it.")
    starttime: str | None = Field(description="When an agent began; null while it waits.")
    endtime: str | None = Field(description="null while it runs.")
    type: Literal["model", "testcase"]
    agentname: str | None = Field(description="null without an agent.")
    initiator: Literal["api"] = "api"
    status: OldStatus
    processid: str = Field(description="The run's number, as text.")


def old_run(run: ExecutionSummary, agent_name: str | None) -> OldRun:
    """`agent_name`: of the agent that has or had it."""
    return OldRun(
        id=run.model_id,
        modelname=run.model_name,
        username=run.created_by,
        starttime=_written(run.started_at),
        endtime=_written(run.ended_at),
        type="model" if run.test_case is None else "testcase",
        agentname=agent_name,
        initiator="api",
        status=_WORDS.get(run.state, "Running"),
        processid=str(run.run_id),
    )


def _written(at: datetime | None) -> str | None:
    """As the documents print it: `2018-05-31 17:00:01.366412+00`."""
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")

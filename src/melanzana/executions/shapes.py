"""What the execution routes read from a body or query and write into an answer: the foreign spelling and nothing else.

The start body is that of the original product with our own fields beside it. A field that is unknown, or known and without meaning
here (a version of a stored suite, a SUT of a dry run), is ignored by name, never silently: `ignored_fields` of the answer lists it.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StrictBool, StrictInt, StrictStr, StringConstraints

from melanzana.errors import RequestError
from melanzana.executions.planning import PAUSE_LIMIT_SECONDS, SEED_LIMIT
from melanzana.executions.records import ExecutionSummary, LifecycleState, OnAgentLost, StartRequest
from melanzana.generation.step import OnError, Verdict
from melanzana.suts.records import SutWish

#: Largest integer id: 64 bits.
ID_LIMIT = 2**63 - 1
COUNT_LIMIT = 10_000_000
#: `agent_id` of a start that any agent with the needed capabilities may take.
ANY_AGENT = "any"
_WORDS = {
    LifecycleState.PASSED: "Passed",
    LifecycleState.FAILED: "Failed",
    LifecycleState.ERROR: "Error",
    LifecycleState.ABORTED: "Cancelled",
}
Status = Literal["Running", "Passed", "Failed", "Error", "Cancelled"]
Word = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]
Id = Annotated[int, Field(ge=1, le=ID_LIMIT)]
ExecutionIdPath = Annotated[
    str, Path(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z-]+$", description="`execution_id`, or the `run_id`.")
]
Text = Annotated[str, StringConstraints(max_length=10_000, pattern=r"^[^\x00]*$")]
Ref = Annotated[StrictInt, Field(ge=1, le=ID_LIMIT)] | Annotated[StrictStr, StringConstraints(min_length=1, max_length=256)]


class _Part(BaseModel):
    """An object whose unknown fields are kept, so that they can be named."""

    model_config = ConfigDict(extra="allow")


class AgentPart(_Part):
    """Where to perform."""

    agent_id: Ref | None = Field(
        None, description="Id or name of an agent, or `any`: whichever agent has the needed capabilities.", examples=["1"]
    )
    is_hosted_agent: bool | None = Field(None, description="Accepted; every agent is asked for by its id.")


class AssetPart(_Part):
    """The action code."""

    asset_path: Text | None = Field(None, description="Folder of the suite on the agent's machine.")
    asset_version_id: Text | None = Field(
        None,
        description="Id of a version of a stored suite, or id or name of a suite: its newest. `asset_path` is then a folder in it.",
    )


class SutPart(_Part):
    """The system under test to lock while code is performed. Given both, it must be this one and have the criteria."""

    sut_id: Text | None = Field(None, description="`id` of a system under test.")
    criteria: list[Text] | None = Field(None, max_length=50, description="Any that has every one of these criteria.")


class StartBody(_Part):
    """One of `model_id`, `rerun_id` and `script` is needed. Fields of the original product first, then ours."""

    execution_type: Literal["executing"] | None = Field(None, description="Always `executing`.")
    model_id: Ref | None = Field(None, description="`modeluuid` of the model, or its integer `id`.")
    agent: AgentPart | None = Field(None, description="null, or no `asset` beside it: only the path is generated.")
    test_case_id: Ref | None = Field(None, description="Integer id or uuid of a test case: a directed run.")
    script: Text | None = Field(None, description="Script-based runs are not offered; refused with 422.")
    asset: AssetPart | None = Field(None, description="null: no code is performed.")
    sut: SutPart | None = Field(None, description="null: none is locked.")
    rerun_id: Id | None = Field(None, description="`run_id` of an earlier run, to be repeated with its model, path, seed and data.")
    step_pause_time: FiniteFloat | None = Field(
        None, ge=0, le=PAUSE_LIMIT_SECONDS, description="Pause after each step, in seconds."
    )

    model_version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = Field(None, description="The newest when left out.")
    path: Text | None = Field(None, description="Path expression, e.g. `weighted(transition_coverage(100))`.")
    stop_condition: Text | None = Field(None, description="Condition that ends a weighted walk, e.g. `state_coverage(100)`.")
    iterations: int | None = Field(None, ge=1, le=COUNT_LIMIT, description="Of an exploratory run; 1 when left out.")
    max_actions: int | None = Field(None, ge=1, le=COUNT_LIMIT, description="Of an exploratory run; 10000 when left out.")
    seed: int | None = Field(None, ge=0, le=SEED_LIMIT, description="The same seed gives the same path; random when left out.")
    parameters: dict[Word, StrictBool | StrictInt | FiniteFloat | Text] | None = Field(
        None, description="Values of global variables by name; text is read as the variable's type."
    )
    onerror: OnError | None = Field(None, description="What a step that does not pass leads to; `clean` when left out.")
    on_agent_lost: OnAgentLost | None = Field(
        None, description="When the agent is lost; left out: `requeue` until code may have been performed, `error` from then on."
    )
    perform: bool | None = Field(None, description="true: code is performed, on any agent unless `agent` names one.")
    dry_run: bool | None = Field(None, description="true: only the path is generated.")
    suite: Text | None = Field(None, description="As `asset.asset_path`; code is performed, on any agent unless `agent` names one.")
    labels: list[Word] = Field([], max_length=50, description="Capabilities that the agent must have besides.")
    tags: list[Word] = Field([], max_length=50, description="Words to find the execution by.")


class StartedAnswer(BaseModel):
    """The execution that was queued."""

    execution_id: str = Field(description="uuid; follow and abort the execution with it.")
    execution_status_id: str = Field(description="The same: the original product uses both names.")
    run_id: int = Field(description="Number of the run, for `/ai/runs` and `/ai/runlogs`.")
    status: Status
    seed: int
    path: str
    model_id: str
    model_version: int
    perform: bool = Field(description="false: only the path is generated.")
    ignored_fields: list[str] = Field(description="Fields of the request that had no effect.")


class ExecutionAnswer(StartedAnswer):
    """Where an execution stands."""

    state: LifecycleState
    attempt: int = Field(description="How many agents have been tried.")
    verdict: Verdict | None
    reason: str | None = Field(description="Why it ended.")
    message: str
    paused: bool
    model_name: str
    test_case: str | None
    agent_id: int | None
    sut_id: str | None = Field(description="The system under test of the current or last attempt.")
    waiting_for: str | None = Field(description="Why it is still queued.")
    labels: list[str]
    tags: list[str]
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class ExecutionListAnswer(BaseModel):
    items: list[ExecutionAnswer]
    total_count: int = Field(description="On all pages.")


class ExecutionListQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=200, description="At most this many.")
    offset: int = Field(0, ge=0, le=2**53, description="Leave out this many of the newest.")
    state: list[LifecycleState] = Field([], max_length=8, description="Only executions in one of these states.")
    tag: Text | None = Field(None, description="Only executions with exactly this tag.")
    model: Text | None = Field(None, description="Only executions of the model with this uuid.")


def status_of(state: LifecycleState) -> Status:
    """The original product's word: everything that has not ended is `Running`."""
    return _WORDS.get(state, "Running")  # type: ignore[return-value]


def ref(text: int | str) -> int | str:
    """An id as clients write it: digits are an integer id, everything else a uuid or name."""
    if isinstance(text, int) or not (text.isascii() and text.isdigit()):
        return text
    return min(int(text[:20]), ID_LIMIT)


def start_request(body: StartBody, agent_id: int | None, *, strict: bool) -> StartRequest:
    """The request in our words. Raises RequestError for a contradiction, and in `strict` mode for the first ignored field."""
    ignored = tuple(ignored_fields(body))
    if strict and ignored:
        raise RequestError(f"nobody knows the field {ignored[0]}, and this server is strict", field=ignored[0])
    return StartRequest(
        model=None if body.model_id is None else ref(body.model_id),
        model_version=body.model_version,
        test_case=None if body.test_case_id is None else ref(body.test_case_id),
        rerun_of=body.rerun_id,
        script=body.script,
        agent_id=agent_id,
        perform=_performs(body),
        suite=_suite(body),
        suite_version=_suite_version(body),
        step_pause_seconds=body.step_pause_time,
        path=body.path,
        stop_condition=body.stop_condition,
        iterations=body.iterations,
        max_actions=body.max_actions,
        seed=body.seed,
        parameters=body.parameters or {},
        on_error=body.onerror,
        on_agent_lost=body.on_agent_lost,
        labels=tuple(body.labels),
        sut=_sut(body.sut),
        tags=tuple(body.tags),
        ignored_fields=ignored,
    )


def named_agent(body: StartBody) -> int | str | None:
    """The agent that the request asks for by id or name; None: any."""
    wanted = None if body.agent is None else body.agent.agent_id
    return None if wanted is None or wanted == ANY_AGENT else wanted


def ignored_fields(body: StartBody) -> Iterator[str]:
    """Dotted names of the fields that have no effect, in the order of the body."""
    for prefix, part in (("", body), ("agent.", body.agent), ("asset.", body.asset), ("sut.", body.sut)):
        if part is not None:
            yield from (f"{prefix}{name}"[:256] for name in part.model_extra or {})
    if body.asset is not None and body.asset.asset_version_id is not None and _suite_version(body) is None:
        yield "asset.asset_version_id"


def started_answer(execution: ExecutionSummary) -> StartedAnswer:
    return StartedAnswer(**_started(execution))


def execution_answer(execution: ExecutionSummary) -> ExecutionAnswer:
    names = (
        *(
            "state",
            "attempt",
            "verdict",
            "reason",
            "message",
            "paused",
            "model_name",
            "test_case",
            "agent_id",
            "sut_id",
            "waiting_for",
        ),
        *("labels", "tags", "created_at", "started_at", "ended_at"),
    )
    return ExecutionAnswer(**_started(execution), **{name: getattr(execution, name) for name in names})


def _started(execution: ExecutionSummary) -> Mapping[str, Any]:
    names = ("run_id", "seed", "path", "model_id", "model_version", "perform")
    return {
        "execution_id": execution.id,
        "execution_status_id": execution.id,
        "status": status_of(execution.state),
        "ignored_fields": list(execution.ignored_fields),
        **{name: getattr(execution, name) for name in names},
    }


def _sut(part: SutPart | None) -> SutWish | None:
    wish = SutWish() if part is None else SutWish(sut_id=part.sut_id or None, criteria=tuple(part.criteria or ()))
    return wish or None


def _suite(body: StartBody) -> str | None:
    path = None if body.asset is None else body.asset.asset_path
    if path is not None and body.suite is not None and path != body.suite:
        raise RequestError("asset.asset_path and suite name different folders; give one of them", field="suite")
    return body.suite if path is None else path


def _suite_version(body: StartBody) -> str | None:
    """The stored suite that is asked for; a dry run needs none."""
    return None if body.asset is None or _performs(body) is False else body.asset.asset_version_id or None


def _performs(body: StartBody) -> bool | None:
    """Whether code is performed; None when nothing is said about it.

    The original product performs code only when both agent and asset are given; our own fields say it outright.
    """
    if body.perform is not None and body.dry_run is not None and body.perform == body.dry_run:
        raise RequestError("perform and dry_run contradict each other; give one of them", field="dry_run")
    if body.perform is not None or body.dry_run is not None:
        return body.perform if body.perform is not None else not body.dry_run
    if body.suite is not None:
        return True
    if body.agent is None and body.asset is None:
        return None
    return body.agent is not None and body.asset is not None

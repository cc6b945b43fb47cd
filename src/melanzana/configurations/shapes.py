"""What the routes of test configurations read from a body and write into an answer.

How the original's bodies look is not published, so the fields are ours; the paths, the 201 with `task_instance_id` and the words of
statuses and filters are the original's.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StrictBool, StrictInt, StrictStr, StringConstraints

from melanzana.configurations.records import (
    MAX_PARALLELISM,
    MAX_RETRIES,
    MAX_STEPS,
    ConfigurationStep,
    Draft,
    StepKind,
    StopWish,
    TestConfiguration,
)
from melanzana.executions.planning import SEED_LIMIT
from melanzana.executions.shapes import COUNT_LIMIT, ID_LIMIT
from melanzana.generation.step import OnError

Text = Annotated[str, StringConstraints(max_length=10_000, pattern=r"^[^\x00]*$")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]
Ref = Annotated[StrictInt, Field(ge=1, le=ID_LIMIT)] | Annotated[StrictStr, StringConstraints(min_length=1, max_length=256)]
Values = dict[Word, StrictBool | StrictInt | FiniteFloat | Text]
_Uuid = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
ConfigurationIdPath = Annotated[_Uuid, Path(description="`id` of the test configuration.")]
TaskIdPath = Annotated[_Uuid, Path(description="`task_instance_id`.")]
_EXAMPLE: Any = {
    "name": "nightly",
    "steps": [
        {"type": "directed", "model_id": "Web shop", "test_case_id": "buy a lamp"},
        {"type": "exploratory", "model_id": "Web shop", "stop": {"target_coverage": 90, "duration_seconds": 600}, "seed": 7},
    ],
    "suite": "/suites/shop",
    "agents": ["lab-1"],
    "sut": {"criteria": ["staging"]},
    "retries": 1,
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StopBody(_Strict):
    """When an exploratory step is enough; the first that is met ends it."""

    duration_seconds: FiniteFloat | None = Field(None, gt=0, le=1_000_000)
    iterations: StrictInt | None = Field(None, ge=1, le=COUNT_LIMIT)
    target_coverage: FiniteFloat | None = Field(None, gt=0, le=100, description="Per cent of the actions.")
    expression: Text | None = Field(None, description="A stop condition, e.g. `transition_coverage(100)`.")


class StepBody(_Strict):
    """One step. A directed one names a test case, an exploratory one may say when to stop, a script one names a function."""

    id: _Uuid | None = Field(None, description="Of a step that is there, so that its results stay comparable; made when left out.")
    name: Word | None = Field(None, description="After what it performs when left out.")
    type: StepKind
    model_id: Ref | None = Field(None, description="Integer id, `modeluuid` or name of the model.")
    test_case_id: Ref | None = Field(None, description="Integer id, uuid or name of the test case.")
    script: Text | None = None
    stop: StopBody | None = None
    path: Text | None = Field(None, description="A path expression, in place of `stop`.")
    parameters: Values = Field({}, description="Values of variables for this step.")
    tags: list[Word] = Field([], max_length=50)
    seed: StrictInt | None = Field(None, ge=0, le=SEED_LIMIT)
    retries: StrictInt | None = Field(None, ge=0, le=MAX_RETRIES, description="In place of the configuration's.")

    def step(self) -> ConfigurationStep:
        return ConfigurationStep(
            id=(self.id or str(uuid.uuid4())).lower(),
            name=self.name or "",
            kind=self.type,
            model=None if self.model_id is None else str(self.model_id),
            test_case=None if self.test_case_id is None else str(self.test_case_id),
            stop=StopWish() if self.stop is None else StopWish(**self.stop.model_dump()),
            path=self.path,
            script=self.script,
            parameters=self.parameters,
            tags=tuple(self.tags),
            seed=self.seed,
            retries=self.retries,
        )


class SutChoice(_Strict):
    """What its runs are made against."""

    sut_id: Text | None = None
    criteria: list[Word] = Field([], max_length=50, description="Any that has every one of these.")


class ConfigurationBody(BaseModel):
    """A test configuration. What is left out gets its default."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    name: Word = Field(max_length=100, description="Unique in the realm.")
    description: Text = ""
    steps: list[StepBody] = Field(min_length=1, max_length=MAX_STEPS, description="In the order in which they are started.")
    suite: Text | None = Field(None, description="Action code, as `asset_path` of a start; without it only paths are generated.")
    agents: list[Ref] = Field([], max_length=50, description="Ids or names of agents that take turns; none: any.")
    labels: list[Word] = Field([], max_length=50, description="Capabilities that the agent must have.")
    sut: SutChoice = Field(default_factory=lambda: SutChoice(sut_id=None, criteria=[]))
    parameters: Values = Field({}, description="Values of variables, for every step whose model has them.")
    tags: list[Word] = Field([], max_length=50)
    retries: StrictInt = Field(0, ge=0, le=MAX_RETRIES, description="How often a step that did not pass is tried again.")
    parallelism: StrictInt = Field(1, ge=1, le=MAX_PARALLELISM, description="How many steps may be at work at once.")
    stop_on_failure: StrictBool = Field(default=False, description="true: after a step that did not pass the others are left out.")
    onerror: OnError | None = None
    notify: list[Word] = Field([], max_length=50, description="Names of notification profiles.")

    def draft(self, agents: tuple[int, ...]) -> Draft:
        return Draft(
            name=self.name,
            description=self.description,
            steps=tuple(step.step() for step in self.steps),
            suite=self.suite or None,
            agents=agents,
            labels=tuple(self.labels),
            sut_id=self.sut.sut_id or None,
            criteria=tuple(self.sut.criteria),
            parameters=self.parameters,
            tags=tuple(self.tags),
            retries=self.retries,
            parallelism=self.parallelism,
            stop_on_failure=self.stop_on_failure,
            on_error=self.onerror,
            notify=tuple(self.notify),
        )


class StepItem(BaseModel):
    id: str
    name: str
    type: StepKind
    model_id: str | None
    test_case_id: str | None
    script: str | None
    stop: StopBody | None
    path: str | None
    parameters: dict[str, bool | int | float | str]
    tags: list[str]
    seed: int | None
    retries: int | None


class ConfigurationItem(BaseModel):
    """A test configuration; its ETag is the revision."""

    id: str
    name: str
    description: str
    steps: list[StepItem]
    suite: str | None
    agents: list[str] = Field(description="Names; `#` and an id for one that was deleted.")
    labels: list[str]
    sut: SutChoice
    parameters: dict[str, bool | int | float | str]
    tags: list[str]
    retries: int
    parallelism: int
    stop_on_failure: bool
    onerror: str | None
    notify: list[str]
    revision: int
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str


class ConfigurationListAnswer(BaseModel):
    items: list[ConfigurationItem]
    total_count: int


class ConfigurationListQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Text | None = Field(None, description="Only the one of exactly this name.")


def configuration_item(configuration: TestConfiguration, agents: Mapping[int, str]) -> ConfigurationItem:
    draft = configuration.draft
    same = ("description", "suite", "retries", "parallelism", "stop_on_failure")
    return ConfigurationItem(
        id=configuration.id,
        name=draft.name,
        **{name: getattr(draft, name) for name in same},
        labels=list(draft.labels),
        tags=list(draft.tags),
        notify=list(draft.notify),
        **{name: getattr(configuration, name) for name in ("revision", "created_at", "created_by", "updated_at", "updated_by")},
        steps=step_items(draft.steps),
        agents=[agents.get(agent_id, f"#{agent_id}") for agent_id in draft.agents],
        sut=SutChoice(sut_id=draft.sut_id, criteria=list(draft.criteria)),
        parameters=dict(draft.parameters),
        onerror=draft.on_error,
    )


def step_items(steps: Sequence[ConfigurationStep]) -> list[StepItem]:
    return [
        StepItem(
            id=step.id,
            name=step.name,
            type=step.kind,
            model_id=step.model,
            test_case_id=step.test_case,
            script=step.script,
            stop=None
            if step.stop == StopWish()
            else StopBody(**{name: getattr(step.stop, name) for name in StopBody.model_fields}),
            path=step.path,
            parameters=dict(step.parameters),
            tags=list(step.tags),
            seed=step.seed,
            retries=step.retries,
        )
        for step in steps
    ]

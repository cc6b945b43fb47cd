"""What the catalog's routes read from a query and write into an answer. The bodies of uploads are read by `catalog/intake.py`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from melanzana.catalog.records import ModelEntry, ModelVersion, Saved, TestCaseEntry, VersionSummary
from melanzana.graph.editing.case_text import write_case
from melanzana.graph.findings import Finding
from melanzana.graph.formats.addresses import Addresses
from melanzana.graph.limits import MAX_NAME
from melanzana.graph.model import Model, Scalar

UUID_PATTERN = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
ID_PATTERN = "[1-9][0-9]{0,17}"
ModelRefPath = Annotated[
    str,
    Path(pattern=f"^({ID_PATTERN}|{UUID_PATTERN})$", description="The model's integer `id` or its `modeluuid`.", examples=["7"]),
]
TestCaseRefPath = Annotated[
    str, Path(min_length=1, max_length=MAX_NAME, description="The test case's integer id, its uuid, or its name.", examples=["3"])
]
#: Versions are 32-bit integers in the database.
MAX_VERSION = 2**31 - 1
MAX_OFFSET = 2**53
MAX_LIMIT = 10_000


class ModelFormat(StrEnum):
    """How a model is written into an answer."""

    DAI = "dai"
    DOCUMENT = "document"
    TEXT = "text"


class ModelListQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, max_length=MAX_NAME, description="Only models of exactly this name.")
    group: str | None = Field(default=None, max_length=MAX_NAME, description="Only models of exactly this group.")
    limit: int | None = Field(default=None, ge=1, le=MAX_LIMIT, description="At most this many; all when left out.")
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET, description="Leave out this many at the beginning.")


class VersionQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: int | None = Field(default=None, ge=1, le=MAX_VERSION, description="The newest when left out.")


class ModelQuery(VersionQuery):
    format: ModelFormat | None = Field(
        default=None,
        description="`dai`: only `modeljson`; `document`: only `document`; `text`: the YAML text itself; both when left out.",
    )


class ModelItem(BaseModel):
    """A model in a list."""

    id: int
    name: str
    modeluuid: str
    group: str
    version: int = Field(description="The newest version.")
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str


class ModelHead(ModelItem):
    """A model and one of its versions, without the model itself."""

    version: int = Field(description="The version in this answer.")
    latest_version: int
    model_hash: str = Field(description="SHA-256 of the version's logic; layout does not count.")
    source_format: str = Field(description="What was uploaded: `text`, `dai`, `graphwalker` or `document`.")


class ModelAnswer(ModelHead):
    """A model with one of its versions."""

    modeljson: dict[str, Any] | None = Field(default=None, description="The model as a DAI export.")
    document: dict[str, Any] | None = Field(default=None, description="The model in the JSON form of the text format.")


class FindingItem(BaseModel):
    """One remark about one element of a model."""

    code: str
    severity: str
    message: str
    element_id: str | None = None
    element: str | None = None
    line: int | None = None
    column: int | None = None
    suggestion: str | None = None
    field: str | None = None


class SavedAnswer(ModelItem):
    """What an upload led to."""

    model_hash: str
    created: bool = Field(description="Whether a new version was made; false when the newest one has the same logic.")
    findings: list[FindingItem] = Field(description="Warnings and notes; a model with errors is refused.")


class VersionItem(BaseModel):
    version: int
    name: str
    model_hash: str
    source_format: str
    created_at: datetime
    created_by: str


class TestCaseStepItem(BaseModel):
    __test__ = False

    action_id: str
    action: str | None = Field(description="Name of the action.")
    state: str | None = Field(description="Name of the state that owns it; null for a global action.")
    parameters: dict[str, Scalar]
    requirements: list[str]


class TestCaseItem(BaseModel):
    """A test case; `testcaseName` repeats `name` for clients that know the older word."""

    __test__ = False

    id: int
    uuid: str
    name: str
    testcaseName: str
    description: str
    origin: str
    external_id: str
    tags: list[str]
    parameters: dict[str, Scalar]
    steps: list[TestCaseStepItem]
    testcase: str = Field(description='The steps as one text: `Action "open", Action "leave"`.')


def model_ref(text: str) -> int | str:
    """A model's number, or its uuid."""
    return int(text) if text.isdigit() else text.lower()


def model_item(entry: ModelEntry) -> ModelItem:
    return ModelItem(**_item(entry))


def model_head(entry: ModelEntry, version: ModelVersion) -> ModelHead:
    own = {
        "name": version.name,
        "version": version.version,
        "latest_version": entry.version,
        "model_hash": version.model_hash,
        "source_format": version.source_format,
    }
    return ModelHead(**{**_item(entry), **own})


def saved_answer(saved: Saved) -> SavedAnswer:
    return SavedAnswer(
        **_item(saved.entry),
        model_hash=saved.version.model_hash,
        created=saved.created,
        findings=finding_items(saved.findings),
    )


def finding_items(findings: Sequence[Finding]) -> list[FindingItem]:
    return [FindingItem(**finding.to_json()) for finding in findings]


def version_item(version: VersionSummary) -> VersionItem:
    return VersionItem(**{name: getattr(version, name) for name in VersionItem.model_fields})


def action_names(model: Model) -> dict[str, tuple[str, str | None]]:
    """Name of every action, and of the state that owns it, by the action's id."""
    return {action.id: (action.name, state.name if state else None) for state, action in model.actions()}


def case_items(entries: Sequence[TestCaseEntry], model: Model) -> list[TestCaseItem]:
    """Test cases of that model."""
    names, addresses = action_names(model), Addresses(model.states, model.global_actions)
    return [_case_item(entry, names, addresses) for entry in entries]


def _case_item(entry: TestCaseEntry, names: Mapping[str, tuple[str, str | None]], addresses: Addresses) -> TestCaseItem:
    case = entry.case
    return TestCaseItem(
        id=entry.id,
        uuid=case.id,
        name=case.name,
        testcaseName=case.name,
        description=case.description,
        origin=case.origin,
        external_id=case.external_id,
        tags=list(case.tags),
        parameters=dict(case.parameters),
        steps=[
            TestCaseStepItem(
                action_id=step.action,
                action=names.get(step.action, (None, None))[0],
                state=names.get(step.action, (None, None))[1],
                parameters=dict(step.parameters),
                requirements=list(step.requirements),
            )
            for step in case.steps
        ],
        testcase=write_case((step.action for step in case.steps), addresses),
    )


def _item(entry: ModelEntry) -> dict[str, Any]:
    same = {name: getattr(entry, name) for name in ModelItem.model_fields if name != "modeluuid"}
    return {**same, "modeluuid": entry.uuid}

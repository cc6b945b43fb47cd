"""How drafts, layouts and test cases travel over the REST API."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from melanzana.catalog.draft_records import Draft
from melanzana.catalog.shapes import FindingItem, finding_items
from melanzana.errors import RequestError
from melanzana.graph.findings import Finding
from melanzana.graph.formats.addresses import Addresses
from melanzana.graph.formats.document import to_document
from melanzana.graph.limits import MAX_NAME
from melanzana.graph.model import Box, Model, Scalar

_FAR = 1_000_000


class EditItem(BaseModel):
    """One edit; several are one gesture."""

    model_config = ConfigDict(extra="forbid")

    op: str = Field(description="`add_state`, `add_action`, `add_case`, `change`, `rename`, `delete`, `duplicate`, `connect`, …")
    element: str = Field(
        default="", description="What it is about: an id, or `Results`, `Results/add`, `test case/Buy`; the model."
    )
    name: str = Field(default="", description="What is new is called this.")
    target: str = Field(default="", description="Where an action leads: a state, a sequent action, `exit`, `error`, `cleanup`.")
    fields: dict[str, Any] = Field(default_factory=dict, description="In words of the text format; null takes a field away.")


class EditsBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    edits: list[EditItem] = Field(min_length=1, max_length=1_000)


class PublishBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    overwrite: bool = Field(default=False, description="Also when another version was made since the draft began.")


class LayoutItem(BaseModel):
    """Where the cards of a model's picture lie."""

    model_config = ConfigDict(extra="forbid")

    boxes: dict[str, list[float]] = Field(
        description="`[x, y]` by the name of the state, as in `layout:` of the text format.", max_length=20_000
    )


class DraftAnswer(BaseModel):
    """A model as its editors see it."""

    model_id: int
    modeluuid: str
    name: str
    base_version: int = Field(description="The version that the draft began from.")
    latest_version: int
    open: bool = Field(description="Whether anything was edited; false: this is the newest version.")
    changed_at: datetime
    changed_by: str
    undo: str | None = Field(description="What an undo takes back.")
    redo: str | None = Field(description="What a redo does again.")
    element_id: str | None = Field(description="The element that the last gesture was about.")
    document: dict[str, Any] = Field(description="The model in the JSON form of the text format.")
    layout: dict[str, list[float]]
    findings: list[FindingItem] = Field(description="What is wrong with it; errors forbid to publish it.")


class CaseBody(BaseModel):
    """A test case to add or change; what is left out stays as it is, or empty."""

    model_config = ConfigDict(extra="forbid")

    testcaseName: str | None = Field(default=None, max_length=MAX_NAME)
    name: str | None = Field(default=None, max_length=MAX_NAME, description="The same as `testcaseName`.")
    testcase: str | None = Field(
        default=None, max_length=200_000, description='`Action "search", State "Results"`: the steps as one text.'
    )
    steps: list[str | dict[str, Any]] | None = Field(
        default=None,
        max_length=10_000,
        description="The steps as in the text format: names of actions, or maps with `action` and `with`.",
    )
    description: str | None = Field(default=None, max_length=20_000)
    tags: str | list[str] | None = Field(default=None, description="A list, or one text with commas.")
    origin: str | None = Field(default=None, max_length=MAX_NAME)
    external_id: str | None = Field(default=None, max_length=MAX_NAME)
    parameters: dict[str, Scalar] | None = None

    @property
    def called(self) -> str | None:
        return self.name if self.testcaseName is None else self.testcaseName

    def tag_list(self) -> list[str] | None:
        if isinstance(self.tags, str):
            return [tag.strip() for tag in self.tags.split(",") if tag.strip()]
        return self.tags


def draft_answer(draft: Draft, findings: Sequence[Finding]) -> DraftAnswer:
    return DraftAnswer(
        model_id=draft.entry.id,
        modeluuid=draft.entry.uuid,
        name=draft.model.name,
        base_version=draft.base_version,
        latest_version=draft.entry.version,
        open=draft.is_open,
        changed_at=draft.changed_at,
        changed_by=draft.changed_by,
        undo=draft.undoes or None,
        redo=draft.redoes or None,
        element_id=draft.element or None,
        document=to_document(draft.model),
        layout=layout_item(draft).boxes,
        findings=finding_items(findings),
    )


def layout_item(draft: Draft) -> LayoutItem:
    """The boxes of the elements that there are, by name, so that two layouts can be compared line by line."""
    addresses = Addresses(draft.model.states, draft.model.global_actions)
    known = {state.id for state in draft.model.states}
    found = {addresses.of_element(own): [box.x, box.y] for own, box in draft.boxes.items() if own in known}
    return LayoutItem(boxes=dict(sorted(found.items())))


def boxes_of(item: LayoutItem, model: Model) -> dict[str, Box]:
    """Boxes by element id. Errors: RequestError for what is no state, or no place."""
    addresses, states = Addresses(model.states, model.global_actions), {state.id for state in model.states}
    found = {}
    for name, place in item.boxes.items():
        ids = [own for own in addresses.elements(name) if own in states]
        if len(ids) != 1:
            raise RequestError(f"the model has no state {name[:80]!r}", field="boxes")
        if len(place) != 2 or not all(-_FAR <= figure <= _FAR for figure in place):
            raise RequestError(f"the place of {name[:80]!r} is [x, y], each at most {_FAR:,}", field="boxes")
        found[ids[0]] = Box(x=place[0], y=place[1])
    return found

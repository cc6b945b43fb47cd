"""A model while it is edited: what the newest version becomes when somebody publishes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from melanzana.catalog.records import ModelEntry, Saved
from melanzana.graph.model import Box, Model


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRow:
    """The draft of a model as it is kept. `position` 0: there is nothing in it, and it began at no version."""

    model_id: int
    base_version: int  #: the version it began from
    revision: int  #: grows with every change
    position: int  #: the number of the gesture that made it what it is
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gesture:
    """One state of a draft and what led to it. The first one of a draft is where it began."""

    model_id: int
    number: int
    document: Mapping[str, Any] = field(repr=False)
    boxes: Mapping[str, Any] = field(repr=False)  #: `[x, y]` by element id
    sentence: str
    element: str  #: id of the element that it was about; empty: the model
    made_at: datetime
    made_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutRow:
    """Where the elements of a model are drawn, whatever version is shown."""

    model_id: int
    boxes: Mapping[str, Any]
    revision: int
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A model as an editor sees it: its draft, or its newest version while nothing was edited."""

    entry: ModelEntry
    model: Model = field(repr=False)  #: without layout
    boxes: Mapping[str, Box] = field(repr=False)  #: by element id; also of elements that only older versions have
    base_version: int
    revision: int
    position: int
    is_open: bool
    changed_at: datetime
    changed_by: str
    undoes: str = ""  #: what the next undo takes back; empty: nothing
    redoes: str = ""
    element: str = ""  #: id of the element that the last gesture was about

    @property
    def tag(self) -> str:
        """Changes with every change; the ETag without its quotes."""
        return f"{self.base_version}.{self.revision}"

    @property
    def is_behind(self) -> bool:
        """Was a newer version made since the draft began?"""
        return self.base_version != self.entry.version


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What became of a draft."""

    saved: Saved | None  #: None: the newest version says the same already
    draft: Draft

"""What the catalog knows of a model, of its versions and of its test cases."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from melanzana.graph.findings import Finding
from melanzana.graph.model import Model, TestCase


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """A model, as a list shows it. `id` is unique over all realms; the uuid is unique within one."""

    id: int
    realm: str
    uuid: str
    name: str
    group: str
    version: int  #: the newest one, from 1
    revision: int  #: grows with every change, also of layout and group; the ETag
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """One state of a model's logic. Only its layout and its source text may still change; `model_hash` never does."""

    model_id: int
    uuid: str
    version: int
    name: str
    model_hash: str
    document: Mapping[str, Any] = field(repr=False)  #: the form of `graph.formats.document`
    source: str | None = field(repr=False)  #: the text as it was uploaded; None when it came as values
    source_format: str  #: `text`, `dai`, `graphwalker` or `document`
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionSummary:
    """A version without its document, for lists."""

    version: int
    name: str
    model_hash: str
    source_format: str
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCaseEntry:
    """A test case with the integer by which DAI clients know it; `uuid` is its id in the model."""

    __test__ = False

    id: int
    model_id: int
    uuid: str
    name: str
    case: TestCase


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A model that was read and checked, on its way into the catalog."""

    model: Model = field(repr=False)
    document: Mapping[str, Any] = field(repr=False)
    model_hash: str
    group: str | None = None  #: None: keep the group of an existing model
    source: str | None = field(default=None, repr=False)
    source_format: str = "document"
    findings: tuple[Finding, ...] = ()  #: notes and warnings; errors never come this far


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What an upload led to."""

    entry: ModelEntry
    version: ModelVersion
    created: bool  #: whether a new version was made
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFilter:
    """Which models a list shows, ordered by id."""

    name: str | None = None  #: exact
    group: str | None = None  #: exact
    offset: int = 0
    limit: int | None = None  #: None: all of them

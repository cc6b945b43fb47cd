"""A run as the writers take it, wherever it came from: a server's answer or the events of a run on this machine.

`reading.py` makes it. `steps` may be gone through several times and are never copied into a list by a writer, so a writer's memory
does not grow with them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

#: Media types that browsers draw and never run.
IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"})


class Status(StrEnum):
    """How a step or a run came out."""

    PASSED = "passed"
    FAILED = "failed"  #: the system under test did something wrong
    ERROR = "error"  #: the test could not be carried out
    CANCELLED = "cancelled"  #: only of a run


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """One step that was performed or, in a dry run, generated."""

    number: int
    iteration: int
    kind: str  #: `state` or `action`
    element_id: str
    name: str
    status: Status
    message: str
    at_seconds: float  #: when it began, since the run's start
    duration_seconds: float
    depth: int  #: how many actions with sub-models it lies in
    model: str  #: uuid of the sub-model it belongs to; empty for the run's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that was kept for a step."""

    name: str
    media_type: str
    sha256: str
    size: int  #: bytes
    step: int | None
    file: str = ""  #: where its content lies, seen from the written file, with `/`; empty: only the server has it

    @property
    def is_image(self) -> bool:
        """Can a page show it as a picture?"""
        return self.media_type.partition(";")[0].strip().lower() in IMAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    covered: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunData:
    """A run that has ended."""

    model_name: str
    model_id: str  #: uuid
    model_version: int
    model_hash: str
    status: Status
    reason: str
    message: str
    run_id: int | None = None  #: None: it ran without a server
    execution_id: str | None = None
    test_case: str | None = None
    path: str
    seed: int
    on_error: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    suite: str | None = None
    dry_run: bool = False
    agent: str | None = None
    sut: str | None = None
    attempt: int = 1
    tags: tuple[str, ...] = ()
    started_at: datetime | None = None  #: None: it is not known
    duration_seconds: float = 0.0
    coverage: Mapping[str, Coverage] = field(default_factory=dict)  #: by kind: state, action, transition
    failing: StepRow | None = None  #: the first step that did not pass
    address: str = ""  #: of the server that has it, as `https://dai.example`
    replay: str = ""  #: the command that performs the same steps again
    step_count: int = 0
    steps: Iterable[StepRow] = field(default=(), repr=False)
    attachments: tuple[Attachment, ...] = field(default=(), repr=False)

    def attached_to(self, step: int | None) -> list[Attachment]:
        """What was kept with a step, as far as its content is at hand."""
        return [one for one in self.attachments if one.file and one.step == step] if step is not None else []

    @property
    def failing_page(self) -> str:
        """Where the failing step is shown with its pictures; empty when nobody knows."""
        if not self.address or self.run_id is None or self.failing is None:
            return ""
        return f"{self.address.rstrip('/')}/runs/{self.run_id}/steps/{self.failing.number}"

    @property
    def title(self) -> str:
        return f"{self.model_name} – run {self.run_id}" if self.run_id is not None else self.model_name

    @property
    def why(self) -> str:
        """Why it did not pass: the failing step's words, else those of the end."""
        return (self.failing.message if self.failing else "") or self.message or self.reason

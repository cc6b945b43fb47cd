"""What a schedule is: when a test configuration is started by itself, and with which wish."""

from dataclasses import dataclass, field
from datetime import datetime

from melanzana.configurations.records import StartWish
from melanzana.configurations.timing import Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleDraft:
    """The values of a schedule that a person chooses."""

    name: str
    configuration_id: str
    timing: Timing
    enabled: bool = True
    wish: StartWish = field(default_factory=StartWish)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A schedule as it is kept."""

    id: str  #: uuid
    realm: str
    draft: ScheduleDraft
    due_at: datetime | None  #: when it is started next; None: never again
    last_task: str | None  #: uuid of the task instance that it started last
    last_message: str  #: why the last start was refused; empty when it was not
    revision: int
    created_at: datetime
    created_by: str  #: in whose name it starts

"""What the server knows of an agent, which the original product calls an execution environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class AgentStatus(StrEnum):
    """Whether work can be sent; computed, never stored."""

    CONNECTED = "Connected"
    BUSY = "Busy"  #: holds at least one execution
    DRAINING = "Draining"  #: takes no more work; may still be at a run
    DISCONNECTED = "Disconnected"


class Departure(StrEnum):
    """How far the process that registered last is on its way out; the next registration begins anew."""

    NONE = ""
    LEAVING = "leaving"  #: takes no more work and ends with its last run
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """One agent identity. The process that last registered under it speaks with `session`."""

    id: int
    realm: str
    name: str  #: unique in the realm; no spaces, not only digits
    client_id: str | None  #: None until credentials were generated
    capabilities: frozenset[str]  #: as its process told
    labels: frozenset[str] = frozenset()  #: capabilities besides, given by an administrator
    draining: bool = False  #: an administrator wants that it takes no more work; stays until they say otherwise
    departure: Departure = Departure.NONE
    host: str
    version: str
    session: int  #: 0 until a process registered
    instance: str  #: of the process that registered last
    hosted: bool  #: started by the server
    internal: bool  #: for dry runs of the server; in no list
    config: Mapping[str, Any] = field(repr=False)  #: fields of the original product, kept and given back
    created_at: datetime
    last_seen_at: datetime | None

    @property
    def offers(self) -> frozenset[str]:
        """What a start may ask for."""
        return self.capabilities | self.labels

    @property
    def takes_work(self) -> bool:
        return not self.draining and self.departure is Departure.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentView:
    """An agent and how it is."""

    agent: Agent
    status: AgentStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentChange:
    """What a client changes of an agent; None and absent fields stay."""

    name: str | None = None
    labels: frozenset[str] | None = None
    draining: bool | None = None
    config: Mapping[str, Any] = field(default_factory=dict)  #: written over the fields that are there

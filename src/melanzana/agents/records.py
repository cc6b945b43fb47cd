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
    DISCONNECTED = "Disconnected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """One agent identity. The process that last registered under it speaks with `session`."""

    id: int
    realm: str
    name: str  #: unique in the realm; no spaces, not only digits
    client_id: str | None  #: None until credentials were generated
    capabilities: frozenset[str]
    host: str
    version: str
    session: int  #: 0 until a process registered
    instance: str  #: of the process that registered last
    hosted: bool  #: started by the server
    internal: bool  #: for dry runs of the server; in no list
    config: Mapping[str, Any] = field(repr=False)  #: fields of the original product, kept and given back
    created_at: datetime
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentView:
    """An agent and how it is."""

    agent: Agent
    status: AgentStatus

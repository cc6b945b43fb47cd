"""What the server knows of a system under test, of the lock on it, and of what a run asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class SutStatus(StrEnum):
    """Whether a run can have it; computed, never stored. The words are the original product's."""

    UNLOCKED = "Unlocked"
    LOCKED = "Locked"  #: a run has it
    DISABLED = "Disabled"  #: given to nobody; a run that has it keeps it


#: The filters of the original's page, and the status that each shows.
FILTERS = {"Available": SutStatus.UNLOCKED, "Locked": SutStatus.LOCKED, "Disabled": SutStatus.DISABLED}


@dataclass(frozen=True, slots=True, kw_only=True)
class SutConnection:
    """One way to reach a system under test. Only an agent uses it; the server never connects to it."""

    id: str  #: uuid
    type: str  #: a word of `connections.SPECS`
    fields: Mapping[str, Any]  #: what may be shown
    secrets: Mapping[str, Any] = field(repr=False)  #: what is sealed in the database and given to agents only


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Which attempt has a system under test."""

    sut_id: str
    run_id: int
    execution_id: str  #: uuid
    attempt: int
    agent_id: int
    taken_at: datetime
    expires_at: datetime  #: when it is free at the latest, should the agent never be heard again; each report moves it on


@dataclass(frozen=True, slots=True, kw_only=True)
class Sut:
    """A system under test, without the secrets of its connections."""

    id: str  #: uuid
    realm: str
    name: str  #: unique in the realm
    description: str
    enabled: bool
    criteria: tuple[str, ...]  #: tags to ask for it by
    environments: tuple[int, ...]  #: ids of the agents that may use it; empty: every agent
    connections: tuple[SutConnection, ...]  #: their `secrets` hold the names only, each with None
    created_at: datetime
    last_used_at: datetime | None
    lock: Lock | None = None

    @property
    def status(self) -> SutStatus:
        if self.lock is not None:
            return SutStatus.LOCKED
        return SutStatus.UNLOCKED if self.enabled else SutStatus.DISABLED


@dataclass(frozen=True, slots=True, kw_only=True)
class SutDraft:
    """What a client says of a system under test. A connection with a `uuid` keeps secrets it does not name."""

    name: str
    description: str = ""
    enabled: bool = True
    criteria: tuple[str, ...] = ()
    environments: tuple[int, ...] = ()
    connections: tuple[Mapping[str, Any], ...] = ()  #: each with `connection_type`


@dataclass(frozen=True, slots=True, kw_only=True)
class SutWish:
    """What a run asks for: this one, or any that has every one of these tags. Given both, it must be this one and have them."""

    sut_id: str | None = None
    criteria: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.sut_id is not None or bool(self.criteria)

    @property
    def handles(self) -> tuple[str, ...]:
        """The words that a system under test must answer to, every one."""
        named = () if self.sut_id is None else (f"id:{self.sut_id}",)
        return (*named, *(f"tag:{tag}" for tag in sorted(set(self.criteria))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The attempt that takes a system under test."""

    run_id: int
    execution_id: str
    attempt: int
    agent_id: int
    realm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignedSut:
    """A system under test in the hands of an attempt, secrets included: what the lease gives to the agent."""

    id: str
    name: str
    criteria: tuple[str, ...]
    connections: tuple[SutConnection, ...] = field(repr=False)

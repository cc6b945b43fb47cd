"""What the routes of systems under test read from a body and write into an answer. Secrets come in and never go out."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from melanzana.suts.connections import to_json, unknown_fields
from melanzana.suts.records import Lock, Sut, SutDraft, SutStatus
from melanzana.web.inputs import YesNo

_EXAMPLE: Any = {
    "name": "till-1",
    "enabled": True,
    "criteria": ["windows", "till"],
    "connections": [{"connection_type": "VNC", "host": "till-1.example.org", "port": 5900, "password": "…"}],
    "execution_environments": ["lab-1"],
}
#: What answers carry besides what bodies do: a body that was read as an answer may be sent back as it is.
_GIVEN = frozenset({"id", "status", "lock", "created_at", "last_used_at", "ignored_fields"})
Text = Annotated[str, StringConstraints(max_length=2_048, pattern=r"^[^\x00]*$")]
#: The words of the filter of the original's page.
Filter = Literal["All", "Available", "Locked", "Disabled"]


class ConnectionBody(BaseModel):
    """A way to reach it. Which fields there are depends on the type; the reference lists them."""

    model_config = ConfigDict(extra="allow")

    connection_type: Literal["VNC", "RDP", "WebDriver", "HTTP", "ADB", "Free"]
    uuid: Text | None = Field(None, description="Of a connection that is there: secrets that are left out stay as they are.")


class SutBody(BaseModel):
    """A system under test."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_EXAMPLE]})

    name: Text = Field(description="Unique in the realm.")
    description: Text = ""
    enabled: YesNo = Field(True, description="false: it is given to no run; a run that has it keeps it.")
    criteria: list[Text] = Field([], max_length=50, description="Tags that a start call can ask for instead of `sut_id`.")
    connections: list[ConnectionBody] = Field([], max_length=50)
    execution_environments: list[Text] = Field(
        [], max_length=50, description="Names of the agents that may use it; none: every agent."
    )

    def draft(self, environments: tuple[int, ...]) -> SutDraft:
        return SutDraft(
            name=self.name,
            description=self.description,
            enabled=self.enabled,
            criteria=tuple(self.criteria),
            environments=environments,
            connections=tuple(self.bodies()),
        )

    def bodies(self) -> list[dict[str, Any]]:
        return [one.model_dump(exclude_unset=True) for one in self.connections]

    def ignored(self) -> list[str]:
        """Dotted names of the fields that had no effect. Raises RequestError for a type of connection that there is not."""
        own = [name[:256] for name in self.model_extra or {} if name not in _GIVEN]
        return own + [name for number, body in enumerate(self.bodies()) for name in unknown_fields(body, f"connections.{number}")]


class ConnectionItem(BaseModel):
    """A connection without its secrets; fields of its type stand beside these."""

    model_config = ConfigDict(extra="allow")

    uuid: str
    connection_type: str
    has_secrets: list[str] = Field(description="Names of the secret fields that are set.")


class LockItem(BaseModel):
    """Which run has it."""

    execution_id: str
    run_id: int
    attempt: int
    agent_id: int
    taken_at: datetime
    expires_at: datetime = Field(description="When it is free at the latest, should its agent never be heard again.")


class SutItem(BaseModel):
    """A system under test."""

    id: str
    name: str
    description: str
    enabled: bool
    status: SutStatus
    criteria: list[str]
    connections: list[ConnectionItem]
    execution_environments: list[str] = Field(description="Names of agents; `#` and an id for one that was deleted.")
    lock: LockItem | None
    created_at: datetime
    last_used_at: datetime | None
    ignored_fields: list[str] = Field([], description="Fields of the request that had no effect.")


class SutListAnswer(BaseModel):
    items: list[SutItem]
    total_count: int


class UnlockAnswer(BaseModel):
    """The run that has it was asked to end; it is free when that run's agent has stopped."""

    status: SutStatus
    execution_id: str
    free_at_the_latest: datetime


def sut_item(sut: Sut, agents: Mapping[int, str], ignored: list[str] | None = None) -> SutItem:
    names = ("id", "name", "description", "enabled", "status", "created_at", "last_used_at")
    return SutItem(
        **{name: getattr(sut, name) for name in names},
        criteria=list(sut.criteria),
        connections=[ConnectionItem(**to_json(one, secrets=False), has_secrets=sorted(one.secrets)) for one in sut.connections],
        execution_environments=[agents.get(agent_id, f"#{agent_id}") for agent_id in sut.environments],
        lock=None if sut.lock is None else _lock_item(sut.lock),
        ignored_fields=ignored or [],
    )


def fits(sut: Sut, wanted: Filter) -> bool:
    return wanted == "All" or sut.status == {"Available": SutStatus.UNLOCKED}.get(wanted, wanted)


def _lock_item(lock: Lock) -> LockItem:
    return LockItem(**{name: getattr(lock, name) for name in LockItem.model_fields})

"""What the agent routes read from a body and write into an answer.

Bodies of the agent protocol are documented here and understood in `protocol/wire.py`; fields of a newer version are dropped. An
environment of the original product has fields that mean nothing here (`recordpath`, `epphost`, …): kept, and given back.
"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StrictBool, StrictInt, StrictStr, StringConstraints

from melanzana.agents.records import AgentChange, AgentStatus, AgentView
from melanzana.errors import RequestError
from melanzana.protocol.events import BATCH_LIMIT
from melanzana.protocol.peer import PROTOCOL_VERSION
from melanzana.protocol.wire import CAPABILITY_LIMIT, WHOLE_LIMIT

ID_LIMIT = 2**63 - 1
Whole = Annotated[int, Field(ge=1, le=WHOLE_LIMIT)]
Word = Annotated[str, StringConstraints(max_length=256, pattern=r"^[^\x00]*$")]
ExecutionId = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z-]+$")]
#: Fields that this server gives and nobody sets.
_OWN = frozenset(
    {
        "id",
        "status",
        "is_hosted_agent",
        "capabilities",
        "labels",
        "draining",
        "host",
        "version",
        "created_at",
        "last_seen_at",
        "client_id",
        "realm",
    }
)
_CONFIG_LIMIT = 50


class AgentBody(BaseModel):
    """An execution environment; fields besides `name` are kept as they are."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"examples": [{"name": "lab-1", "recordpath": "", "suite": "/eggplant/Suites"}]}
    )

    name: Word | None = Field(None, description="Unique in the realm: letters, digits, `.`, `_`, `-`.")
    labels: list[Word] | None = Field(None, max_length=64, description="Capabilities besides those that its process tells.")
    draining: StrictBool | None = Field(None, description="Whether it is to take no more work; a run that it has goes on.")

    def change(self) -> AgentChange:
        """What to write. Raises RequestError when there are too many fields to keep."""
        labels = None if self.labels is None else frozenset(self.labels)
        return AgentChange(name=self.name, labels=labels, draining=self.draining, config=self.config())

    def config(self) -> dict[str, Any]:
        """The fields to keep. Raises RequestError when there are too many."""
        kept = {name: value for name, value in (self.model_extra or {}).items() if name not in _OWN}
        if len(kept) > _CONFIG_LIMIT:
            raise RequestError(f"an agent keeps at most {_CONFIG_LIMIT} fields of its own", field="body")
        return kept


class AgentItem(BaseModel):
    """An agent; fields of its own creation stand beside these."""

    model_config = ConfigDict(extra="allow")

    id: int
    name: str
    status: AgentStatus
    is_hosted_agent: bool = Field(description="Whether the server started it.")
    capabilities: list[str] = Field(description="As its process told at registration; empty before.")
    labels: list[str] = Field(description="Capabilities that were given to it besides.")
    draining: bool = Field(description="Whether it was told to take no more work.")
    host: str
    version: str
    created_at: datetime
    last_seen_at: datetime | None


AgentRef = Annotated[StrictInt, Field(ge=1, le=ID_LIMIT)] | Annotated[StrictStr, StringConstraints(min_length=1, max_length=100)]


class SecretsBody(BaseModel):
    """Whose access keys to make: `agent_id`, or several in `agent_ids`."""

    agent_id: AgentRef | None = Field(None, description="`id` or name of an agent.")
    agent_ids: list[AgentRef] = Field([], max_length=100, description="The same of several: the file has a section for each.")
    host_url: Word | None = Field(None, description="Where the agent reaches this server; its own base address when left out.")

    def refs(self) -> list[int | str]:
        """Ids and names; a text of digits is an id. Raises RequestError when there are none."""
        given = [*([] if self.agent_id is None else [self.agent_id]), *self.agent_ids]
        if not given:
            raise RequestError("agent_id is missing: name the agent, or several in agent_ids", field="agent_id")
        return [int(ref) if str(ref).isdecimal() and len(str(ref)) < 19 else ref for ref in given]


class SessionBody(BaseModel):
    """What an agent process says of itself."""

    capabilities: list[Word] = Field(max_length=CAPABILITY_LIMIT, description="`python`, `dry`, and free labels.")
    host: Word = ""
    version: Word = ""
    protocol: Whole = PROTOCOL_VERSION
    instance: Word = Field("", description="Random, one per process: sent again, it gets the same session.")


class DepartureBody(BaseModel):
    session: Whole | None = Field(None, description="Which process; without, whichever there is.")
    gone: StrictBool = Field(False, description="Whether it has ended; else it ends with its last run.")


class DepartureAnswer(BaseModel):
    agent_name: str
    status: AgentStatus
    session: int = Field(description="Of the process that leaves; 0 when there never was one.")


class LeaseBody(BaseModel):
    session: Whole
    wait_seconds: FiniteFloat = Field(0.0, ge=0, description="How long the answer may be held; at most 25 s.")


class ReportBody(BaseModel):
    """A batch of numbered events; none is a heartbeat."""

    session: Whole
    execution_id: ExecutionId
    attempt: Annotated[int, Field(ge=1, le=2**31 - 1)]
    first_seq: Annotated[int, Field(ge=1, le=2**31 - 1)] = 1
    events: list[dict[str, Any]] = Field([], max_length=BATCH_LIMIT)
    wait_seconds: FiniteFloat = Field(0.0, ge=0, description="How long an empty report may be held.")


class SuiteBody(BaseModel):
    """Whose stored suite is wanted."""

    session: Whole
    execution_id: ExecutionId
    attempt: Annotated[int, Field(ge=1, le=2**31 - 1)]


class SessionAnswer(BaseModel):
    """The identity of this process and the figures to keep to."""

    agent_id: int
    agent_name: str
    session: int
    heartbeat_seconds: float
    lease_seconds: float
    kill_seconds: float
    poll_seconds: float


class LeaseAnswer(BaseModel):
    """One attempt at one execution."""

    execution_id: str
    run_id: int
    attempt: int
    snapshot: dict[str, Any]
    lease_seconds: float
    next_seq: int
    sut: dict[str, Any] | None = Field(description="The system under test that is locked for it, connections with their secrets.")


class DirectiveAnswer(BaseModel):
    """The answer to a report."""

    next_seq: int
    lease_seconds: float
    abort_requested: bool
    resume_requested: bool
    pause_requested: bool
    ended: bool


class AttachmentAnswer(BaseModel):
    sha256: str


def agent_item(view: AgentView) -> AgentItem:
    agent = view.agent
    own = {name: getattr(agent, name) for name in ("id", "name", "host", "version", "created_at", "last_seen_at")}
    return AgentItem(
        **{name: value for name, value in agent.config.items() if name not in _OWN and name != "name"},
        **own,
        status=view.status,
        is_hosted_agent=agent.hosted,
        capabilities=sorted(agent.capabilities),
        labels=sorted(agent.labels),
        draining=agent.draining,
    )

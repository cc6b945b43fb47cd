"""The SQL of agents: rows in, records out. Only `agents/service.py` opens it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Column, Connection, Table, Text, UniqueConstraint, bindparam, delete, insert, select, update

from melanzana.agents.records import Agent, Departure
from melanzana.errors import ConflictError, NotFoundError, SessionReplacedError
from melanzana.protocol.peer import Hello
from melanzana.storage.prepared import Prepared
from melanzana.storage.schema import metadata
from melanzana.storage.types import Instant, JsonText, RowId

agents = Table(
    "agents",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("realm", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("client_id", Text),
    Column("capabilities", JsonText, nullable=False),
    Column("labels", JsonText, nullable=False),
    Column("draining", Boolean, nullable=False),
    Column("departure", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("session", RowId, nullable=False),
    Column("instance", Text, nullable=False),
    Column("hosted", Boolean, nullable=False),
    Column("internal", Boolean, nullable=False),
    Column("config", JsonText, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("last_seen_at", Instant),
    UniqueConstraint("realm", "name"),
    sqlite_autoincrement=True,
)
#: Asked at every request of an agent.
_BY_ID = Prepared(select(agents).where(agents.c.id == bindparam("ref"), agents.c.realm == bindparam("of_realm")))
_BY_NAME = Prepared(select(agents).where(agents.c.name == bindparam("ref"), agents.c.realm == bindparam("of_realm")))
_TOUCH = Prepared(update(agents).where(agents.c.id == bindparam("of_agent")).values(last_seen_at=bindparam("at", type_=Instant)))


def add(tx: Connection, agent: Agent) -> Agent:
    """Keep a new agent; its id is given by the database and never used again. Raises ConflictError when the name is taken."""
    _require_free(tx, agent.realm, agent.name, None)
    values = {name: getattr(agent, name) for name in Agent.__dataclass_fields__ if name != "id"}
    values |= {"capabilities": sorted(agent.capabilities), "labels": sorted(agent.labels), "config": dict(agent.config)}
    return _agent(tx.execute(insert(agents).values(values).returning(agents)).mappings().one())


def find(tx: Connection, realm: str, ref: int | str) -> Agent:
    """The agent with this id or name. Raises NotFoundError."""
    row = (_BY_ID if isinstance(ref, int) else _BY_NAME).first(tx, {"of_realm": realm, "ref": ref})
    if row is None:
        raise NotFoundError(f"there is no agent {ref!r}", field="agent_id")
    return _agent(row)


def all_of(tx: Connection, realm: str) -> tuple[Agent, ...]:
    """Oldest first, internal ones too."""
    return tuple(_agent(row) for row in tx.execute(select(agents).where(agents.c.realm == realm).order_by(agents.c.id)).mappings())


def names_of(tx: Connection, realm: str, agent_ids: Sequence[int]) -> dict[int, str]:
    """Names by id."""
    rows = tx.execute(select(agents.c.id, agents.c.name).where(agents.c.realm == realm, agents.c.id.in_(set(agent_ids))))
    return {row.id: row.name for row in rows}


def change(tx: Connection, agent: Agent, **values: Any) -> Agent:
    """Write columns of an agent. Raises ConflictError when its new name is taken, NotFoundError when it is gone."""
    if "name" in values:
        _require_free(tx, agent.realm, values["name"], agent.id)
    row = tx.execute(update(agents).where(agents.c.id == agent.id).values(values).returning(agents)).mappings().first()
    if row is None:
        raise NotFoundError(f"there is no agent {agent.id}", field="agent_id")
    return _agent(row)


def remove(tx: Connection, agent_id: int) -> None:
    tx.execute(delete(agents).where(agents.c.id == agent_id))


def register(tx: Connection, agent: Agent, hello: Hello, at: datetime) -> Agent:
    """Note what a process says of itself and give it the next session; a process that says it twice keeps its own."""
    again = bool(hello.instance) and hello.instance == agent.instance and agent.session > 0
    return change(
        tx,
        agent,
        session=agent.session if again else agents.c.session + 1,
        instance=hello.instance,
        capabilities=sorted(hello.capabilities),
        host=hello.host,
        version=hello.version,
        last_seen_at=at,
        departure=agent.departure if again else Departure.NONE,
    )


def require_session(tx: Connection, realm: str, agent_id: int, session: int) -> Agent:
    """The agent, if this is its newest session. Raises SessionReplacedError when it is not, or the agent is gone."""
    row = _BY_ID.first(tx, {"of_realm": realm, "ref": agent_id})
    if row is None:
        raise SessionReplacedError(f"agent {agent_id} was deleted; this process must stop")
    if row["session"] != session:
        raise SessionReplacedError(
            f"another process registered as agent {row['name']!r}{_where(row)} (session {row['session']}); this one ({session}) "
            "must stop. Start one process for each agent: make another agent for each further one, with keys of its own",
            session=row["session"],
        )
    return _agent(row)


def _where(row: Mapping[Any, Any]) -> str:
    return f" on {row['host']}" if row["host"] else ""


def touch(tx: Connection, agent_id: int, at: datetime) -> None:
    _TOUCH.run(tx, {"of_agent": agent_id, "at": at})


def _require_free(tx: Connection, realm: str, name: str, own_id: int | None) -> None:
    taken = tx.execute(select(agents.c.id).where(agents.c.realm == realm, agents.c.name == name)).scalar()
    if taken is not None and taken != own_id:
        raise ConflictError(f"there is already an agent {name!r}; choose another name", field="name", state="exists")


def _agent(row: Mapping[Any, Any]) -> Agent:
    sets = {name: frozenset(row[name]) for name in ("capabilities", "labels")}
    return Agent(**{**row, **sets, "departure": Departure(row["departure"])})

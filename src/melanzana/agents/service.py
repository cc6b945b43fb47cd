"""The door of agents: their records and credentials for clients, the peer of `protocol/peer.py` for the agents themselves.

Callers: `agents/api.py`, the server's start (`hosted_ini`), the simulator (`peer_for`); `id_of` is handed to `executions/api.py`,
`names` to `reports/`. One identity has one session: every claim and report checks, inside its own transaction, that its session is
the newest. What an agent does with an execution is decided in `executions/service.py`.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection

from melanzana.access.records import Actor, Principal
from melanzana.agents import store
from melanzana.agents.keys import Credentials, Keys
from melanzana.agents.naming import check_labels, check_name
from melanzana.agents.presence import Presence
from melanzana.agents.records import Agent, AgentChange, AgentStatus, AgentView, Departure
from melanzana.clock import Clock
from melanzana.errors import AgentDrainedError, InsufficientScopeError, NotFoundError, RequestError
from melanzana.executions.figures import LeaseFigures
from melanzana.executions.records import HELD, Attached, ClaimingAgent, ExecutionFilter
from melanzana.executions.service import ExecutionService, Fence
from melanzana.protocol.peer import PROTOCOL_VERSION, Directive, Hello, Lease, Peer, Report, Session
from melanzana.storage.database import Database
from melanzana.storage.drafts import Draft

#: Who renews the keys of the agents that the server starts itself.
_SERVER = Actor(kind="server", id="server", name="server")


#: Runs under way that are looked through for those of an agent.
_MOST_HELD = 10_000


class Blobs(Protocol):
    """Where attachments are kept."""

    def draft(self) -> Draft: ...

    def get(self, digest: str) -> bytes: ...

    def keep(self, draft: Draft) -> str: ...


class AgentService:
    """Who can do the work."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        executions: ExecutionService,
        figures: LeaseFigures,
        *,
        clients: Credentials,
        blobs: Blobs,
    ) -> None:
        self._database, self._clock, self._executions, self._figures = database, clock, executions, figures
        self._keys, self._blobs = Keys(database, clients), blobs
        self._presence = Presence(database, clock, figures)

    # --- records ------------------------------------------------------------

    async def create(
        self,
        realm: str,
        name: str,
        config: Mapping[str, Any] | None = None,
        labels: Collection[str] = (),
        *,
        hosted: bool = False,
        internal: bool = False,
    ) -> AgentView:
        """Raises RequestError for a bad name or label, ConflictError for a name that is taken."""
        check_name(name)
        check_labels(labels)
        fresh = Agent(
            id=0,
            realm=realm,
            name=name,
            client_id=None,
            capabilities=frozenset(),
            labels=frozenset(labels),
            host="",
            version="",
            session=0,
            instance="",
            hosted=hosted,
            internal=internal,
            config=config or {},
            created_at=self._clock.now(),
            last_seen_at=None,
        )
        agent = await self._database.write(lambda tx: store.add(tx, fresh))
        return AgentView(agent=agent, status=AgentStatus.DISCONNECTED)

    async def list(self, realm: str) -> tuple[AgentView, ...]:
        """Every agent of the realm, oldest first; internal ones are left out."""
        agents = await self._database.read(lambda tx: store.all_of(tx, realm))
        busy = await self._executions.busy_agents(realm)
        return tuple(self._view(agent, busy) for agent in agents if not agent.internal)

    async def get(self, realm: str, ref: int | str) -> AgentView:
        """By id or name. Raises NotFoundError, also for an internal one."""
        agent = await self._public(realm, ref)
        return self._view(agent, await self._executions.busy_agents(realm))

    async def id_of(self, realm: str, ref: int | str) -> int:
        """The id of the agent with this id or name. Raises NotFoundError."""
        return (await self._public(realm, ref)).id

    async def names(self, realm: str, agent_ids: Sequence[int]) -> Mapping[int, str]:
        """Names by id, of internal agents too; agents that are gone are left out."""
        return await self._database.read(lambda tx: store.names_of(tx, realm, agent_ids))

    async def update(self, realm: str, ref: int | str, change: AgentChange) -> AgentView:
        """Make a change; what the agent waits for is answered at once, so that it acts on it.

        Raises NotFoundError, RequestError for a bad name or label, ConflictError for a name that is taken.
        """
        if change.name is not None:
            check_name(change.name)
        check_labels(change.labels or frozenset())
        before = await self._public(realm, ref)
        agent = await self._database.write(lambda tx: store.change(tx, before, **_columns(before, change)))
        if (agent.offers, agent.draining) != (before.offers, before.draining):
            self._executions.waker.agent_changed(realm, agent.id)
        return self._view(agent, await self._executions.busy_agents(realm))

    async def delete(self, realm: str, ref: int | str, *, actor: Actor) -> None:
        """Remove the agent and end its credentials at once. Raises NotFoundError.

        Whatever it waits for is refused now; its process ends the run it has. On the server that run is lost when its lease lapses,
        not before, since nobody can know that the process has heard.
        """
        agent = await self._public(realm, ref)
        await self._keys.revoke(agent, actor)
        await self._database.write(lambda tx: store.remove(tx, agent.id))
        self._presence.forget(agent.id)
        held = await self._executions.list(realm, ExecutionFilter(states=HELD, limit=_MOST_HELD))
        for run in held.items:
            if run.agent_id == agent.id:
                self._executions.waker.changed(run.id)
        self._executions.waker.agent_changed(realm, agent.id)

    # --- credentials ------------------------------------------------------------

    async def ini_text(self, realm: str, refs: Sequence[int | str], host_url: str | None = None, *, actor: Actor) -> str:
        """The `.ini` file of agents with new credentials, a section for each; those they had before end at once.

        `host_url` is the address at which the agents reach this server; None: the server's own base address.
        Raises NotFoundError, and RequestError for a bad address.
        """
        return await self._keys.ini([await self._public(realm, ref) for ref in dict.fromkeys(refs)], host_url, actor)

    async def hosted_ini(self, realm: str, name: str, *, internal: bool, base_url: str) -> str:
        """The same for an agent that the server starts itself; it is made when it does not exist."""
        try:
            agent = await self._database.read(lambda tx: store.find(tx, realm, name))
        except NotFoundError:
            agent = (await self.create(realm, name, hosted=True, internal=internal)).agent
        return await self._keys.ini([agent], base_url, _SERVER)

    # --- the agent protocol ------------------------------------------------------------

    def peer_for(self, principal: Principal) -> Peer:
        """This server as the agent with these credentials sees it."""
        return BoundPeer(self, principal)

    async def register(self, principal: Principal, hello: Hello) -> Session:
        """Begin a session; the one before it ends. Raises RequestError for a protocol version that is not spoken here."""
        if not PROTOCOL_VERSION - 1 <= hello.protocol <= PROTOCOL_VERSION:
            raise RequestError(
                f"the agent speaks protocol {hello.protocol}, this server {PROTOCOL_VERSION} and the one before; "
                "install versions that are at most one apart",
                field="protocol",
            )
        agent_id, now = _agent_id(principal), self._clock.now()

        def change(tx: Connection) -> Agent:
            return store.register(tx, store.find(tx, principal.realm, agent_id), hello, now)

        agent = await self._database.write(change)
        self._presence.hear(agent_id, noted=True)
        return Session(
            agent_id=agent.id,
            agent_name=agent.name,
            session=agent.session,
            heartbeat_seconds=self._figures.heartbeat_seconds,
            lease_seconds=self._figures.lease_seconds,
            kill_seconds=self._figures.kill_seconds,
            poll_seconds=self._figures.poll_seconds,
        )

    async def lease(self, principal: Principal, session: int, wait_seconds: float) -> Lease | None:
        """Work for the agent, held up to `wait_seconds`; None at once when what it may take has changed meanwhile.

        Raises SessionReplacedError, and AgentDrainedError when the process is to end with its last run.
        """
        agent_id, now = _agent_id(principal), self._clock.now()

        def change(tx: Connection) -> Agent:
            agent = store.require_session(tx, principal.realm, agent_id, session)
            store.touch(tx, agent_id, now)
            return agent

        agent = await self._database.write_row(change, f"agent {agent_id}")
        self._presence.hear(agent_id, noted=True)
        if agent.departure is not Departure.NONE:
            raise AgentDrainedError(f"agent {agent.name!r} takes no more work: this process ends with its last run")
        if not agent.takes_work:
            await self._hold(agent, wait_seconds)
            return None
        try:
            lease = await self._executions.claim(_claiming(agent, session), wait_seconds, _unchanged(agent))
        except _AgentChangedError:
            return None
        self._presence.hear(agent_id)
        return lease

    async def leave(self, principal: Principal, session: int | None, *, gone: bool) -> AgentView:
        """Note that the process of this session, None: whichever there is, takes no more work; `gone`: that it has ended.

        What it waits for is answered at once. Raises SessionReplacedError.
        """
        return await self._depart(principal.realm, _agent_id(principal), session, gone=gone)

    async def retire(self, realm: str, name: str) -> AgentView:
        """Ask the process that works under this name to end with its last run. Raises NotFoundError."""
        agent = await self._database.read(lambda tx: store.find(tx, realm, name))
        return await self._depart(realm, agent.id, None, gone=False)

    async def _depart(self, realm: str, agent_id: int, session: int | None, *, gone: bool) -> AgentView:
        def change(tx: Connection) -> Agent:
            any_session = session is None
            agent = store.find(tx, realm, agent_id) if any_session else store.require_session(tx, realm, agent_id, session or 0)
            if agent.session == 0 or agent.departure is Departure.GONE:
                return agent
            return store.change(tx, agent, departure=Departure.GONE if gone else Departure.LEAVING)

        agent = await self._database.write(change)
        self._executions.waker.agent_changed(realm, agent_id)
        return self._view(agent, await self._executions.busy_agents(realm))

    async def _hold(self, agent: Agent, wait_seconds: float) -> None:
        """Keep an agent that is to take no work until something about it changes."""
        with self._executions.waker.listen(("agent", agent.id)) as signal:
            now = await self._database.read(lambda tx: store.find(tx, agent.realm, agent.id))
            if not now.takes_work and not self._executions.is_closing:
                await signal.wait(min(wait_seconds, self._figures.poll_seconds))

    async def report(self, principal: Principal, session: int, report: Report) -> Directive:
        """Raises SessionReplacedError, StaleAttemptError, NotFoundError, RequestError."""
        agent_id = _agent_id(principal)
        self._presence.hear(agent_id)
        await self._presence.note(agent_id)
        reporting = ClaimingAgent(agent_id=agent_id, session=session, realm=principal.realm)
        return await self._executions.report(reporting, report, _fence(principal.realm, agent_id, session))

    def draft(self) -> Draft:
        """Where the content of an attachment is collected while it arrives."""
        return self._blobs.draft()

    async def store(self, principal: Principal, session: int, execution_id: str, attempt: int, draft: Draft) -> str:
        """Keep an attachment of an attempt that is the agent's. Raises as `report`, and UnavailableError."""
        agent_id = _agent_id(principal)
        self._presence.hear(agent_id)
        storing = ClaimingAgent(agent_id=agent_id, session=session, realm=principal.realm)
        fence = _fence(principal.realm, agent_id, session)
        await self._executions.keep(storing, execution_id, attempt, Attached(draft.digest, draft.size), fence)
        return await asyncio.to_thread(self._blobs.keep, draft)

    async def suite(self, principal: Principal, session: int, execution_id: str, attempt: int) -> bytes:
        """The stored suite of an attempt that is the agent's; renews its lease. Raises as `report`, and UnavailableError."""
        await self.report(principal, session, Report(execution_id=execution_id, attempt=attempt))
        stored = (await self._executions.get(principal.realm, execution_id)).snapshot.stored_suite
        if stored is None:
            raise NotFoundError("the run uses no stored suite", field="execution_id")
        return await asyncio.to_thread(self._blobs.get, stored["sha256"])

    # --- small things ------------------------------------------------------------

    async def _public(self, realm: str, ref: int | str) -> Agent:
        agent = await self._database.glance(lambda tx: store.find(tx, realm, ref))
        if agent.internal:
            raise NotFoundError(f"there is no agent {ref!r}", field="agent_id")
        return agent

    def _view(self, agent: Agent, busy: frozenset[int]) -> AgentView:
        return AgentView(agent=agent, status=self._presence.status(agent, busy))


class _AgentChangedError(Exception):
    """What the agent may take is not any more what it was when it began to wait; never leaves this room."""


def _fence(realm: str, agent_id: int, session: int) -> Fence:
    def fence(tx: Connection) -> None:
        store.require_session(tx, realm, agent_id, session)

    return fence


def _unchanged(agent: Agent) -> Fence:
    """Lets the agent claim only as what it was when it began to wait."""

    def fence(tx: Connection) -> None:
        now = store.require_session(tx, agent.realm, agent.id, agent.session)
        if not now.takes_work or now.offers != agent.offers:
            raise _AgentChangedError("the agent has changed")

    return fence


@dataclass(frozen=True, slots=True)
class BoundPeer:
    """The service with one agent's credentials."""

    service: AgentService
    principal: Principal

    async def register(self, hello: Hello) -> Session:
        return await self.service.register(self.principal, hello)

    async def lease(self, session: Session, wait_seconds: float) -> Lease | None:
        return await self.service.lease(self.principal, session.session, wait_seconds)

    async def report(self, session: Session, report: Report) -> Directive:
        return await self.service.report(self.principal, session.session, report)

    async def leave(self, session: Session, *, gone: bool) -> None:
        await self.service.leave(self.principal, session.session, gone=gone)

    async def store(self, session: Session, lease: Lease, content: bytes) -> str:
        with self.service.draft() as draft:
            draft.write(content)
            return await self.service.store(self.principal, session.session, lease.execution_id, lease.attempt, draft)

    async def suite(self, session: Session, lease: Lease) -> bytes:
        return await self.service.suite(self.principal, session.session, lease.execution_id, lease.attempt)


def _claiming(agent: Agent, session: int) -> ClaimingAgent:
    return ClaimingAgent(agent_id=agent.id, session=session, realm=agent.realm, capabilities=agent.offers, name=agent.name)


def _agent_id(principal: Principal) -> int:
    if principal.agent_id is None:
        raise InsufficientScopeError("these credentials belong to no agent", scope="agents:work")
    return principal.agent_id


def _columns(before: Agent, change: AgentChange) -> dict[str, Any]:
    given: dict[str, Any] = {"name": change.name, "draining": change.draining}
    if change.labels is not None:
        given["labels"] = sorted(change.labels)
    return {"config": {**before.config, **change.config}} | {name: value for name, value in given.items() if value is not None}

"""The door of agents: their records and credentials for clients, the peer of `protocol/peer.py` for the agents themselves.

Callers: `agents/api.py`, the server's start (`hosted_ini`), the simulator (`peer_for`); `id_of` is handed to `executions/api.py`,
`names` to `reports/`. One identity has one session: every claim and report checks, inside its own transaction, that its session is
the newest. What an agent does with an execution is decided in `executions/service.py`.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from sqlalchemy import Connection

from melanzana.access.records import Actor, Principal, PrincipalKind
from melanzana.agents import store
from melanzana.agents.records import Agent, AgentStatus, AgentView
from melanzana.clients.records import CreatedClient
from melanzana.clock import Clock
from melanzana.errors import ConflictError, InsufficientScopeError, NotFoundError, RequestError
from melanzana.executions.figures import LeaseFigures
from melanzana.executions.records import Attached, ClaimingAgent
from melanzana.executions.service import ExecutionService, Fence
from melanzana.protocol.peer import PROTOCOL_VERSION, Directive, Hello, Lease, Peer, Report, Session
from melanzana.storage.database import Database
from melanzana.storage.drafts import Draft

_NAME = re.compile(r"\w[\w.-]{0,99}")
_RESERVED = frozenset({"any", "default"})  #: a start call's word for every agent; a section that `.ini` readers treat apart
_URL = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")

#: Who renews the keys of the agents that the server starts itself.
_SERVER = Actor(kind="server", id="server", name="server")


class Credentials(Protocol):
    """What this room needs of the clients' room."""

    async def create_client(
        self,
        realm: str,
        name: str,
        description: str = "",
        *,
        actor: Actor,
        kind: PrincipalKind = PrincipalKind.API_CLIENT,
        agent_id: int | None = None,
    ) -> CreatedClient: ...

    async def regenerate_secret(self, realm: str, client_id: str, *, actor: Actor) -> CreatedClient: ...

    async def revoke_client(self, realm: str, client_id: str, *, actor: Actor) -> object: ...


class Blobs(Protocol):
    """Where attachments are kept."""

    def draft(self) -> Draft: ...

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
        self._clients, self._blobs = clients, blobs
        self._heard: dict[int, float] = {}  #: monotonic seconds of the last word of each agent to this process
        self._noted: dict[int, float] = {}  #: the same of the last one that was written down

    # --- records ------------------------------------------------------------

    async def create(
        self, realm: str, name: str, config: Mapping[str, Any] | None = None, *, hosted: bool = False, internal: bool = False
    ) -> AgentView:
        """Raises RequestError for a bad name, ConflictError for one that is taken."""
        _check_name(name)
        fresh = Agent(
            id=0,
            realm=realm,
            name=name,
            client_id=None,
            capabilities=frozenset(),
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

    async def update(self, realm: str, ref: int | str, name: str | None, config: Mapping[str, Any]) -> AgentView:
        """Give a new name, when one is given, and write fields of `config` over the old ones.

        Raises NotFoundError, RequestError for a bad name, ConflictError for one that is taken.
        """
        if name is not None:
            _check_name(name)
        before = await self._public(realm, ref)
        values: dict[str, Any] = {"config": {**before.config, **config}} | ({} if name is None else {"name": name})
        agent = await self._database.write(lambda tx: store.change(tx, before, **values))
        return self._view(agent, await self._executions.busy_agents(realm))

    async def delete(self, realm: str, ref: int | str, *, actor: Actor) -> None:
        """Remove the agent and end its credentials at once; what it holds is treated as lost. Raises NotFoundError."""
        agent = await self._public(realm, ref)
        await self._revoke(agent, actor)
        await self._database.write(lambda tx: store.remove(tx, agent.id))
        self._heard.pop(agent.id, None)
        self._noted.pop(agent.id, None)

    # --- credentials ------------------------------------------------------------

    async def ini_text(self, realm: str, ref: int | str, host_url: str | None = None, *, actor: Actor) -> str:
        """The `.ini` file of an agent with new credentials; those it had before end at once.

        `host_url` is the address at which the agent reaches this server; None: the server's own base address.
        Raises NotFoundError, and RequestError for a bad address.
        """
        return await self._ini(await self._public(realm, ref), host_url, actor)

    async def hosted_ini(self, realm: str, name: str, *, internal: bool, base_url: str) -> str:
        """The same for an agent that the server starts itself; it is made when it does not exist."""
        try:
            agent = await self._database.read(lambda tx: store.find(tx, realm, name))
        except NotFoundError:
            agent = (await self.create(realm, name, hosted=True, internal=internal)).agent
        return await self._ini(agent, base_url, _SERVER)

    async def _ini(self, agent: Agent, host_url: str | None, actor: Actor) -> str:
        if host_url is not None and not _URL.fullmatch(host_url):
            raise RequestError("host_url must be an address such as https://tests.example.org:8000", field="host_url")
        created = await self._renewed(agent, actor)
        await self._database.write(lambda tx: store.change(tx, agent, client_id=created.client_id))
        issued = urlsplit(created.token_url)
        base = f"{issued.scheme}://{issued.netloc}" if host_url is None else host_url.rstrip("/")
        values = {
            "dai_host_url": base,
            "token_url": base + issued.path,
            "environment_id": agent.id,
            "client_id": created.client_id,
            "client_secret": created.client_secret,
        }
        return "".join([f"[{agent.name}]\n", *(f"{name} = {value}\n" for name, value in values.items())])

    async def _renewed(self, agent: Agent, actor: Actor) -> CreatedClient:
        if agent.client_id is not None:
            try:
                return await self._clients.regenerate_secret(agent.realm, agent.client_id, actor=actor)
            except (NotFoundError, ConflictError):
                pass  # revoked by hand: the agent gets a client of its own again
        text = f"Agent {agent.name}"
        kind = PrincipalKind.AGENT
        return await self._clients.create_client(agent.realm, agent.name, text, actor=actor, kind=kind, agent_id=agent.id)

    async def _revoke(self, agent: Agent, actor: Actor) -> None:
        if agent.client_id is None:
            return
        try:
            await self._clients.revoke_client(agent.realm, agent.client_id, actor=actor)
        except NotFoundError:
            return

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
        self._hear(agent_id)
        self._noted[agent_id] = self._heard[agent_id]
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
        """Work for the agent, held up to `wait_seconds`. Raises SessionReplacedError."""
        agent_id, now = _agent_id(principal), self._clock.now()

        def change(tx: Connection) -> Agent:
            agent = store.require_session(tx, principal.realm, agent_id, session)
            store.touch(tx, agent_id, now)
            return agent

        agent = await self._database.write(change)
        self._hear(agent_id)
        self._noted[agent_id] = self._heard[agent_id]
        lease = await self._executions.claim(
            _claiming(agent, session), wait_seconds, self._fence(principal.realm, agent_id, session)
        )
        self._hear(agent_id)
        return lease

    async def report(self, principal: Principal, session: int, report: Report) -> Directive:
        """Raises SessionReplacedError, StaleAttemptError, NotFoundError, RequestError."""
        agent_id = _agent_id(principal)
        self._hear(agent_id)
        await self._note_presence(agent_id)
        reporting = ClaimingAgent(agent_id=agent_id, session=session, realm=principal.realm)
        return await self._executions.report(reporting, report, self._fence(principal.realm, agent_id, session))

    def draft(self) -> Draft:
        """Where the content of an attachment is collected while it arrives."""
        return self._blobs.draft()

    async def store(self, principal: Principal, session: int, execution_id: str, attempt: int, draft: Draft) -> str:
        """Keep an attachment of an attempt that is the agent's. Raises as `report`, and UnavailableError."""
        agent_id = _agent_id(principal)
        self._hear(agent_id)
        storing = ClaimingAgent(agent_id=agent_id, session=session, realm=principal.realm)
        fence = self._fence(principal.realm, agent_id, session)
        await self._executions.keep(storing, execution_id, attempt, Attached(draft.digest, draft.size), fence)
        return await asyncio.to_thread(self._blobs.keep, draft)

    @staticmethod
    def _fence(realm: str, agent_id: int, session: int) -> Fence:
        def fence(tx: Connection) -> None:
            store.require_session(tx, realm, agent_id, session)

        return fence

    # --- small things ------------------------------------------------------------

    async def _public(self, realm: str, ref: int | str) -> Agent:
        agent = await self._database.read(lambda tx: store.find(tx, realm, ref))
        if agent.internal:
            raise NotFoundError(f"there is no agent {ref!r}", field="agent_id")
        return agent

    async def _note_presence(self, agent_id: int) -> None:
        """Let other servers know of an agent that works: written once in a silence that would be believed."""
        noted = self._noted.get(agent_id)
        if noted is not None and self._heard[agent_id] - noted < self._silence / 2:
            return
        self._noted[agent_id], now = self._heard[agent_id], self._clock.now()
        await self._database.write(lambda tx: store.touch(tx, agent_id, now))

    @property
    def _silence(self) -> float:
        """The longest silence of a healthy agent, in seconds: one held poll, and the grace."""
        return self._figures.poll_seconds + self._figures.grace_seconds

    def _hear(self, agent_id: int) -> None:
        self._heard[agent_id] = self._clock.monotonic()

    def _view(self, agent: Agent, busy: frozenset[int]) -> AgentView:
        status = AgentStatus.BUSY if agent.id in busy else AgentStatus.CONNECTED
        return AgentView(agent=agent, status=status if self._is_present(agent) else AgentStatus.DISCONNECTED)

    def _is_present(self, agent: Agent) -> bool:
        """Whether it spoke to this server, or by the record to another, within the longest silence of a healthy agent."""
        heard = self._heard.get(agent.id)
        if heard is not None and self._clock.monotonic() - heard <= self._silence:
            return True
        return agent.last_seen_at is not None and (self._clock.now() - agent.last_seen_at).total_seconds() <= self._silence


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

    async def store(self, session: Session, lease: Lease, content: bytes) -> str:
        with self.service.draft() as draft:
            draft.write(content)
            return await self.service.store(self.principal, session.session, lease.execution_id, lease.attempt, draft)


def _claiming(agent: Agent, session: int) -> ClaimingAgent:
    return ClaimingAgent(agent_id=agent.id, session=session, realm=agent.realm, capabilities=agent.capabilities, name=agent.name)


def _agent_id(principal: Principal) -> int:
    if principal.agent_id is None:
        raise InsufficientScopeError("these credentials belong to no agent", scope="agents:work")
    return principal.agent_id


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or name.isdigit() or name.lower() in _RESERVED:
        raise RequestError(
            "name may hold letters, digits, '.', '_' and '-', up to 100, without spaces; not only digits, not 'any' or 'default'",
            field="name",
        )

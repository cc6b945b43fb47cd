"""Which agents are there: when each was last heard by this server, and what of that is written down for the others."""

from melanzana.agents import store
from melanzana.agents.records import Agent, AgentStatus, Departure
from melanzana.clock import Clock
from melanzana.executions.figures import LeaseFigures
from melanzana.storage.database import Database


class Presence:
    """Kept in memory by one server; `last_seen_at` of an agent's record is written once in a silence that would be believed."""

    def __init__(self, database: Database, clock: Clock, figures: LeaseFigures) -> None:
        self._database, self._clock, self._figures = database, clock, figures
        self._heard: dict[int, float] = {}  #: monotonic seconds of the last word of each agent to this process
        self._noted: dict[int, float] = {}  #: the same of the last one that was written down

    def hear(self, agent_id: int, *, noted: bool = False) -> None:
        """It has spoken. `noted`: and the record says so already."""
        self._heard[agent_id] = self._clock.monotonic()
        if noted:
            self._noted[agent_id] = self._heard[agent_id]

    async def note(self, agent_id: int) -> None:
        """Let other servers know of an agent that works."""
        noted = self._noted.get(agent_id)
        if noted is not None and self._heard[agent_id] - noted < self._silence / 2:
            return
        self._noted[agent_id], now = self._heard[agent_id], self._clock.now()
        await self._database.write(lambda tx: store.touch(tx, agent_id, now))

    def forget(self, agent_id: int) -> None:
        self._heard.pop(agent_id, None)
        self._noted.pop(agent_id, None)

    def status(self, agent: Agent, busy: frozenset[int]) -> AgentStatus:
        """How it is; `busy` are the agents that hold an execution."""
        if agent.departure is Departure.GONE or not self._is_there(agent):
            return AgentStatus.DISCONNECTED
        if not agent.takes_work:
            return AgentStatus.DRAINING
        return AgentStatus.BUSY if agent.id in busy else AgentStatus.CONNECTED

    @property
    def _silence(self) -> float:
        """The longest silence of a healthy agent, in seconds: one held poll, and the grace."""
        return self._figures.poll_seconds + self._figures.grace_seconds

    def _is_there(self, agent: Agent) -> bool:
        """Whether it spoke to this server, or by the record to another, within the longest silence of a healthy agent."""
        heard = self._heard.get(agent.id)
        if heard is not None and self._clock.monotonic() - heard <= self._silence:
            return True
        return agent.last_seen_at is not None and (self._clock.now() - agent.last_seen_at).total_seconds() <= self._silence

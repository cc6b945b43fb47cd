"""Who waits for news, and how they are told: held requests of this server process, and through a bus those of the others.

A waiter listens BEFORE it looks, so nothing that happens between its look and its wait is missed. News is a hint, never data: who
is woken looks again. The database is the truth, and waiters look again by themselves every few seconds.
"""

import asyncio
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

from melanzana.executions.records import ClaimingAgent
from melanzana.storage.bus import Bus, LonelyBus


class Signal:
    """One waiter's ear."""

    def __init__(self, interest: Any) -> None:
        self.interest = interest
        self._event = asyncio.Event()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        self._event.set()

    async def wait(self, seconds: float) -> bool:
        """Whether news came within `seconds`; the news is used up."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True


class Waker:
    """Topics and their waiters, first come first served."""

    def __init__(self, bus: Bus | None = None) -> None:
        self._waiters: dict[Hashable, list[Signal]] = {}
        self._closed = False
        self._bus = bus or LonelyBus()

    @property
    def closed(self) -> bool:
        """Whether the server is stopping: nothing should be held any more."""
        return self._closed

    @contextmanager
    def listen(self, topic: Hashable, interest: Any = None) -> Iterator[Signal]:
        """Hear of `topic` while the block runs; `interest` is what `wake_one` asks about."""
        signal = Signal(interest)
        self._waiters.setdefault(topic, []).append(signal)
        try:
            yield signal
        finally:
            waiters = self._waiters[topic]
            waiters.remove(signal)
            if not waiters:
                del self._waiters[topic]

    def wake_all(self, topic: Hashable) -> None:
        for signal in self._waiters.get(topic, ()):
            signal.set()

    def wake_one(self, topic: Hashable, accepts: Callable[[Any], bool]) -> bool:
        """Wake the longest waiting one that is not awake yet and whose interest is accepted; whether there was one."""
        for signal in self._waiters.get(topic, ()):
            if not signal.is_set and accepts(signal.interest):
                signal.set()
                return True
        return False

    # --- what happened, told on every server --------------------------------------------------------------------------------------

    def changed(self, execution_id: str) -> None:
        """Something that the agent of this execution must hear of."""
        self.wake_all(("execution", execution_id))
        self._bus.tell({"about": "execution", "id": execution_id})

    def queued(self, realm: str, needs: frozenset[str], agent_id: int | None) -> None:
        """One more execution waits: for `agent_id`, or for any agent with these capabilities. One piece of work, one waiter."""
        if not self._wake_agent(realm, needs, agent_id):
            self._bus.tell({"about": "queue", "realm": realm, "needs": sorted(needs), "agent_id": agent_id})

    def agent_changed(self, realm: str, agent_id: int) -> None:
        """What this agent may take has changed: every request that it waits with looks again."""
        self._wake_agents_own(realm, agent_id)
        self._bus.tell({"about": "agent", "realm": realm, "id": agent_id})

    async def open(self) -> None:
        """Hear of what other servers do. Raises SettingsError when the bus cannot be reached."""
        await self._bus.open(self._hear)

    async def leave(self) -> None:
        """Hear and tell no more."""
        await self._bus.close()

    def _hear(self, message: dict[str, Any]) -> None:
        match message:
            case {"about": "execution", "id": str(execution_id)}:
                self.wake_all(("execution", execution_id))
            case {"about": "queue", "realm": str(realm), "needs": list(needs), "agent_id": int() | None as agent_id}:
                self._wake_agent(realm, frozenset(needs), agent_id)
            case {"about": "agent", "realm": str(realm), "id": int(agent_id)}:
                self._wake_agents_own(realm, agent_id)
            case _:  # the line was broken, or a newer server says what we do not know: all look for themselves
                for topic in self._waiters:
                    self.wake_all(topic)

    def _wake_agents_own(self, realm: str, agent_id: int) -> None:
        self.wake_all(("agent", agent_id))
        for signal in self._waiters.get(("queue", realm), ()):
            if signal.interest.agent_id == agent_id:
                signal.set()

    def _wake_agent(self, realm: str, needs: frozenset[str], agent_id: int | None) -> bool:
        def accepts(agent: ClaimingAgent) -> bool:
            return needs <= agent.capabilities and agent_id in {None, agent.agent_id}

        return self.wake_one(("queue", realm), accepts)

    def close(self) -> None:
        """Let every held request go: the server stops."""
        self._closed = True
        for waiters in self._waiters.values():
            for signal in waiters:
                signal.set()

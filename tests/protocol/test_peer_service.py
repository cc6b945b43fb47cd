"""The agents service, as a peer, keeps every promise of the protocol."""

from pathlib import Path

import pytest

from melanzana.agents.service import AgentService
from protocol.peer_conformance import PeerConformance
from support_agents import agent_service, new_agent
from support_executions import REALM, World, open_world


class ServiceBench:
    """The bench over services in this process."""

    def __init__(self, world: World, service: AgentService) -> None:
        self._world, self._service = world, service

    async def open(self) -> "ServiceBench":
        self.one = self._service.peer_for(await new_agent(self._service, "rack-1"))
        self.other = self._service.peer_for(await new_agent(self._service, "rack-2"))
        return self

    async def start(self) -> str:
        return (await self._world.start()).id

    async def abort(self, execution_id: str) -> None:
        await self._world.executions.abort(REALM, execution_id)

    async def pause(self, execution_id: str) -> None:
        await self._world.executions.pause(REALM, execution_id)

    async def resume(self, execution_id: str) -> None:
        await self._world.executions.resume(REALM, execution_id)

    async def state(self, execution_id: str) -> str:
        return (await self._world.executions.get(REALM, execution_id)).state


class TestServicePeer(PeerConformance):
    @pytest.fixture
    async def bench(self, tmp_path: Path) -> ServiceBench:
        world = await open_world()
        return await ServiceBench(world, agent_service(world, tmp_path)).open()

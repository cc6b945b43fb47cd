"""Agents over the world of `support_executions`: real service, credentials made up."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from melanzana.access.permissions import SCOPES_OF
from melanzana.access.records import Actor, Principal, PrincipalKind
from melanzana.agents.service import AgentService
from melanzana.clients.records import CreatedClient
from melanzana.errors import NotFoundError
from melanzana.storage.blob_places import in_folder
from melanzana.storage.blobs import BlobStore
from support_executions import REALM, World

#: Who acts in tests.
SOMEBODY = Actor(kind="command_line", id="tests", name="tests")


class Clients:
    """The part of an authorization server that agents need, in memory."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.revoked: set[str] = set()
        self._made = 0

    async def create_client(
        self,
        realm: str,
        name: str,
        description: str = "",
        *,
        actor: Actor,
        kind: PrincipalKind = PrincipalKind.API_CLIENT,
        agent_id: int | None = None,
    ) -> CreatedClient:
        assert kind is PrincipalKind.AGENT
        assert agent_id is not None
        self._made += 1
        return self._give(f"client:{name}:{self._made}", name)

    async def regenerate_secret(self, realm: str, client_id: str, *, actor: Actor) -> CreatedClient:
        if client_id in self.revoked or client_id not in self.secrets:
            raise NotFoundError("no such client")
        return self._give(client_id, client_id)

    async def revoke_client(self, realm: str, client_id: str, *, actor: Actor) -> None:
        if client_id not in self.secrets:
            raise NotFoundError("no such client")
        self.revoked.add(client_id)

    def _give(self, client_id: str, name: str) -> CreatedClient:
        self._made += 1
        self.secrets[client_id] = f"secret-{self._made}"
        url = "http://127.0.0.1:8000/auth/realms/eggplant/protocol/openid-connect/token"
        return CreatedClient(client_id=client_id, client_secret=self.secrets[client_id], token_url=url, name=name)


def agent_service(world: World, folder: Path, clients: Clients | None = None) -> AgentService:
    return AgentService(
        world.database,
        world.clock,
        world.executions,
        world.figures,
        clients=clients or Clients(),
        blobs=BlobStore(in_folder(folder / "blobs")),
    )


def principal_of(agent_id: int, realm: str = REALM) -> Principal:
    return Principal(
        realm=realm,
        kind=PrincipalKind.AGENT,
        client_id=f"client:{agent_id}",
        subject="5c0e7b3a-1111-4222-8333-444444444444",
        name=f"agent {agent_id}",
        scopes=SCOPES_OF[PrincipalKind.AGENT],
        agent_id=agent_id,
    )


async def new_agent(service: AgentService, name: str, config: Mapping[str, Any] | None = None) -> Principal:
    """A fresh agent's credentials."""
    return principal_of((await service.create(REALM, name, config)).agent.id)

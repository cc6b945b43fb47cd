"""Access keys of agents: the credentials that the clients' room makes, and the `.ini` file that carries them.

Only `agents/service.py` opens it, which knows whose keys may be made. A file has one section for each agent; keys that an agent had
before end at once.
"""

import re
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import urlsplit

from melanzana.access.records import Actor, PrincipalKind
from melanzana.agents import store
from melanzana.agents.records import Agent
from melanzana.clients.records import CreatedClient
from melanzana.errors import ConflictError, NotFoundError, RequestError
from melanzana.storage.database import Database

_URL = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")


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


class Keys:
    """Makes and ends the credentials of agents."""

    def __init__(self, database: Database, clients: Credentials) -> None:
        self._database, self._clients = database, clients

    async def ini(self, agents: Sequence[Agent], host_url: str | None, actor: Actor) -> str:
        """New credentials for each, as one file. Raises RequestError for an address that is none; nothing was made then."""
        if host_url is not None and not _URL.fullmatch(host_url):
            raise RequestError("host_url must be an address such as https://tests.example.org:8000", field="host_url")
        return "\n".join([await self._section(agent, host_url, actor) for agent in agents])

    async def revoke(self, agent: Agent, actor: Actor) -> None:
        """End what the agent has."""
        if agent.client_id is None:
            return
        try:
            await self._clients.revoke_client(agent.realm, agent.client_id, actor=actor)
        except NotFoundError:
            return

    async def _section(self, agent: Agent, host_url: str | None, actor: Actor) -> str:
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

"""What `melanzana agent` does besides working: asks a process to end, and says what is wrong with access keys."""

import asyncio
from pathlib import Path

import typer

from melanzana.client.tokens import ClientCredentials
from melanzana.errors import AuthError, SessionReplacedError
from melanzana.runner.http_peer import Draining, HttpPeer
from melanzana.runner.ini import Environment

_ENDED = "Disconnected"
_POLL_SECONDS = 1.0


async def drain_agent(environment: Environment) -> None:
    """Ask the process that works as this agent to end with its last run, and wait until it has.

    Raises AuthError, UnavailableError.
    """
    tokens = ClientCredentials(environment.token_url, environment.client_id, environment.client_secret)
    peer = HttpPeer(environment.host_url, tokens)
    try:
        asked = await peer.drain()
        if asked.status == _ENDED:
            typer.echo(f"No process works as {asked.agent_name}.")
            return
        typer.echo(f"{asked.agent_name} takes no more work. Waiting until its run has ended …")
        await _until_gone(peer, asked)
        typer.echo(f"{asked.agent_name} has ended.")
    finally:
        await peer.close()


async def _until_gone(peer: HttpPeer, asked: Draining) -> None:
    try:
        while (await peer.drain(asked.session)).status != _ENDED:  # noqa: ASYNC110 - the server is asked, there is no event
            await asyncio.sleep(_POLL_SECONDS)
    except SessionReplacedError:
        return  # another process works in its place: the one that was meant is gone


def told(error: AuthError, environment: Environment, ini: Path) -> AuthError:
    """The error with what to do: keys are the one thing that an agent cannot mend by itself."""
    return AuthError(
        f"{environment.host_url} does not take the access keys of [{environment.name}] in {ini}: {error.message}. "
        "They are wrong, newer ones were made, or the agent was deleted; save a new file on the page Agents"
    )

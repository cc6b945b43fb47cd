"""39: a thousand grants at once, against a real server process."""

import asyncio
import json
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from support_server import create_client, running_server
from support_site import Site
from support_sockets import memory_bytes

pytestmark = pytest.mark.slow

GRANTS, AT_ONCE = 1000, 100


@pytest.mark.anyio
async def test_39_a_thousand_parallel_grants_all_succeed_and_differ(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """No answer but 200, no token id twice, none of a hundred callers waits longer than ten seconds, and memory stays flat."""
    with running_server(tmp_path / "data", "--no-agent") as server:
        site = Site(server, create_client(server.data, tmp_path))
        await grant(site, 50)
        assert server.process is not None
        before = memory_bytes(server.process.pid)
        started = time.monotonic()
        tokens, slowest = await grant(site, GRANTS)
        seconds = time.monotonic() - started
        assert len({token_id(token) for token in tokens}) == GRANTS
        assert slowest < 10
        assert memory_bytes(server.process.pid) - before < 32 * 2**20
        assert not [line for line in server.lines if re.search(r"unexpected error|\[error", line)]
    record_property("figure", f"{GRANTS} grants, {AT_ONCE} at once: {GRANTS / seconds:.0f}/s, slowest {slowest * 1000:.0f} ms")


async def grant(site: Site, count: int) -> tuple[list[str], float]:
    """That many grants; the tokens, and how long the slowest took in seconds."""
    form = {"grant_type": "client_credentials", "client_id": site.client.client_id, "client_secret": site.client.client_secret}
    limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=0)
    async with httpx.AsyncClient(limits=limits, timeout=60) as http:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one() -> tuple[str, float]:
            async with gate:
                started = time.monotonic()
                answer = await http.post(site.client.token_url, data=form)
            assert answer.status_code == 200, answer.text
            return str(answer.json()["access_token"]), time.monotonic() - started

        answers = await asyncio.gather(*(one() for _ in range(count)))
    return [token for token, _ in answers], max(seconds for _, seconds in answers)


def token_id(token: str) -> str:
    payload = token.split(".")[1]
    return str(json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["jti"])

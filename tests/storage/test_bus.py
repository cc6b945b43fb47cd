"""Every bus tells the other servers what one says; a broken line is laid again."""

import asyncio
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from melanzana.errors import SettingsError
from melanzana.storage.bus import EVERYTHING, Bus, Envelope, LonelyBus
from melanzana.storage.nats_bus import NatsBus
from melanzana.storage.notify import NotifyBus
from melanzana.storage.opening import open_bus

pytestmark = pytest.mark.anyio


class Ear:
    """What one server has heard."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self._news = asyncio.Condition()

    def hear(self, message: dict[str, Any]) -> None:
        self.heard.append(message)

    async def until(self, count: int) -> list[dict[str, Any]]:
        async with asyncio.timeout(20):
            while len(self.heard) < count:
                await asyncio.sleep(0.005)
        return self.heard


@pytest.fixture(scope="module")
def nats() -> Iterator[str]:
    """A NATS server on loopback."""
    with NatsServer() as server:
        yield server.address


class NatsServer:
    """One `nats-server`; may be killed and started again on its port."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"nats://127.0.0.1:{self.port}"

    def __enter__(self) -> "NatsServer":
        self.process = subprocess.Popen(
            ["/usr/sbin/nats-server", "-a", "127.0.0.1", "-p", str(self.port)], stderr=subprocess.PIPE, text=True
        )
        assert self.process.stderr is not None
        while "Server is ready" not in (line := self.process.stderr.readline()):
            assert line, "nats-server ended"
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate()


Make = Callable[[], Bus]


@pytest.fixture(params=["notify", "nats"])
def make(request: pytest.FixtureRequest) -> Make:
    """Makes one server's end of a bus."""
    if request.param == "nats":
        address = request.getfixturevalue("nats")
        return lambda: NatsBus(address)
    database = request.getfixturevalue("postgresql")
    return lambda: NotifyBus(database)


@pytest.fixture
async def servers(make: Make) -> AsyncIterator[list[tuple[Bus, Ear]]]:
    """Three servers on one bus."""
    made = [(make(), Ear()) for _ in range(3)]
    for bus, ear in made:
        await bus.open(ear.hear)
    yield made
    for bus, _ in made:
        await bus.close()


async def test_others_hear_what_one_tells(servers: list[tuple[Bus, Ear]]) -> None:
    """Every other server hears a message, whatever is in it, and in the order in which it was told."""
    messages: list[dict[str, Any]] = [{"about": "queue", "n": n, "text": "Ä'\"\n" * (n % 3)} for n in range(300)]
    for message in messages:
        servers[0][0].tell(message)
    assert await servers[1][1].until(300) == messages
    assert await servers[2][1].until(300) == messages


async def test_nobody_hears_himself(servers: list[tuple[Bus, Ear]]) -> None:
    """A server does not hear what it told itself."""
    servers[0][0].tell({"about": "mine"})
    servers[1][0].tell({"about": "yours"})
    assert await servers[0][1].until(1) == [{"about": "yours"}]
    assert await servers[1][1].until(1) == [{"about": "mine"}]


async def test_a_message_too_long_is_dropped(servers: list[tuple[Bus, Ear]]) -> None:
    """What is too long is not sent, and nothing after it gets lost."""
    servers[0][0].tell({"about": "x" * 9_000})
    servers[0][0].tell({"about": "short"})
    assert await servers[1][1].until(1) == [{"about": "short"}]


async def test_telling_after_the_end_is_no_error(make: Make) -> None:
    """A message after the bus was closed is lost without a word."""
    bus, ear = make(), Ear()
    await bus.open(ear.hear)
    await bus.close()
    bus.tell({"about": "late"})
    assert ear.heard == []


async def test_a_cut_line_is_laid_again(postgresql: str) -> None:
    """After PostgreSQL has closed all connections, a server is told that it may have missed something, and hears again."""
    one, other, ear = NotifyBus(postgresql), NotifyBus(postgresql), Ear()
    await one.open(lambda _message: None)
    await other.open(ear.hear)
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert await ear.until(1) == [EVERYTHING]
    async with asyncio.timeout(20):
        while len(ear.heard) < 2:  # a message may be lost while the teller's own line is laid again
            one.tell({"about": "again"})
            await asyncio.sleep(0.05)
    assert ear.heard[1] == {"about": "again"}
    await one.close()
    await other.close()


async def test_a_restarted_nats_is_found_again() -> None:
    """After NATS was restarted, a server is told that it may have missed something, and hears again."""
    server, ear = NatsServer(), Ear()
    with server:
        one, other = NatsBus(server.address), NatsBus(server.address)
        await one.open(lambda _message: None)
        await other.open(ear.hear)
    one.tell({"about": "lost"})
    with server:
        assert await ear.until(1) == [EVERYTHING]
        async with asyncio.timeout(20):
            while len(ear.heard) < 2:
                one.tell({"about": "again"})
                await asyncio.sleep(0.05)
        assert ear.heard[1] == {"about": "again"}
        await one.close()
        await other.close()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"about": 1}', "\0", "[" * 100_000])
def test_what_is_no_message_is_not_heard(text: str) -> None:
    """Text that no server of ours sent is ignored."""
    assert Envelope().open(text) is None


async def test_addresses_that_cannot_be_used(tmp_path: Path) -> None:
    """A bus that does not answer, or is none, is refused with its setting named and without its password."""
    with pytest.raises(SettingsError, match="bus must be an address such as nats://"):
        open_bus("amqp://host", None)
    with pytest.raises(SettingsError, match=r"127\.0\.0\.1:1 does not answer") as refused:
        await open_bus("nats://user:geheim@127.0.0.1:1", None).open(lambda _message: None)
    assert "geheim" not in str(refused.value)
    with pytest.raises(SettingsError, match=r"127\.0\.0\.1:1/x does not answer") as refused:
        await open_bus(None, "postgresql://user:geheim@127.0.0.1:1/x").open(lambda _message: None)
    assert "geheim" not in str(refused.value)
    assert isinstance(open_bus(None, None), LonelyBus)
    assert not list(tmp_path.iterdir())

"""The log of a run over a connection that breaks."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from melanzana.client import RestClient
from melanzana.client.http import Patience
from melanzana.errors import NotFoundError, UnavailableError

pytestmark = pytest.mark.anyio
PATH = "/execution_service/api/v1/executions/e-1/events"


class Tokens:
    """Gives a new token each time that one was refused."""

    def __init__(self) -> None:
        self.number = 1

    async def token(self, _http: httpx.AsyncClient) -> str:
        return f"token-{self.number}"

    def reject(self, token: str) -> None:
        self.number += token == f"token-{self.number}"


class Server:
    """Answers each request with the next of its scripted streams, and keeps what was asked."""

    def __init__(self, *streams: "httpx.Response | Exception") -> None:
        self.streams, self.asked = list(streams), list[tuple[str, str]]()

    async def handle(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == PATH
        self.asked.append((request.headers["Authorization"], request.headers["Last-Event-ID"]))
        answer = self.streams.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def stream(*numbers: int, end: str | None = None, broken: bool = False) -> httpx.Response:
    """Events with these numbers, then `end` or `again`; a broken one ends in the middle of an event."""

    async def parts() -> AsyncIterator[bytes]:
        yield b"retry: 1000\n\n: still here\n\n"
        for number in numbers:
            yield f"id: {number}\nevent: StepFinished\ndata: {json.dumps({'seq': number})}\n\n".encode()
        if broken:
            yield b"id: 99\nevent: Step"
            raise httpx.ReadError("cut")
        if end is not None:
            yield f"event: {end}\ndata: {{}}\n\n".encode()

    return httpx.Response(200, content=parts())


def client(server: Server) -> RestClient:
    async def at_once(_seconds: float) -> None:
        return

    patience = Patience(attempts=3, sleep=at_once)
    return RestClient("http://server", Tokens(), httpx.MockTransport(server.handle), patience)


async def seen(server: Server, after: int = 0) -> list[int]:
    async with client(server) as asking:
        return [event.seq async for event in asking.events("e-1", after)]


async def test_a_broken_stream_goes_on_behind_what_was_seen() -> None:
    """Cut in the middle, ended by the server, refused for a moment: every event comes once, in order."""
    server = Server(
        stream(1, 2, broken=True),
        httpx.ConnectError("no way"),
        stream(3, end="again"),
        httpx.Response(503, headers={"Retry-After": "1"}),
        stream(4, 5, end="end"),
    )
    assert await seen(server) == [1, 2, 3, 4, 5]
    assert [last for _, last in server.asked] == ["0", "2", "2", "3", "3"]


async def test_a_token_that_is_over_is_renewed() -> None:
    """A 401 is answered with a new token, once."""
    server = Server(httpx.Response(401), stream(7, end="end"))
    assert await seen(server, after=6) == [7]
    assert [token for token, _ in server.asked] == ["Bearer token-1", "Bearer token-2"]


async def test_patience_ends_and_what_is_not_there_is_said_at_once() -> None:
    """Three failures in a row are raised; a 404 is no failure of the connection."""
    with pytest.raises(UnavailableError):
        await seen(Server(*(httpx.ConnectError("no way") for _ in range(3))))
    with pytest.raises(NotFoundError):
        await seen(Server(httpx.Response(404, json={"code": "not_found", "detail": "there is no execution"})))

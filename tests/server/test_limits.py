"""Oversized, encoded and dribbling bodies are refused before a route sees them."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.types import Message

from melanzana.server import limits
from melanzana.server.limits import BodyLimits


def make_app() -> BodyLimits:
    app = FastAPI()

    @app.post("/echo")
    async def echo(request: Request) -> dict[str, int]:
        return {"size": len(await request.body())}

    return BodyLimits(app, lambda path: 100)


async def post(content: object, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(make_app()), base_url="http://server") as client:
        return await client.post("/echo", content=content, headers=headers)  # type: ignore[arg-type]


@pytest.mark.anyio
async def test_a_body_at_the_limit_passes() -> None:
    """A body of exactly the limit reaches the route."""
    assert (await post(b"x" * 100)).json() == {"size": 100}


@pytest.mark.anyio
async def test_a_declared_body_over_the_limit_is_refused() -> None:
    """A Content-Length over the limit gets 413 that names the limit."""
    answer = await post(b"x" * 101)
    assert answer.status_code == 413
    assert answer.json()["maximum"] == 100


@pytest.mark.anyio
async def test_a_streamed_body_over_the_limit_is_refused() -> None:
    """A chunked body is cut as soon as it passes the limit."""

    async def endless():  # type: ignore[no-untyped-def]
        while True:
            yield b"x" * 60

    assert (await post(endless())).status_code == 413


@pytest.mark.anyio
async def test_an_encoded_body_is_refused() -> None:
    """A Content-Encoding gets 415."""
    assert (await post(b"", **{"Content-Encoding": "gzip"})).status_code == 415


@pytest.mark.anyio
async def test_a_body_that_never_ends_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that does not arrive within the time gets 400."""
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.05)
    sent: list[Message] = []

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/echo", "headers": [], "query_string": b"", "http_version": "1.1"}
    await make_app()(scope, receive, send)
    assert sent[0]["status"] == 400

"""The short way takes what is plain and hands everything else on untouched."""

import json
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from melanzana.errors import NotFoundError
from melanzana.server import problems
from melanzana.server.express import Express

pytestmark = pytest.mark.anyio


async def _ordinary(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await JSONResponse({"way": "ordinary", "body": body.decode()})(scope, receive, send)


async def _call(_request: Request, content: bytes) -> Response | None:
    word = json.loads(content)["word"]
    if word == "missing":
        raise NotFoundError("there is no such word", field="word")
    return None if word == "odd" else JSONResponse({"way": "short", "body": word})


async def _ask(method: str, path: str, word: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(Express(_ordinary, {("POST", "/words"): _call}, problems.answer))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        sent: Any = {"content-type": "application/json", **headers}
        return await http.request(method, path, content=json.dumps({"word": word}), headers=sent)


async def test_a_plain_call_takes_the_short_way() -> None:
    """Method, path and media type must be exactly those."""
    assert (await _ask("POST", "/words", "even")).json() == {"way": "short", "body": "even"}
    for other in (
        await _ask("PUT", "/words", "even"),
        await _ask("POST", "/words/", "even"),
        await _ask("POST", "/words?a=1", "even"),
        await _ask("POST", "/words", "even", **{"content-type": "application/json; charset=utf-8"}),
    ):
        assert other.json() == {"way": "ordinary", "body": '{"word": "even"}'}


async def test_what_a_call_does_not_take_goes_on_with_its_body() -> None:
    """The ordinary way reads the same body again."""
    assert (await _ask("POST", "/words", "odd")).json() == {"way": "ordinary", "body": '{"word": "odd"}'}


async def test_an_error_is_answered_as_everywhere() -> None:
    """A refusal of the room is problem+json with its code."""
    answer = await _ask("POST", "/words", "missing")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"

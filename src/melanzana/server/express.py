"""The short way of the calls that come by the thousand: starts of programs, polls and reports of agents.

The framework looks at every route, solves dependencies and wraps each answer several times; for these calls that costs more than
all of their own work. Here they are found by method and path, read, and answered by the room's own function, the one that the route
calls, too. Whatever is not plain (another media type, a body that is refused, a client that leaves) takes the ordinary way with its
body untouched, so every refusal is worded in one place, and the OpenAPI document describes the ordinary routes.
"""

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from melanzana.errors import JsonBodyError
from melanzana.server.json_bodies import check_body

#: Answers a request with this body; None, before anything was done, when it must take the ordinary way.
Call = Callable[[Request, bytes], Awaitable[Response | None]]
#: What an error becomes.
Refuse = Callable[[Request, Exception], Awaitable[Response]]


class Express:
    """Stands before the app."""

    def __init__(self, app: ASGIApp, calls: Mapping[tuple[str, str], Call], refuse: Refuse) -> None:
        self._app, self._calls, self._refuse = app, calls, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = self._calls.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if call is None or not _is_plain(scope):
            await self._app(scope, receive, send)
            return
        messages, content = await _read(receive)
        request = Request(scope, receive)
        try:
            answer = await call(request, content) if content is not None and _is_clear(scope, content) else None
        except Exception as error:
            answer = await self._refuse(request, error)
            await answer(scope, receive, send)
            if answer.status_code == 500:
                raise
            return
        if answer is None:
            await self._app(scope, _replayed(messages, receive), send)
        else:
            await answer(scope, receive, send)


def _is_plain(scope: Scope) -> bool:
    types = [value for name, value in scope["headers"] if name == b"content-type"]
    return types == [b"application/json"] and not scope["query_string"]


def _is_clear(scope: Scope, content: bytes) -> bool:
    """Whether the body can be read in one way only."""
    try:
        check_body(scope["path"], content)
    except JsonBodyError:
        return False
    return True


async def _read(receive: Receive) -> tuple[list[Message], bytes | None]:
    """The messages, and the body they make; None when the client left."""
    messages: list[Message] = []
    while True:
        message = await receive()
        messages.append(message)
        if message["type"] != "http.request":
            return messages, None
        if not message.get("more_body", False):
            return messages, b"".join(each.get("body", b"") for each in messages)


def _replayed(messages: list[Message], receive: Receive) -> Receive:
    """The same messages once more, then what comes after them."""
    waiting = iter(messages)

    async def again() -> Message:
        return next(waiting, None) or await receive()

    return again

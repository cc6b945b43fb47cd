"""What a request may be before any route sees it: size, encoding, and how long it may take to arrive.

Sits around the whole app. Bodies are counted as they stream in, so an oversized one is never held in memory.
"""

import asyncio
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from melanzana.server.settings import ServerSettings
from melanzana.web.answers import problem

#: Largest body on paths that have no limit of their own, in bytes.
DEFAULT_BODY_BYTES = 64 * 1024
#: Largest report of an agent, in bytes: a batch of events.
REPORT_BODY_BYTES = 2 * 2**20
#: Room for the token endpoint to refuse a large form in its own words.
AUTH_BODY_BYTES = 256 * 1024
#: A body must have arrived within this many seconds.
BODY_SECONDS = 30.0


class BodyLimits:
    """Refuses bodies over the limit of their path (413), with a Content-Encoding (415), or that dribble in (400)."""

    def __init__(self, app: ASGIApp, limits: Callable[[str], int]) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        maximum = self._limits(scope["path"])
        if headers.get(b"content-encoding", b"identity") != b"identity":
            await problem(415, "content_encoding", "Send the body without a Content-Encoding.")(scope, receive, send)
        elif _declared(headers) > maximum:
            await _too_large(maximum)(scope, receive, send)
        else:
            await self._counted(scope, receive, send, maximum)

    async def _counted(self, scope: Scope, receive: Receive, send: Send, maximum: int) -> None:
        exchange = _Exchange(receive, send, maximum)
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception:
            if exchange.refusal is None:
                raise
        if exchange.refusal is not None and not exchange.answered:
            await exchange.refusal(scope, receive, send)


class _Exchange:
    """One request on its way through: a body that is refused looks to the app like a client that went away."""

    def __init__(self, receive: Receive, send: Send, maximum: int) -> None:
        self._receive = receive
        self._send = send
        self._maximum = maximum
        self._left = maximum
        self._complete = False
        self._deadline: float | None = None
        self.answered = False
        self.refusal: ASGIApp | None = None

    async def receive(self) -> Message:
        if self._complete or self.refusal is not None:
            return await self._receive() if self.refusal is None else {"type": "http.disconnect"}
        self._deadline = self._deadline or asyncio.get_running_loop().time() + BODY_SECONDS
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            return self._refuse(problem(400, "body_too_slow", f"The body did not arrive within {BODY_SECONDS:g} seconds."))
        self._left -= len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        return message if self._left >= 0 else self._refuse(_too_large(self._maximum))

    def _refuse(self, answer: ASGIApp) -> Message:
        self.refusal = answer
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self.refusal is None or self.answered:
            self.answered = True
            await self._send(message)


def _declared(headers: dict[bytes, bytes]) -> int:
    text = headers.get(b"content-length", b"0")
    return int(text) if text.isdigit() else 0


def _too_large(maximum: int) -> ASGIApp:
    return problem(413, "too_large", f"The body is larger than {maximum} bytes.", maximum=maximum)


def body_limits(settings: ServerSettings) -> Callable[[str], int]:
    """The largest body of each path, in bytes."""

    def maximum(path: str) -> int:
        if path.startswith(("/ai/models", "/models")):
            # A model travels as a JSON string inside JSON: quotes and line breaks double at most.
            return 2 * settings.max_model_bytes
        if path in {"/agent_service/api/v1/attachments", "/suite_service/api/v1/suites"}:
            return settings.max_attachment_bytes
        if path.startswith("/auth/"):
            return AUTH_BODY_BYTES
        return REPORT_BODY_BYTES if path.startswith("/agent_service/") else DEFAULT_BODY_BYTES

    return maximum

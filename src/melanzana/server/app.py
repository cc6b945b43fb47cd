"""The ASGI app: routes, error answers, limits and response headers around the services.

`process.py` serves it; contract tests call it in process.
"""

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from melanzana.server import openapi, problems, routes
from melanzana.server.limits import BodyLimits, body_limits
from melanzana.server.services import Services
from melanzana.server.settings import ServerSettings

#: On every answer; pages set their own Content-Security-Policy.
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


def create_app(settings: ServerSettings, services: Services) -> ASGIApp:
    """The whole server as one ASGI app over open services."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url="/openapi.json", redirect_slashes=False)
    routes.include(app, services)
    problems.install(app)
    openapi.install(app)
    return SecurityHeaders(BodyLimits(app, body_limits(settings)))


class SecurityHeaders:
    """Adds the headers that every answer carries, unless the route set its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)

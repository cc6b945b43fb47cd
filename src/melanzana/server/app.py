"""The ASGI app: routes, error answers, limits and response headers around the services.

`process.py` serves it; contract tests call it in process.
"""

from collections.abc import Mapping

from fastapi import Depends, FastAPI
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from melanzana.server import openapi, problems, routes
from melanzana.server.error_pages import ErrorPages
from melanzana.server.express import Express
from melanzana.server.json_bodies import check_json
from melanzana.server.limits import BodyLimits, body_limits
from melanzana.server.services import Services
from melanzana.server.settings import ServerSettings

#: On every answer; pages set their own Content-Security-Policy, static files their own Cross-Origin-Resource-Policy.
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
#: With an https address: browsers come back by https for two years. Subdomains are others' business.
HSTS = {"Strict-Transport-Security": "max-age=63072000"}


def create_app(settings: ServerSettings, services: Services) -> ASGIApp:
    """The whole server as one ASGI app over open services."""
    app = FastAPI(
        docs_url=None, redoc_url=None, openapi_url="/openapi.json", redirect_slashes=False, dependencies=[Depends(check_json)]
    )
    pages = routes.include(app, services)
    problems.install(app)
    ErrorPages(pages, services.gate).install(app)
    openapi.install(app, settings.realm)
    headers = SECURITY_HEADERS | (HSTS if settings.base_url.startswith("https://") else {})
    express = Express(app, routes.express(services), problems.answer)
    return SecurityHeaders(BodyLimits(express, body_limits(settings)), headers)


class SecurityHeaders:
    """Adds the headers that every answer carries, unless the route set its own."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        self._app = app
        self._raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                set_already = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in self._raw if pair[0] not in set_already)]
                if message["status"] == 500:
                    # uvicorn closes it after an error; unsaid, the next request would be lost.
                    MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)

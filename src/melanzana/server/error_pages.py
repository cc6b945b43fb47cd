"""Errors as pages, for people: which requests get one, and what it says.

`problems.py` decides status and words of every error; when a browser asked for a page, this puts them into one. A page that needs
a login leads there and back again.
"""

import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from melanzana.access.gate import Gate
from melanzana.access.records import Visitor
from melanzana.errors import LoginNeededError
from melanzana.web.pages import Pages

Handler = Callable[[Request, Any], Awaitable[Response]]

#: Addresses of programs: whatever they say they accept, they get what the reference promises.
API_PREFIXES = (
    "/ai/",
    "/api/",
    "/auth/",
    "/execution_service/",
    "/agent_service/",
    "/static/",
    "/healthz",
    "/readyz",
    "/openapi.json",
    "/.well-known/",
)
#: Pages among them: the login of a realm lives where Keycloak has it.
LOGIN_PAGES = ("/protocol/openid-connect/auth", "/protocol/openid-connect/logout", "/login-actions/authenticate")
TITLES = {
    401: "Log in first",
    403: "This is not for your account",
    404: "There is nothing here",
    405: "This address works another way",
    409: "This has changed meanwhile",
    413: "That is too large",
    422: "Something in the form is wrong",
    429: "Please wait a moment",
    500: "Something went wrong on our side",
    503: "Please try again in a moment",
}
_log = structlog.get_logger("melanzana.server")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageError:
    """An error, ready to be shown."""

    status: int
    code: str
    detail: str
    request_id: str | None  #: under which the log has more; made when there is none yet
    headers: dict[str, str]  #: of the answer for programs, that hold for people too


def wants_page(request: Request) -> bool:
    """Whether a person looks at the answer: a browser asked, at an address that is a page's."""
    path = request.url.path
    if path.startswith(API_PREFIXES) and not (path.startswith("/auth/realms/") and path.endswith(LOGIN_PAGES)):
        return False
    return "text/html" in request.headers.get("accept", "")


class ErrorPages:
    """Shows errors with the frame of every page."""

    def __init__(self, pages: Pages, gate: Gate) -> None:
        self._pages = pages
        self._gate = gate

    def install(self, app: FastAPI) -> None:
        """Stand before the handlers that `app` has: they still decide, and people get to read it."""
        for kind, handler in list(app.exception_handlers.items()):
            app.add_exception_handler(kind, self._for_people(handler))  # type: ignore[arg-type]

    def _for_people(self, handler: Handler) -> Handler:
        async def handle(request: Request, error: Any) -> Response:
            if not wants_page(request):
                return await handler(request, error)
            if isinstance(error, LoginNeededError):
                return lead_to_login(request)
            answer = await handler(request, error)
            told = _told(answer)
            return answer if told is None else await self.show(request, told)

        return handle

    async def show(self, request: Request, error: PageError) -> Response:
        """The page of this error, with an id under which the log has it too."""
        request_id = error.request_id or uuid.uuid4().hex
        if error.request_id is None:
            _log.info("error page", request_id=request_id, status=error.status, code=error.code, path=request.url.path)
        return self._pages.render(
            request,
            "web/error.html",
            visitor=await self._visitor(request),
            status=error.status,
            headers=error.headers,
            heading=TITLES.get(error.status, "This did not work"),
            error=error,
            request_id=request_id,
        )

    async def _visitor(self, request: Request) -> Visitor | None:
        try:
            return await self._gate.visitor(request)
        except Exception:  # an error page must come up whatever is broken; without its visitor it only has fewer links
            return None


def lead_to_login(request: Request) -> Response:
    """To the login page, which leads back to the page that was wanted; a form that was sent is not sent again."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    target = "/login" if request.method not in {"GET", "HEAD"} or wanted == "/" else f"/login?{urlencode({'next': wanted})}"
    headers = {"Cache-Control": "no-store"}
    if request.headers.get("hx-request"):  # a part of a page was asked for: the whole page must go
        return Response(status_code=401, headers={**headers, "HX-Redirect": target})
    return RedirectResponse(target, 303, headers)


def _told(answer: Response) -> PageError | None:
    """What an answer for a program says; None for one that says nothing, such as a redirect."""
    if answer.status_code < 400 or "json" not in answer.headers.get("content-type", ""):
        return None
    body: dict[str, Any] = json.loads(bytes(answer.body))
    detail = body.get("detail", body.get("error_description", ""))
    if isinstance(detail, list):  # one entry for each wrong field
        detail = "; ".join(str(each.get("msg", "")) for each in detail)
    code = str(body.get("code", body.get("error", "error")))
    kept = {name: value for name, value in answer.headers.items() if name in {"allow", "retry-after"}}
    return PageError(
        status=answer.status_code, code=code, detail=_sentence(str(detail)), request_id=body.get("request_id"), headers=kept
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if not text or text.endswith((".", "!", "?")) else ".")

"""Which HTTP answer each error becomes: the only place that knows both sides.

Under `/auth/realms` the token endpoint's own shape (`auth/answers.py`); elsewhere problem+json with the error's stable `code`, and
for 422 the `detail` list that clients of the original API read (ADR 0007). Unexpected exceptions become a 500 that carries a
request id and nothing else; the log has the rest.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import compile_path

from melanzana import errors
from melanzana.auth import answers as auth_answers
from melanzana.web.answers import ERROR_URN, problem

RETRY_AFTER_SECONDS = 2
_log = structlog.get_logger("melanzana.server")

#: The first class that an error is an instance of decides; subclasses stand before their bases.
_STATUSES: tuple[tuple[type[errors.MelanzanaError], int], ...] = (
    (errors.InvalidTokenError, 401),
    (errors.LoginNeededError, 401),
    (errors.LoginRefusedError, 401),
    (errors.InsufficientScopeError, 403),
    (errors.ForgedRequestError, 403),
    (errors.MalformedError, 400),
    (errors.NotFoundError, 404),
    (errors.StaleEditError, 412),
    (errors.ConditionMissingError, 428),
    (errors.GoneError, 410),
    (errors.ConflictError, 409),
    (errors.JsonBodyError, 400),
    (errors.MediaTypeError, 415),
    (errors.TooLargeError, 413),
    (errors.BusyError, 429),
    (errors.UnavailableError, 503),
    (errors.RequestError, 422),
    (errors.ModelError, 422),
    (errors.ExpressionError, 422),
    (errors.EvaluationError, 422),
    (errors.GenerationError, 422),
    (errors.SuiteError, 422),
)


def install(app: FastAPI) -> None:
    """Make `app` answer every error in its dialect."""
    app.add_exception_handler(errors.MelanzanaError, _melanzana_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unexpected_error)


async def answer(request: Request, error: Exception) -> Response:
    """The answer to any error of ours, expected or not."""
    known = isinstance(error, errors.MelanzanaError)
    return await (_melanzana_error(request, error) if known else _unexpected_error(request, error))


def _validation(code: str, details: Sequence[Mapping[str, Any]], **extra: Any) -> Response:
    title = HTTPStatus(422).phrase
    return JSONResponse(
        {"type": ERROR_URN + code, "title": title, "status": 422, "code": code, "detail": list(details), **extra}, status_code=422
    )


async def _melanzana_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.MelanzanaError)
    if _is_auth(request):
        return auth_answers.shape(error)
    if isinstance(error, errors.OAuthError):
        return _oauth_problem(error)
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)
    if status == 500:
        return await _unexpected_error(request, error)
    if status == 422:
        return _melanzana_validation(error)
    answer = problem(status, error.code, error.message, **_public(error.detail))
    if isinstance(error, errors.InvalidTokenError):
        answer.headers["WWW-Authenticate"] = auth_answers.challenge(error)
    elif isinstance(error, errors.InsufficientScopeError):
        answer.headers["WWW-Authenticate"] = f'Bearer error="insufficient_scope", scope="{error.detail.get("scope", "")}"'
    elif status in {429, 503}:
        answer.headers["Retry-After"] = str(error.detail.get("retry_after", RETRY_AFTER_SECONDS))
    return answer


def _oauth_problem(error: errors.OAuthError) -> Response:
    """A refused grant at an older address; what else the error knows of the reason is for the log."""
    answer = problem(error.status, error.code, error.message, error=error.error)
    if (retry_after := error.detail.get("retry_after")) is not None:
        answer.headers["Retry-After"] = str(retry_after)
    return answer


def _melanzana_validation(error: errors.MelanzanaError) -> Response:
    findings = [finding.to_json() for finding in getattr(error, "findings", ())]
    details = [_finding_detail(finding) for finding in findings] or [
        {"loc": ["body", *_path(error.detail)], "msg": error.message, "type": error.code}
    ]
    extra = {"findings": findings} if findings else _public(error.detail)
    return _validation(error.code, details, **{name: value for name, value in extra.items() if name != "detail"})


def _finding_detail(finding: Mapping[str, Any]) -> dict[str, Any]:
    return {"loc": ["body", "modeljson"], "msg": finding["message"], "type": finding["code"]}


def _path(detail: Mapping[str, Any]) -> list[str]:
    return str(detail["field"]).split(".") if "field" in detail else []


def _public(detail: Mapping[str, Any]) -> dict[str, Any]:
    """What of an error's detail may stand in the answer without hiding one of the answer's own members."""
    taken = {"type", "title", "status", "code", "detail", "missing", "retry_after", "challenge"}
    return {name: value for name, value in detail.items() if name not in taken}


async def _validation_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        return problem(400, "json_invalid", "The body is not valid JSON.")
    details = [{"loc": list(item["loc"]), "msg": item["msg"], "type": item["type"]} for item in found]
    unknown = any(item["type"] == "extra_forbidden" for item in found)
    return _validation("unknown_field" if unknown else "request_invalid", details)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if _is_auth(request):
        return auth_answers.http_error(error.status_code, error.headers)
    texts = {
        400: ("json_invalid", "The body is not valid JSON."),
        404: ("not_found", "There is nothing at this address."),
        405: ("method_not_allowed", "This address knows other methods."),
    }
    code, detail = texts.get(error.status_code, (f"http_{error.status_code}", str(error.detail)))
    answer = problem(error.status_code, code, detail)
    answer.headers.update(error.headers or {})
    if error.status_code == 405:
        answer.headers["Allow"] = ", ".join(sorted(_methods_at(request)))
    return answer


def _methods_at(request: Request) -> set[str]:
    """What the address knows; the framework tells the methods of the first route that fits the path, and there may be several."""
    path = request.scope["path"]
    fitting = (route for route in iter_route_contexts(request.app.routes) if route.path and _pattern(route.path).match(path))
    return {method for route in fitting for method in route.methods or ()}


@lru_cache
def _pattern(path: str) -> re.Pattern[str]:
    return compile_path(path)[0]


async def _gone(_request: Request, _error: Exception) -> Response:
    """The caller left while its body was read, or the body was cut by `limits.py`: no error of ours, and nobody reads this."""
    return Response(status_code=400)


async def _unexpected_error(request: Request, error: Exception) -> Response:
    request_id = uuid.uuid4().hex
    _log.error("unexpected error", request_id=request_id, method=request.method, path=request.url.path, exc_info=error)
    if _is_auth(request):
        return auth_answers.http_error(500)
    return problem(500, "internal_error", "The server met an error of its own; its log has the rest.", request_id=request_id)


def _is_auth(request: Request) -> bool:
    return request.url.path.startswith(("/auth/realms/", "/.well-known/"))

"""The error answers of the REST API, documented once.

A route lists the codes it can give with `responses=answers(400, 401, …)`; `server/problems.py` decides which error becomes which
answer. The shape is problem+json (RFC 9457) plus a stable `code`; 422 keeps the `detail` list that clients of the original API
read (ADR 0007).
"""

from http import HTTPStatus
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field


class Problem(BaseModel):
    """Why a request was not carried out."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="`urn:melanzana:error:` and the code.")
    title: str = Field(description="The HTTP status in words.")
    status: int = Field(description="The HTTP status.")
    code: str = Field(description="Stable name of the error, listed in the reference.")
    detail: str = Field(description="What is wrong and how to mend it.")


class FieldProblem(BaseModel):
    """One field of the request that is wrong."""

    loc: list[str | int] = Field(description="Where: `body`, `query`, `path` or `header`, then the names down to the field.")
    msg: str = Field(description="What is wrong.")
    type: str = Field(description="Stable name of the kind of error.")


class ValidationProblem(BaseModel):
    """The request can be read and breaks a rule."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: list[FieldProblem]


_MEANINGS: dict[int, str] = {
    400: "The request cannot be read.",
    401: "No valid access token.",
    403: "The access token does not allow this.",
    404: "No such thing.",
    405: "Another HTTP method.",
    406: "No such media type.",
    409: "The request contradicts the state of the thing.",
    410: "The thing is gone.",
    412: "Somebody changed the thing since it was read: `If-Match` names another state.",
    413: "The body is larger than the limit.",
    415: "Another Content-Type.",
    422: "A field of the request is wrong.",
    428: "`If-Match` is missing: name the state that the change was made from.",
    429: "Too many requests; `Retry-After` says when.",
    503: "A part of the server does not answer now; `Retry-After` says when.",
}


#: Schemas that `server/openapi.py` puts into the document, so that every route can point to them.
SCHEMAS: dict[str, type[BaseModel]] = {"Problem": Problem, "ValidationProblem": ValidationProblem, "FieldProblem": FieldProblem}

PROBLEM_MEDIA_TYPE = "application/problem+json"
#: What `type` of a problem begins with; the error's code follows.
ERROR_URN = "urn:melanzana:error:"


def problem(status: int, code: str, detail: str, **extra: Any) -> JSONResponse:
    """A problem+json answer (RFC 9457)."""
    body = {"type": ERROR_URN + code, "title": HTTPStatus(status).phrase, "status": status, "code": code, "detail": detail, **extra}
    return JSONResponse(body, status_code=status, media_type=PROBLEM_MEDIA_TYPE)


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` argument of a route that may give these statuses."""
    return {status: _answer(status) for status in statuses}


def _answer(status: int) -> dict[str, Any]:
    if status == 422:
        content = {"application/json": {"schema": {"$ref": "#/components/schemas/ValidationProblem"}}}
    else:
        content = {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": _MEANINGS[status], "content": content}

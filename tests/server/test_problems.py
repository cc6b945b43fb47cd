"""Every error becomes the answer that its reader expects, and an unexpected one tells nothing."""

import httpx
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from melanzana import errors
from melanzana.graph.findings import Finding, Severity
from melanzana.server import problems

CASES = [
    (errors.NotFoundError("no such run", field="id"), 404, "not_found"),
    (errors.ConflictError("it ended", state="passed"), 409, "conflict"),
    (errors.StaleAttemptError("not yours"), 409, "stale_attempt"),
    (errors.TooLargeError("too big", maximum=10), 413, "too_large"),
    (errors.InsufficientScopeError("no", scope="models:write"), 403, "insufficient_scope"),
    (errors.InvalidTokenError("no", missing=True), 401, "invalid_token"),
    (errors.UnavailableError("later"), 503, "unavailable"),
    (errors.RequestError("wrong", field="seed"), 422, "request_invalid"),
    (errors.PathExpressionError("wrong", position=3), 422, "path_expression_invalid"),
    (errors.ImpossibleGoalError("never", position=3, elements=[{"id": "pay"}]), 422, "goal_impossible"),
    (errors.FormatError("wrong", line=3, column=4), 422, "model_format"),
]


async def ask(error: Exception, path: str = "/thing") -> httpx.Response:
    app = FastAPI()
    problems.install(app)

    @app.get(path)
    async def fail() -> None:
        raise error

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        return await client.get(path)


@pytest.mark.anyio
@pytest.mark.parametrize(("error", "status", "code"), CASES, ids=[code for _, _, code in CASES])
async def test_an_error_has_its_status_and_code(error: errors.MelanzanaError, status: int, code: str) -> None:
    """Each kind of error has one status, and its stable code in the body."""
    answer = await ask(error)
    assert (answer.status_code, answer.json()["code"], answer.json()["status"]) == (status, code, status)
    assert answer.headers["content-type"] == ("application/json" if status == 422 else "application/problem+json")


@pytest.mark.anyio
async def test_a_field_is_named_in_the_list_that_clients_of_the_original_read() -> None:
    """422 carries `detail` as a list of loc, msg and type."""
    body = (await ask(errors.RequestError("a seed is a number", field="seed"))).json()
    assert body["detail"] == [{"loc": ["body", "seed"], "msg": "a seed is a number", "type": "request_invalid"}]


@pytest.mark.anyio
async def test_every_finding_of_an_invalid_model_is_told() -> None:
    """An invalid model's answer lists all findings with their elements."""
    findings = [Finding(code=f"rule-{n}", severity=Severity.ERROR, message=f"wrong {n}", element=f"S{n}") for n in range(3)]
    body = (await ask(errors.InvalidModelError("3 errors", findings=findings))).json()
    assert [item["type"] for item in body["detail"]] == ["rule-0", "rule-1", "rule-2"]
    assert [item["element"] for item in body["findings"]] == ["S0", "S1", "S2"]


@pytest.mark.anyio
async def test_a_missing_token_gets_a_bare_challenge_and_a_bad_one_gets_its_error() -> None:
    """RFC 6750 section 3.1: no error code when no token was sent."""
    assert (await ask(errors.InvalidTokenError("none", missing=True))).headers["www-authenticate"] == "Bearer"
    assert 'error="invalid_token"' in (await ask(errors.InvalidTokenError("bad"))).headers["www-authenticate"]


@pytest.mark.anyio
async def test_an_answer_that_may_be_asked_again_says_when() -> None:
    """503 carries Retry-After."""
    assert int((await ask(errors.UnavailableError("later"))).headers["retry-after"]) >= 1


@pytest.mark.anyio
async def test_an_unexpected_error_tells_a_request_id_and_nothing_else() -> None:
    """The text of the exception is in the log, not in the answer."""
    with capture_logs() as logs:
        answer = await ask(ZeroDivisionError("secret-in-the-message"))
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert logs[0]["request_id"] == answer.json()["request_id"]


@pytest.mark.anyio
async def test_an_unknown_address_is_a_problem() -> None:
    """404 of an address that no route has is problem+json, too."""
    app = FastAPI()
    problems.install(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server") as client:
        answer = await client.get("/nowhere")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

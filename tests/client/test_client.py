"""The REST client: tokens renewed in time, requests repeated where that is safe, errors with their names."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from melanzana import errors
from melanzana.client.http import Patience
from melanzana.client.rest import RestClient, StartOptions
from melanzana.client.tokens import ClientCredentials

pytestmark = pytest.mark.anyio
TOKEN_URL = "http://server.test/auth/realms/eggplant/protocol/openid-connect/token"
SECRET = "canary-secret"


class Clock:
    """Stands still until told."""

    seconds = 0.0

    def now(self) -> datetime:
        return datetime(2030, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.seconds


class Server:
    """Grants tokens `t1`, `t2`, …; what else it answers, a test decides."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response] | None = None) -> None:
        self.requests: list[httpx.Request] = []
        self.granted = 0
        self.revoked: set[str] = set()
        self.answer = answer or (lambda _request: httpx.Response(200, json={}))
        self.token_answer: Callable[[], httpx.Response] | None = None
        self.forms: list[dict[str, list[str]]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if str(request.url) == TOKEN_URL:
            self.forms.append(parse_qs(request.content.decode()))
            if self.token_answer is not None:
                return self.token_answer()
            self.granted += 1
            return httpx.Response(200, json={"access_token": f"t{self.granted}", "expires_in": 300, "token_type": "Bearer"})
        self.requests.append(request)
        if request.headers["authorization"].removeprefix("Bearer ") in self.revoked:
            return problem(401, "invalid_token")
        return self.answer(request)


def problem(status: int, code: str, detail: str = "what is wrong", **headers: str) -> httpx.Response:
    body = {"type": f"urn:x:{code}", "title": "x", "status": status, "code": code, "detail": detail}
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json=body, headers={"content-type": "application/problem+json", **names})


class Setup:
    """A client on a scripted server, with pauses noted instead of waited for."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response] | None = None) -> None:
        self.server, self.clock, self.pauses = Server(answer), Clock(), list[float]()

        async def sleep(seconds: float) -> None:
            self.pauses.append(seconds)

        self.client = RestClient(
            "http://server.test/",
            ClientCredentials(TOKEN_URL, "me", SECRET, self.clock),
            transport=httpx.MockTransport(self.server),
            patience=Patience(attempts=4, sleep=sleep, jitter=lambda: 1.0),
        )


async def test_credentials_are_posted_as_a_form() -> None:
    """grant_type, client_id and client_secret, in the body and nowhere else."""
    setup = Setup()
    await setup.client.run(7)
    assert setup.server.forms == [{"grant_type": ["client_credentials"], "client_id": ["me"], "client_secret": [SECRET]}]
    assert setup.server.requests[0].url == "http://server.test/ai/runs/7"


async def test_a_token_is_used_until_most_of_its_life_is_over() -> None:
    """One token serves many requests; at 80 % of its life it is renewed before the next."""
    setup = Setup()
    await setup.client.run(1)
    setup.clock.seconds = 239
    await setup.client.run(1)
    assert setup.server.granted == 1
    setup.clock.seconds = 240
    await setup.client.run(1)
    assert [request.headers["authorization"] for request in setup.server.requests] == ["Bearer t1", "Bearer t1", "Bearer t2"]


async def test_requests_at_the_same_time_share_one_token() -> None:
    """A hundred requests ask for one token."""
    setup = Setup()
    await asyncio.gather(*(setup.client.run(n) for n in range(100)))
    assert setup.server.granted == 1


async def test_a_refused_token_is_renewed_once() -> None:
    """After 401 one new token is tried; when that is refused, too, the error is told."""
    setup = Setup()
    setup.server.revoked = {"t1"}
    await setup.client.run(1)
    assert setup.server.granted == 2
    setup.server.revoked = {"t2", "t3"}
    with pytest.raises(errors.InvalidTokenError):
        await setup.client.run(1)
    assert setup.server.granted == 3


async def test_refused_credentials_are_an_oauth_error_without_the_secret() -> None:
    """The registered word and the description are told; the secret is in no message and no repr."""
    setup = Setup()
    body = {"error": "invalid_client", "error_description": "Invalid client or Invalid client credentials"}
    setup.server.token_answer = lambda: httpx.Response(401, json=body)
    with pytest.raises(errors.OAuthError, match="invalid_client") as caught:
        await setup.client.run(1)
    assert caught.value.error == "invalid_client" and SECRET not in repr(caught.value)
    assert SECRET not in repr(ClientCredentials(TOKEN_URL, "me", SECRET))


async def test_an_unavailable_server_is_asked_again_after_the_pause_it_names() -> None:
    """503 with Retry-After; the pauses between attempts grow when nothing is named."""
    answers = iter([problem(503, "unavailable", Retry_After="2"), problem(503, "unavailable"), httpx.Response(200, json={"id": 1})])
    setup = Setup(lambda _request: next(answers))
    assert await setup.client.run(1) == {"id": 1}
    assert setup.pauses == [2.0, 1.0]


async def test_patience_ends() -> None:
    """After the last attempt the error is told."""
    setup = Setup(lambda _request: problem(503, "unavailable", "the disk is full"))
    with pytest.raises(errors.UnavailableError, match="the disk is full"):
        await setup.client.run(1)
    assert len(setup.server.requests) == 4


def _fails(error: type[httpx.TransportError]) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        raise error("broken", request=request)

    return answer


@pytest.mark.parametrize(
    ("error", "attempts"), [(httpx.ConnectError, 4), (httpx.ConnectTimeout, 4), (httpx.ReadTimeout, 1), (httpx.ReadError, 1)]
)
async def test_a_request_that_may_have_been_carried_out_is_not_repeated(error: type[httpx.TransportError], attempts: int) -> None:
    """An upload is sent again only when the first one cannot have arrived."""
    setup = Setup(_fails(error))
    with pytest.raises(errors.UnavailableError, match="does not answer"):
        await setup.client.import_model("model: x")
    assert len(setup.server.requests) == attempts


async def test_a_start_carries_a_key_and_may_be_repeated() -> None:
    """Every attempt of one start has the same Idempotency-Key."""
    setup = Setup(_fails(httpx.ReadTimeout))
    with pytest.raises(errors.UnavailableError):
        await setup.client.start_execution(StartOptions(model_id="u"))
    keys = {request.headers["idempotency-key"] for request in setup.server.requests}
    assert len(setup.server.requests) == 4 and len(keys) == 1


async def test_the_body_of_a_start_holds_what_was_set() -> None:
    """Fields that are None are left out; extras stand beside the others."""
    setup = Setup()
    await setup.client.start_execution(StartOptions(model_id="u", agent={"agent_id": "1"}, extras={"seed": 7}), "key")
    body = json.loads(setup.server.requests[0].content)
    assert body == {"execution_type": "executing", "model_id": "u", "agent": {"agent_id": "1"}, "seed": 7}
    assert setup.server.requests[0].headers["idempotency-key"] == "key"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "not_found", errors.NotFoundError),
        (409, "stale_attempt", errors.StaleAttemptError),
        (409, "session_replaced", errors.SessionReplacedError),
        (409, "unheard_of", errors.ConflictError),
        (403, "insufficient_scope", errors.InsufficientScopeError),
        (422, "model_invalid", errors.InvalidModelError),
        (413, "too_large", errors.TooLargeError),
        (418, "teapot", errors.RequestError),
        (502, "bad_gateway", errors.UnavailableError),
    ],
)
async def test_an_error_answer_becomes_the_servers_exception(status: int, code: str, kind: type[Exception]) -> None:
    """By its code, else by its status; the detail is the message."""
    setup = Setup(lambda _request: problem(status, code))
    with pytest.raises(kind, match="what is wrong") as caught:
        await setup.client.abort("x")
    assert type(caught.value) is kind


async def test_field_errors_are_told_field_by_field() -> None:
    """The detail list of a 422 becomes one readable line."""
    detail: list[Any] = [{"loc": ["body", "model_id"], "msg": "Field required", "type": "missing"}]
    setup = Setup(lambda _request: httpx.Response(422, json={"code": "request_invalid", "detail": detail}))
    with pytest.raises(errors.RequestError, match=r"^model_id: Field required$"):
        await setup.client.start_execution(StartOptions())


async def test_an_answer_that_is_no_problem_json_is_told_by_its_status() -> None:
    """A proxy's HTML page is not shown to anybody."""
    setup = Setup(lambda _request: httpx.Response(404, text="<html>nothing here</html>"))
    with pytest.raises(errors.NotFoundError, match="GET /ai/agents was answered 404 Not Found"):
        await setup.client.agents()


async def test_ids_cannot_leave_their_segment_of_the_path() -> None:
    """Whatever an id holds, it stays one segment."""
    setup = Setup()
    await setup.client.get_execution("../../x?y#z")
    assert setup.server.requests[0].url.raw_path == b"/execution_service/api/v1/executions/..%2F..%2Fx%3Fy%23z"


def test_an_address_that_is_none_is_a_settings_error() -> None:
    """The message shows how to write it."""
    with pytest.raises(errors.SettingsError, match="http://localhost:8000"):
        RestClient("localhost:8000", ClientCredentials(TOKEN_URL, "me", SECRET))

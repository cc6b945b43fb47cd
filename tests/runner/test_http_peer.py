"""The agent's view of the server over HTTP: paths, bodies, and which error an answer becomes."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from melanzana import errors
from melanzana.protocol import wire
from melanzana.protocol.events import RunFinished
from melanzana.protocol.peer import Hello, Report
from melanzana.runner.http_peer import HttpPeer
from support_peer import SESSION, FakePeer, lease

pytestmark = pytest.mark.anyio
DONE = RunFinished(verdict="passed", reason="exit")


class Static:
    """A token that is always good."""

    async def token(self, http: httpx.AsyncClient) -> str:
        return "token"

    def reject(self, token: str) -> None: ...


class Gateway:
    """HTTP in front of a peer in memory, as the server's routes do it."""

    def __init__(self, peer: FakePeer) -> None:
        self.peer = peer
        self.requests: list[httpx.Request] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        name = request.url.path.removeprefix("/agent_service/api/v1/")
        if name == "attachments":
            sha256 = await self.peer.store(SESSION, lease(), request.content)
            return httpx.Response(201, json={"sha256": sha256, "size": len(request.content)})
        body = json.loads(request.content)
        if name == "sessions":
            return httpx.Response(201, json=wire.session_to_json(await self.peer.register(wire.hello_from_json(body))))
        if name == "leases":
            found = await self.peer.lease(SESSION, body["wait_seconds"])
            return httpx.Response(200, json=wire.lease_to_json(found)) if found else httpx.Response(204)
        directive = await self.peer.report(SESSION, wire.report_from_json(body))
        return httpx.Response(200, json=wire.directive_to_json(directive))


def connect(handler: Any) -> HttpPeer:
    return HttpPeer("http://server.test", Static(), httpx.MockTransport(handler))


async def test_all_verbs_arrive_as_they_were_meant() -> None:
    """What goes through HTTP is what the peer behind it hears and answers."""
    fake = FakePeer(lease())
    gateway = Gateway(fake)
    peer = connect(gateway)
    hello = Hello(capabilities=frozenset({"python", "chrome"}), host="lab", version="1", instance="abc")
    assert await peer.register(hello) == SESSION and fake.hellos == [hello]
    assert await peer.lease(SESSION, 0) == lease()
    assert await peer.lease(SESSION, 0) is None
    report = Report(execution_id="e1", attempt=1, events=(DONE,), wait_seconds=0.5)
    directive = await peer.report(SESSION, report)
    assert fake.reports == [report] and directive.ended and directive.next_seq == 2
    assert fake.contents[await peer.store(SESSION, lease(), b"bytes")] == b"bytes"


async def test_session_and_attempt_go_with_every_request() -> None:
    """In the body of leases and reports, in headers of attachments."""
    gateway = Gateway(FakePeer(lease()))
    peer = connect(gateway)
    await peer.lease(SESSION, 0)
    await peer.report(SESSION, Report(execution_id="e1", attempt=3))
    await peer.store(SESSION, lease(attempt=3), b"x")
    leases, reports, attachments = gateway.requests
    assert json.loads(leases.content)["session"] == SESSION.session
    assert {"session": SESSION.session, "execution_id": "e1", "attempt": 3}.items() <= json.loads(reports.content).items()
    assert attachments.headers["melanzana-session"] == "1" and attachments.headers["melanzana-attempt"] == "3"
    assert attachments.headers["melanzana-execution"] == "e1"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (409, "stale_attempt", errors.StaleAttemptError),
        (409, "session_replaced", errors.SessionReplacedError),
        (401, "invalid_token", errors.InvalidTokenError),
        (403, "insufficient_scope", errors.InsufficientScopeError),
        (503, "unavailable", errors.UnavailableError),
        (500, "internal_error", errors.UnavailableError),
        (413, "too_large", errors.TooLargeError),
        (422, "request_invalid", errors.RequestError),
    ],
)
async def test_answers_become_the_errors_of_the_peer(status: int, code: str, kind: type[Exception]) -> None:
    """Each kind of refusal means something of its own to the agent."""
    peer = connect(lambda _request: httpx.Response(status, json={"code": code, "detail": "x"}))
    with pytest.raises(kind) as caught:
        await peer.report(SESSION, Report(execution_id="e1", attempt=1))
    assert type(caught.value) is kind


async def test_nothing_is_repeated_by_the_peer_itself() -> None:
    """Whether asking again makes sense is the agent's decision."""
    asked: list[int] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        asked.append(1)
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(errors.UnavailableError):
        await connect(refuse).lease(SESSION, 0)
    assert len(asked) == 1


async def test_an_answer_may_take_as_long_as_it_was_asked_to() -> None:
    """The timeout of a held request is longer than the time it may be held."""
    seen: list[float] = []

    async def note(request: httpx.Request) -> httpx.Response:
        seen.append(request.extensions["timeout"]["read"])
        await asyncio.sleep(0)
        return httpx.Response(204)

    await connect(note).lease(SESSION, 25)
    assert seen[0] > 25


async def test_an_answer_that_cannot_be_read_is_no_answer() -> None:
    """A captive portal's page counts as an unavailable server."""
    with pytest.raises(errors.UnavailableError):
        await connect(lambda _request: httpx.Response(200, text="<html>")).register(Hello(capabilities=frozenset()))

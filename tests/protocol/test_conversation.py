"""A recorded conversation of agent and server is still understood by both, and what a newer minor version adds is passed over.

`golden/conversation-1.json` holds what an agent of protocol 1 sends and what a server of protocol 1 answers, as they go over the
wire. It is never rewritten: a change that breaks this test breaks agents in the field, and needs a new protocol number, a second
file, and both numbers served for one minor version (docs/explanation/leases.md, "Versions").
"""

import copy
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from melanzana.access.records import PrincipalKind
from melanzana.errors import RequestError
from melanzana.protocol import wire
from melanzana.protocol.peer import PROTOCOL_VERSION, Hello, Report
from melanzana.runner.http_peer import HttpPeer
from support_app import SOMEBODY, RunningApp, running_app
from support_executions import MODEL_TEXT

pytestmark = pytest.mark.anyio
RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "golden" / "conversation-1.json").read_text("utf-8"))
ROOT = "/agent_service/api/v1"
READERS: dict[str, Callable[[Any], Any]] = {
    "/sessions": wire.session_from_json,
    "/leases": wire.lease_from_json,
    "/reports": wire.directive_from_json,
}


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(tmp_path) as running:
        await running.sign_in()
        yield running


def newer(document: Any) -> Any:
    """The same as a newer minor version might send it: with a field more in every object."""
    if isinstance(document, dict):
        return {**{name: newer(value) for name, value in document.items()}, "of_a_newer_version": {"a": [1]}}
    return [newer(item) for item in document] if isinstance(document, list) else document


async def _agent(app: RunningApp) -> dict[str, str]:
    agent = (await app.http.post("/ai/agents", json={"name": "rack-1"})).raise_for_status().json()
    made = await app.services.clients.create_client(
        "eggplant", "rack-1", actor=SOMEBODY, kind=PrincipalKind.AGENT, agent_id=agent["id"]
    )
    return {"Authorization": f"Bearer {await app.token(made.client_id, made.client_secret)}"}


@pytest.mark.parametrize("as_sent", [copy.deepcopy, newer], ids=["recorded", "newer"])
async def test_the_server_understands_the_agent_of_the_recording(app: RunningApp, as_sent: Callable[[Any], Any]) -> None:
    """Each recorded request gets the recorded status and at least the recorded fields; the run passes with every event kept."""
    headers = await _agent(app)
    model = (await app.http.post("/ai/models", json={"modeljson": MODEL_TEXT})).raise_for_status().json()
    start = {"model_id": model["modeluuid"], "perform": True, "seed": 7}
    started = (await app.http.post("/execution_service/api/v1/executions", json=start)).raise_for_status().json()
    session = 0
    for turn in RECORDED["turns"]:
        body = as_sent(turn["request"])
        if "session" in body:
            body["session"] = session
        if "execution_id" in body:
            body["execution_id"] = started["execution_id"]
        answer = await app.http.post(ROOT + turn["path"], json=body, headers=headers)
        assert answer.status_code == turn["status"], answer.text
        if turn["answer"] is not None:
            assert turn["answer"].keys() <= answer.json().keys()
        if turn["path"] == "/sessions":
            session = answer.json()["session"]
        if turn["path"] == "/reports":
            assert {name: answer.json()[name] for name in turn["answer"]} == turn["answer"]
    found = (await app.http.get(f"/execution_service/api/v1/executions/{started['execution_id']}")).json()
    assert (found["state"], found["attempt"]) == ("passed", 1)
    kept = [line.type for line in await app.services.executions.events("eggplant", found["run_id"]) if line.agent_seq]
    assert kept == [event["type"] for turn in RECORDED["turns"] for event in turn["request"].get("events", [])]


@pytest.mark.parametrize("as_sent", [copy.deepcopy, newer], ids=["recorded", "newer"])
async def test_the_agent_understands_the_server_of_the_recording(as_sent: Callable[[Any], Any]) -> None:
    """The agent's HTTP peer takes each recorded answer, and sends requests with at least the recorded fields."""
    turns = iter(RECORDED["turns"])
    sent: list[tuple[str, dict[str, Any]]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        turn = next(turns)
        sent.append((request.url.path.removeprefix(ROOT), json.loads(request.content)))
        return httpx.Response(turn["status"], json=as_sent(turn["answer"])) if turn["answer"] else httpx.Response(turn["status"])

    peer = HttpPeer("http://server", _Token(), httpx.MockTransport(answer))
    session = await peer.register(Hello(capabilities=frozenset({"python", "dry"}), instance="one"))
    lease = await peer.lease(session, 0.0)
    assert lease is not None
    for turn in RECORDED["turns"][2:]:
        said = wire.report_from_json(turn["request"])
        await peer.report(session, Report(**{name: getattr(said, name) for name in Report.__dataclass_fields__}))
    assert [path for path, _ in sent] == [turn["path"] for turn in RECORDED["turns"]]
    for (_, body), turn in zip(sent, RECORDED["turns"], strict=True):
        assert turn["request"].keys() <= body.keys()
    await peer.close()


class _Token:
    async def token(self, http: httpx.AsyncClient) -> str:
        return "token"

    def reject(self, token: str) -> None:
        raise AssertionError("nothing is refused here")


def test_what_each_answer_means_stays_the_same() -> None:
    """Recorded answers read to the values that they had; nothing that is new is needed to read them."""
    for turn in RECORDED["turns"]:
        if turn["answer"] is not None:
            read = READERS[turn["path"]](turn["answer"])
            assert read == READERS[turn["path"]](newer(turn["answer"])) or turn["path"] == "/leases"
            assert {name: getattr(read, name) for name in turn["means"]} == turn["means"]


async def test_versions_too_far_apart_are_told_so(app: RunningApp) -> None:
    """The protocol before this one is served, too; anything else is refused at registration with what to do."""
    headers = await _agent(app)
    hello = {**RECORDED["turns"][0]["request"]}
    for protocol in range(max(1, PROTOCOL_VERSION - 1), PROTOCOL_VERSION + 1):
        assert (await app.http.post(f"{ROOT}/sessions", json={**hello, "protocol": protocol}, headers=headers)).status_code == 200
    refused = await app.http.post(f"{ROOT}/sessions", json={**hello, "protocol": PROTOCOL_VERSION + 1}, headers=headers)
    assert refused.status_code == 422
    assert "install versions that are at most one apart" in refused.text


def test_an_unknown_kind_of_event_is_refused_by_name() -> None:
    """An agent that tells what this server cannot keep hears which word it was, instead of losing it silently."""
    report = {"execution_id": "e", "attempt": 1, "events": [{"type": "StepDreamt"}]}
    with pytest.raises(RequestError, match="StepDreamt"):
        wire.report_from_json(report)

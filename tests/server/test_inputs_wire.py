"""Hostile bytes and a broken disk, against a real server process (numbers 15, 22, 34, 35, 42, 47 and 48 of the list)."""

import configparser
import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from support_executions import MODEL_TEXT
from support_server import Script, ServerProcess, create_client, running_server, wait_until
from support_sockets import ask, wire

pytestmark = pytest.mark.slow
STARTS = "/execution_service/api/v1/executions"
#: Said by whom the disk fails, every time.
UNAVAILABLE = (503, "unavailable")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with running_server(tmp_path_factory.mktemp("server"), "--no-agent") as process:
        yield process


@pytest.fixture(scope="module")
def script(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Script]:
    with Script(server.url, create_client(server.data, tmp_path_factory.mktemp("client"))) as speaking:
        yield speaking


def code(body: bytes) -> str:
    return str(json.loads(body)["code"])


@pytest.mark.parametrize(
    ("target", "fields"),
    [
        ("/" + "a" * 50_000, ""),
        ("/ai/runs?" + "&".join(f"p{number}=1" for number in range(10_000)), ""),
        ("/healthz", f"X: {'v' * 100_000}\r\n"),
        ("/healthz", "".join(f"X-{number}: v\r\n" for number in range(10_000))),
    ],
    ids=["address of 50 KB", "10,000 parameters", "header of 100 KB", "10,000 headers"],
)
def test_input_22_a_head_that_is_too_large_is_431(server: ServerProcess, target: str, fields: str) -> None:
    """Whatever makes it large, it reaches no route."""
    answer = ask(server.url, f"GET {target} HTTP/1.1\r\nHost: x\r\n{fields}\r\n".encode())
    assert (answer.status, code(answer.body)) == (431, "header_too_large")


SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 0x5\r\n",
        b"Content-Length: 5 \r\n ,6\r\n",
        b"Content-Length : 5\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"X: a\rTransfer-Encoding: chunked\r\n",
        b"X: a\x00b\r\n",
        b"X y: a\r\n",
    ],
)
def test_input_34_a_request_that_two_readers_would_end_elsewhere_is_refused(server: ServerProcess, head: bytes) -> None:
    """One 400, the connection ends, and the bytes behind it are no second request."""
    with wire(server.url) as open_wire:
        open_wire.send(b"POST /ai/models HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n0\r\n\r\n" + SMUGGLED)
        first = open_wire.receive()
        assert (first.status, code(first.body), first.headers["connection"]) == (400, "request_unreadable", "close")
        assert open_wire.receive().status == 0


@pytest.mark.parametrize("request_line", [b"GET http://evil.example/healthz HTTP/1.1", b"GET //evil.example/healthz HTTP/1.1"])
def test_input_35_an_address_with_another_host_is_led_nowhere(server: ServerProcess, request_line: bytes) -> None:
    """The server answers for itself or not at all; it fetches and names nothing."""
    answer = ask(server.url, request_line + b"\r\nHost: evil.example\r\n\r\n")
    assert answer.status in {200, 400, 404}
    assert b"evil" not in answer.body and "evil" not in str(answer.headers)


def test_input_42_what_is_logged_stays_one_line(server: ServerProcess, script: Script) -> None:
    """Names with line breaks, escapes and marks that turn the text around come into the log as escapes, or not at all."""
    for name in ("a\r\nforged line", "a\x1b[2Jb", "a\u202eb", "a\x00b"):
        script.call("POST", "/ai/agents", (201, 422), json={"name": name})
        httpx.post(script._token_url, data={"grant_type": "client_credentials", "client_id": name, "client_secret": "x"})
    assert not [line for line in server.lines if line.startswith("forged") or set(line) & {"\x1b", "\u202e", "\x00", "\r"}]


class LyingAgent:
    """An agent's credentials in wrong hands."""

    def __init__(self, server: ServerProcess, script: Script, name: str) -> None:
        agent = script.call("POST", "/ai/agents", 201, json={"name": name})
        text = script.call("POST", "/ai/agents/generate_secrets", json={"agent_id": agent["id"], "host_url": server.url})
        ini = configparser.ConfigParser(interpolation=None)
        ini.read_string(text)
        keys = {key: ini[name][key] for key in ("client_id", "client_secret")}
        token = httpx.post(ini[name]["token_url"], data={"grant_type": "client_credentials", **keys}).json()["access_token"]
        self.agent_id = str(agent["id"])
        self.http = httpx.Client(
            base_url=f"{server.url}/agent_service/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=30
        )
        hello = {"protocol": 1, "capabilities": ["python", "dry"], "host": "rack", "version": "1", "instance": name}
        self.session = self.http.post("/sessions", json=hello).json()["session"]

    def __enter__(self) -> "LyingAgent":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def given(self, script: Script) -> tuple[dict[str, Any], dict[str, Any]]:
        """A start that this agent is asked to perform, and its lease of it."""
        model = script.import_model(MODEL_TEXT)
        started = script.start(model_id=model["modeluuid"], agent={"agent_id": self.agent_id}, suite="suites/x")
        return started, self.lease()

    def lease(self) -> dict[str, Any]:
        answer = self.http.post("/leases", json={"session": self.session, "wait_seconds": 0})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def report(self, lease: dict[str, Any], first_seq: int, *events: dict[str, Any], **more: Any) -> httpx.Response:
        said = {"session": self.session, "execution_id": lease["execution_id"], "attempt": lease["attempt"]}
        return self.http.post("/reports", json={**said, "first_seq": first_seq, "events": list(events), **more})


STARTED = {"type": "RunStarted", "agent": "x", "version": "1"}
STEP = {"type": "StepFinished", "number": 1, "iteration": 1, "kind": "action", "element_id": "a", "name": "open"}


def test_input_15_an_agent_at_an_execution_that_is_not_its_own_is_409(server: ServerProcess, script: Script) -> None:
    """Another agent, an older or a later attempt, an unknown execution: nothing is written, and the holder goes on."""
    with LyingAgent(server, script, "holder") as holder, LyingAgent(server, script, "stranger") as stranger:
        started, lease = holder.given(script)
        assert holder.report(lease, 1, STARTED).status_code == 200
        before = script.log(int(started["run_id"]))
        for answer in (stranger.report(lease, 2, STARTED), holder.report(lease | {"attempt": 2}, 2, STARTED)):
            assert (answer.status_code, answer.json()["code"]) == (409, "stale_attempt")
        nothing = {"execution_id": "00000000-0000-4000-8000-000000000000", "attempt": 1}
        assert holder.report(nothing, 1, STARTED).status_code == 404
        assert script.log(int(started["run_id"])) == before
        assert holder.report(lease, 2).json()["next_seq"] == 2


def test_input_47_a_lying_agent_harms_its_own_run_at_most(server: ServerProcess, script: Script) -> None:
    """Wrong numbers, too many events, verdicts and times that cannot be: refused, or kept as what was said; the run stays whole."""
    with LyingAgent(server, script, "liar") as liar, LyingAgent(server, script, "other") as other:
        started, lease = liar.given(script)
        assert liar.report(lease, 1, STARTED).json()["next_seq"] == 2
        ahead = liar.report(lease, 900, STEP | {"verdict": "passed", "at_seconds": 1.0})
        assert (ahead.status_code, ahead.json()["next_seq"]) == (200, 2)
        for event in (
            STEP | {"verdict": "glorious", "at_seconds": 1.0},
            STEP | {"verdict": "passed", "at_seconds": "tomorrow"},
            STEP | {"verdict": "passed", "number": 10**30, "at_seconds": 1.0},
            {"type": "Nonsense"},
            {"type": "RunFinished", "verdict": "passed", "reason": "stop_condition", "extra": {"state": "passed"}} | {"verdict": 7},
        ):
            assert liar.report(lease, 2, event).status_code == 422, event
        assert liar.report(lease, 2, *[STEP | {"verdict": "passed", "at_seconds": 1.0}] * 20_000).status_code in {413, 422}
        assert liar.report(lease | {"attempt": 7}, 2, STARTED).status_code == 409
        assert other.report(lease, 2, STARTED).json()["code"] == "stale_attempt"
        unplanned = STEP | {"verdict": "passed", "at_seconds": 1e300, "element_id": "no such element", "number": 4_000_000}
        assert liar.report(
            lease, 2, unplanned, {"type": "RunFinished", "verdict": "passed", "reason": "stop_condition"}
        ).status_code in {
            200,
            422,
        }
        run = script.run(int(started["run_id"]))
        assert run["status"] in {"Running", "Passed", "Failed", "Error"}
        coverage = script.call("GET", f"/ai/runs/{started['run_id']}/coverage", (200, 404))
        assert "no such element" not in json.dumps(coverage)
        script.log(int(started["run_id"]))
        assert not [line for line in server.lines if "unexpected error" in line]


@contextmanager
def failing(server: ServerProcess, error: str) -> Iterator[None]:
    """Every call of the server that would write to its database fails with `error` while the block runs."""
    assert server.process is not None
    paths = [word for end in ("", "-wal") for word in ("-P", str(server.data / f"melanzana.db{end}"))]
    command = ["strace", "-f", "-qqq", "-o", "/dev/null", *paths, "-e", f"inject=pwrite64,fdatasync,ftruncate:error={error}"]
    tracer = subprocess.Popen([*command, "-p", str(server.process.pid)], stderr=subprocess.DEVNULL)
    tasks = [task / "status" for task in Path(f"/proc/{server.process.pid}/task").iterdir()]
    wait_until(lambda: all("TracerPid:\t0" not in task.read_text() for task in tasks if task.exists()), "strace to attach")
    try:
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait()


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_input_48_a_broken_disk_is_503_and_recovers_by_itself(server: ServerProcess, script: Script, error: str) -> None:
    """While nothing can be written every change is 503 with `Retry-After`, questions are answered; then all is well."""
    with (
        LyingAgent(server, script, f"agent-{error}") as agent,
        httpx.Client(base_url=server.url, headers=script._http.headers, timeout=30) as http,
    ):
        started, lease = agent.given(script)
        with failing(server, error):
            refused = [
                http.post(STARTS, json={"model_id": started["model_id"]}),
                http.delete(f"{STARTS}/{started['execution_id']}"),
                http.post("/ai/agents", json={"name": "never"}),
                agent.http.post("/leases", json={"session": agent.session, "wait_seconds": 0}),
                agent.report(lease, 1, STARTED),
                wait_until(lambda: None if (ready := http.get("/readyz")).is_success else ready, "nobody to be ready", 5),
            ]
            for answer in refused:
                assert (answer.status_code, answer.json().get("code")) == UNAVAILABLE, (answer.url, answer.text)
                assert 1 <= int(answer.headers["Retry-After"]) <= 5
            assert http.get("/healthz").status_code == 200
            assert http.get(f"{STARTS}/{started['execution_id']}").status_code == 200
        wait_until(lambda: http.get("/readyz").status_code == 200, "the server to be ready again", 5)
        assert agent.report(lease, 1, STARTED).json()["next_seq"] == 2
        script.call("DELETE", f"{STARTS}/{started['execution_id']}", 204)
        assert "never" not in [one["name"] for one in http.get("/ai/agents").json()]
    assert not [line for line in server.lines if "unexpected error" in line]

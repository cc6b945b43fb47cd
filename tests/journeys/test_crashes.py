"""Agents and servers are killed in the middle of a run, on both engines: what was acknowledged stays and every run ends visibly."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support_doors import MODEL, QUICK, AgentProcess, start_waiting
from support_history import Found, History, check
from support_server import Script, ServerProcess, create_client, running_server, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def server(
    tmp_path: Path, either_database: str | None, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[ServerProcess]:
    """On its own file and on PostgreSQL; with the figures that the test was parametrized with, else with quick ones."""
    if either_database is not None:
        monkeypatch.setenv("MELANZANA_DATABASE", either_database)  # the command line of the tests uses it as well
    with running_server(tmp_path / "data", "--no-agent", *getattr(request, "param", QUICK)) as process:
        yield process


@pytest.fixture
def script(server: ServerProcess, tmp_path: Path) -> Iterator[Script]:
    with Script(server.url, create_client(server.data, tmp_path)) as speaking:
        yield speaking


@pytest.fixture
def agent(script: Script, server: ServerProcess, tmp_path: Path) -> Iterator[AgentProcess]:
    running = AgentProcess(script, server.url, tmp_path, "rack-1")
    yield running
    running.end()


def test_a_killed_agent_ends_its_run_visibly(script: Script, agent: AgentProcess, tmp_path: Path) -> None:
    """SIGKILL of the agent: its worker dies with it, and the run ends as an error that names the lost agent."""
    started = start_waiting(script, agent, tmp_path)
    worker = int((tmp_path / "waiting").read_text())
    agent.process.kill()
    agent.process.wait()
    wait_until(lambda: not Path(f"/proc/{worker}").exists(), "the worker to die with its agent", 10)
    run = script.wait_for_end(int(str(started["run_id"])), 30)
    assert run["status"] == "Error"
    assert run["reason"] == "agent_lost"


@pytest.mark.parametrize("server", [()], indirect=True, ids=["default figures"])
def test_a_killed_server_loses_nothing_and_the_agent_resumes(
    script: Script, server: ServerProcess, agent: AgentProcess, tmp_path: Path
) -> None:
    """SIGKILL of the server mid-run: after a restart what it acknowledged is there, and the agent's run goes on to pass."""
    started = start_waiting(script, agent, tmp_path)
    run_id = int(str(started["run_id"]))
    before = script.log(run_id)
    assert before
    server.kill()
    server.start()
    after = script.log(run_id)
    assert [entry["id"] for entry in after][: len(before)] == [entry["id"] for entry in before]
    (tmp_path / "go").touch()
    run = script.wait_for_end(run_id, 30)
    assert run["status"] == "Passed", agent.ini.with_suffix(".log").read_text()
    assert not [entry for entry in script.log(run_id) if entry["message_type"] == "failure"]


def test_a_start_that_was_acknowledged_survives_a_killed_server(script: Script, server: ServerProcess) -> None:
    """Executions whose 201 arrived are all there after SIGKILL and restart, each once."""
    model = script.import_model(MODEL)
    history, runs = History(), dict[str, int]()

    def start(number: int) -> None:
        call = history.invoke("start", key=f"key-{number}")
        headers = {"Idempotency-Key": f"key-{number}"}
        started = script.start(model_id=model["modeluuid"], headers=headers, agent=None)
        call.ok(execution=started["execution_id"])
        runs[started["execution_id"]] = started["run_id"]

    for number in range(20):
        start(number)
    server.kill()
    server.start()
    for number in range(20):
        start(number)
    ended = {name: script.wait_for_end(run_id)["status"] for name, run_id in runs.items()}
    assert set(ended.values()) == {"Passed"}
    listed = script.call("GET", "/execution_service/api/v1/executions?limit=200")["items"]
    check(history, [Found(execution=one["execution_id"], state=one["state"], attempt=one["attempt"]) for one in listed])


def test_a_stopped_server_ends_within_ten_seconds_and_leaves_no_process(tmp_path: Path) -> None:
    """SIGTERM: exit code 0 in time, and the agents that the server started are gone with it."""
    with running_server(tmp_path / "stopping") as server:
        assert server.process is not None
        children = wait_until(lambda: _children(server.process.pid), "the local agents")  # type: ignore[union-attr]
        assert server.stop() == 0
        wait_until(lambda: not [pid for pid in children if Path(f"/proc/{pid}").exists()], "the agents to be gone", 10)


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in listed] if len(listed) >= 2 else []

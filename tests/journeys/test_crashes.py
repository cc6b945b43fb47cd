"""Agents and servers are killed in the middle of a run; what was acknowledged stays and every run ends where people see it."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support_server import MELANZANA, Script, ServerProcess, create_client, running_server, wait_until

pytestmark = pytest.mark.slow

DOORS = Path(__file__).parent / "doors"
MODEL = (DOORS / "doors.yaml").read_text("utf-8")
SUITE = str(DOORS / "suite")
#: Figures short enough for a test; the ratios are those of the defaults.
QUICK = ("--heartbeat-seconds", "0.5", "--lease-seconds", "2", "--grace-seconds", "1", "--kill-seconds", "1")


class AgentProcess:
    """One `melanzana agent` with credentials of its own."""

    def __init__(self, script: Script, server: ServerProcess, folder: Path, name: str) -> None:
        agent = script.call("POST", "/ai/agents", 201, json={"name": name})
        self.agent_id = agent["id"]
        text = script.call("POST", "/ai/agents/generate_secrets", json={"agent_id": agent["id"], "host_url": server.url})
        self.ini = folder / f"{name}.ini"
        self.ini.write_text(text)
        self.log = (folder / f"{name}.log").open("w")
        self.process = subprocess.Popen(
            [*MELANZANA, "agent", "--ini", str(self.ini)], stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True
        )

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.log.close()


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    """With the figures that the test was parametrized with, else with quick ones."""
    with running_server(tmp_path / "data", "--no-agent", *getattr(request, "param", QUICK)) as process:
        yield process


@pytest.fixture
def script(server: ServerProcess, tmp_path: Path) -> Iterator[Script]:
    with Script(server.url, create_client(server.data, tmp_path)) as speaking:
        yield speaking


@pytest.fixture
def agent(script: Script, server: ServerProcess, tmp_path: Path) -> Iterator[AgentProcess]:
    running = AgentProcess(script, server, tmp_path, "rack-1")
    yield running
    running.end()


def start_waiting(script: Script, agent: AgentProcess, folder: Path, test_case: str = "wait at the door") -> dict[str, object]:
    """A run that performs a step which waits for the file `go`; returns once it waits."""
    model = script.import_model(MODEL)
    started = script.start(
        model_id=model["modeluuid"],
        path=f'directed("{test_case}")',
        parameters={"folder": str(folder)},
        agent={"agent_id": str(agent.agent_id), "is_hosted_agent": False},
        asset={"asset_path": SUITE},
    )
    wait_until(lambda: (folder / "waiting").exists() and (folder / "waiting").read_text(), "the agent to perform the step")
    wait_until(lambda: 'Action "wait" started' in str(script.log(started["run_id"])), "the agent to report that it does")
    return started


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
    wanted = [script.start(model_id=model["modeluuid"], headers={"Idempotency-Key": f"key-{n}"}, agent=None) for n in range(20)]
    server.kill()
    server.start()
    for n, execution in enumerate(wanted):
        again = script.start(model_id=model["modeluuid"], headers={"Idempotency-Key": f"key-{n}"}, agent=None)
        assert again["execution_id"] == execution["execution_id"]
        assert script.wait_for_end(execution["run_id"])["status"] == "Passed"


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

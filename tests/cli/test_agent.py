"""`melanzana agent` as people meet it: draining, wrong keys, two processes of one identity, a server that is not there."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support_doors import QUICK, AgentProcess, start_waiting
from support_server import MELANZANA, Script, ServerProcess, command_line, create_client, free_port, running_server, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with running_server(tmp_path_factory.mktemp("agent") / "data", "--no-agent", *QUICK) as process:
        yield process


@pytest.fixture
def script(server: ServerProcess, tmp_path: Path) -> Iterator[Script]:
    with Script(server.url, create_client(server.data, tmp_path)) as speaking:
        yield speaking


@pytest.fixture
def agent(script: Script, server: ServerProcess, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[AgentProcess]:
    running = AgentProcess(script, server.url, tmp_path, request.node.name[:60])
    wait_until(lambda: _status(script, running) == "Connected", "the agent to be there")
    yield running
    running.end()


def _status(script: Script, agent: AgentProcess) -> str:
    return str(script.call("GET", f"/ai/agents/{agent.agent_id}")["status"])


def test_drain_waits_for_the_run_and_the_process_ends_with_it(script: Script, agent: AgentProcess, tmp_path: Path) -> None:
    """`--drain` asks the process to end with its run, shows Draining meanwhile, and returns when it has ended by itself."""
    started = start_waiting(script, agent, tmp_path)
    command = [*MELANZANA, "agent", "--ini", str(agent.ini), "--drain"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as draining:
        wait_until(lambda: _status(script, agent) == "Draining", "the agent to drain")
        assert agent.process.poll() is None
        (tmp_path / "go").touch()
        said, _ = draining.communicate(timeout=30)
    assert (draining.returncode, agent.process.wait(timeout=5)) == (0, 0)
    assert said.splitlines()[0].endswith("takes no more work. Waiting until its run has ended …") and "has ended." in said
    assert script.wait_for_end(int(str(started["run_id"])))["status"] == "Passed"
    assert _status(script, agent) == "Disconnected"
    again = command_line("agent", "--ini", str(agent.ini), "--drain")
    assert again.stdout.startswith("No process works as ")


def test_sigterm_is_seen_at_once(script: Script, agent: AgentProcess, tmp_path: Path) -> None:
    """While its run may go on for its drain seconds an agent shows as Draining; when the process has ended, as Disconnected."""
    start_waiting(script, agent, tmp_path)
    agent.process.send_signal(signal.SIGTERM)
    wait_until(lambda: _status(script, agent) == "Draining", "the agent to drain", 2)
    assert agent.process.wait(timeout=15) == 0
    assert _status(script, agent) == "Disconnected"


def test_a_deleted_agent_ends_its_run_and_itself_at_once(script: Script, agent: AgentProcess, tmp_path: Path) -> None:
    """The worker is gone within two seconds; the process says what to do; the run is lost when its lease has lapsed."""
    started = start_waiting(script, agent, tmp_path)
    worker = Path(f"/proc/{(tmp_path / 'waiting').read_text()}")
    script.call("DELETE", f"/ai/agents/{agent.agent_id}", 204)
    wait_until(lambda: not worker.exists(), "the worker to be gone", 2)
    assert agent.process.wait(timeout=5) in {1, 3}
    log = agent.ini.with_suffix(".log").read_text()
    assert "was deleted" in log and "Traceback" not in log
    assert script.wait_for_end(int(str(started["run_id"])), 15)["reason"] == "agent_lost"


def test_a_second_process_takes_over_and_the_first_says_why(script: Script, agent: AgentProcess) -> None:
    """The older one ends with a sentence that says how several are run."""
    command = [*MELANZANA, "agent", "--ini", str(agent.ini)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as second:
        try:
            assert agent.process.wait(timeout=30) == 1
            log = agent.ini.with_suffix(".log").read_text()
            assert "another process registered as agent" in log and "make another agent for each further one" in log
        finally:
            second.terminate()


def test_keys_that_are_not_taken_are_told_with_the_way_out(script: Script, agent: AgentProcess, tmp_path: Path) -> None:
    """A wrong secret ends the command with one sentence that names file and section; the secret is not in it."""
    wrong = tmp_path / "wrong.ini"
    lines = [line.replace("client_secret = ", "client_secret = canary") for line in agent.ini.read_text().splitlines()]
    wrong.write_text("\n".join(lines))
    for more in ((), ("--drain",)):
        told = command_line("agent", "--ini", str(wrong), *more, check=False)
        assert told.returncode == 3, told.stderr
        assert f"in {wrong}" in told.stderr and "save a new file" in told.stderr
        assert "canary" not in told.stderr and "Traceback" not in told.stderr


def test_a_server_that_is_not_there_is_told_once_and_waited_for(agent: AgentProcess, tmp_path: Path) -> None:
    """The log says which address does not answer, once and not each second; Ctrl-C ends it."""
    nowhere = tmp_path / "nowhere.ini"
    port = free_port()
    text = "".join(f"{name} = http://localhost:{port}/{name}\n" for name in ("dai_host_url", "token_url"))
    nowhere.write_text(f"[far]\n{text}client_id = x\nclient_secret = y\n")
    log = tmp_path / "far.log"
    with log.open("w") as file, subprocess.Popen([*MELANZANA, "agent", "--ini", str(nowhere)], stdout=file, stderr=file) as far:
        wait_until(lambda: "does not answer" in log.read_text(), "the agent to say so")
        with pytest.raises(subprocess.TimeoutExpired):
            far.wait(timeout=2)
        far.send_signal(signal.SIGINT)
        assert far.wait(timeout=10) == 0
    assert log.read_text().count("does not answer") == 1 and f"localhost:{port}" in log.read_text()

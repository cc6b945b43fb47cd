"""Several server processes on one port: whichever takes the connection, whichever dies, the port answers and nothing is lost."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support_doors import AgentProcess, start_waiting
from support_postgresql import Cluster
from support_server import Script, ServerProcess, command_line, create_client, running_server, wait_until

pytestmark = pytest.mark.slow
WORKERS = 2


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, postgresql_cluster: Cluster) -> Iterator[ServerProcess]:
    """Two processes on one port, over PostgreSQL."""
    data = tmp_path_factory.mktemp("workers") / "data"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MELANZANA_DATABASE", postgresql_cluster.fresh_database())
        with running_server(data, "--no-agent", "--workers", str(WORKERS)) as process:
            yield process


def _workers(server: ServerProcess) -> list[int]:
    """Ids of the processes that serve."""
    assert server.process is not None
    pid = server.process.pid
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [child for child in children if b"melanzana.server.worker" in Path(f"/proc/{child}/cmdline").read_bytes()]


def _lives(pid: int) -> bool:
    """Whether it runs; one that has ended and that nobody asked after does not."""
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def _told(server: ServerProcess, text: str) -> int:
    return sum(text in line for line in server.lines)


def _answers(server: ServerProcess) -> bool:
    return httpx.get(f"{server.url}/readyz").status_code == 200


def test_a_killed_worker_loses_nothing(server: ServerProcess, tmp_path: Path) -> None:
    """While a run is under way all processes are killed in turn: each comes back, the run passes with every step once."""
    wait_until(lambda: _told(server, "a server process answers") == WORKERS - 1, "all workers")
    credentials = create_client(server.data, tmp_path)
    with Script(server.url, credentials) as script:
        agent = AgentProcess(script, server.url, tmp_path, "rack")
        try:
            started = start_waiting(script, agent, tmp_path)
            run_id = int(str(started["run_id"]))
            for number, killed in enumerate(_workers(server), 1):
                os.kill(killed, signal.SIGKILL)
                assert _answers(server), "the others go on"
                wait_until(lambda: _told(server, "a server process answers") == WORKERS - 1 + number, "it again")  # noqa: B023
                assert len(_workers(server)) == WORKERS
            (tmp_path / "go").touch()
            assert script.wait_for_end(run_id)["status"] == "Passed", agent.ini.with_suffix(".log").read_text()
            steps = [line["message"] for line in script.log(run_id) if "started" in line["message"]]
            assert len(steps) == len(set(steps)), steps
        finally:
            agent.end()
    assert _told(server, "a server process ended and is started again") == WORKERS
    assert _told(server, "is ready at") == 1


def test_agents_of_this_machine_are_kept_once(server: ServerProcess, tmp_path: Path) -> None:
    """One process keeps the agent for dry runs; when it is killed, its successor does, and a dry run passes on the port."""
    with Script(server.url, create_client(server.data, tmp_path, "dry")) as script:
        model = script.import_model("model: One\nstart: A\nstates:\n  A: {actions: {go: B}}\n  B: {}\n")
        started = script.start(model_id=model["modeluuid"], agent=None, path="random(actions(1))")
        assert script.wait_for_end(started["run_id"])["status"] == "Passed"
    keepers = [pid for pid in _workers(server) if Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    assert len(keepers) == 1


def test_the_port_is_given_up_in_order(server: ServerProcess) -> None:
    """SIGTERM ends every process within ten seconds with exit code 0; when the one that started them is killed, they end, too."""
    wait_until(lambda: len(_workers(server)) == WORKERS, "all workers")
    first = _workers(server)
    assert server.stop() == 0
    assert not [pid for pid in first if Path(f"/proc/{pid}").exists()]
    server.start()
    wait_until(lambda: len(_workers(server)) == WORKERS, "all workers")
    orphans = _workers(server)
    server.kill()
    wait_until(lambda: not any(map(_lives, orphans)), "the workers to end")


def test_a_file_has_one_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PostgreSQL several processes are refused with the reason and what to do, and no folder is made."""
    monkeypatch.delenv("MELANZANA_DATABASE", raising=False)
    refused = command_line("serve", "--workers", "2", "--data", str(tmp_path / "data"), "--port", "0", check=False)
    assert refused.returncode == 2
    assert "a file has one writer: give --database postgresql://…, or leave --workers out" in refused.stderr
    assert not (tmp_path / "data").exists()


def test_a_start_that_cannot_be_is_told_once(tmp_path: Path) -> None:
    """A database that is not there ends the start with one line and exit code 2, instead of being tried for ever."""
    address = "postgresql://melanzana@127.0.0.1:9/nothing"
    command = ("serve", "--workers", "2", "--database", address, "--data", str(tmp_path / "data"), "--port", "0")
    refused = command_line(*command, check=False)
    assert refused.returncode == 2
    assert refused.stderr.count("melanzana: ") == 1
    assert "cannot be opened" in refused.stderr

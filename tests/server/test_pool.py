"""The server's own agents: as many as wait, between two bounds, and none left behind."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from melanzana.server.pool import Bounds, agent_names, wanted
from support_doors import MODEL, QUICK, SUITE
from support_server import Script, ServerProcess, create_client, running_server, wait_until

BOUNDS = Bounds(least=1, most=4, idle_seconds=60)


@pytest.mark.parametrize(
    ("busy", "waiting", "number"), [(0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, 2), (3, 9, 4), (4, 0, 4), (0, 100, 4)]
)
def test_there_are_as_many_as_work_and_wait(busy: int, waiting: int, number: int) -> None:
    """Within the bounds; nobody is started for a run that somebody idle will take."""
    assert wanted(BOUNDS, busy, waiting) == number


def test_names_tell_places_and_servers_apart() -> None:
    """The first one has the name that the only one always had."""
    name_of = agent_names("local", "-rack-8000")
    assert [name_of(place) for place in (1, 2, 3)] == ["local-rack-8000", "local-2-rack-8000", "local-3-rack-8000"]


def processes(server: ServerProcess) -> list[int]:
    """Processes of the server's agents that perform code."""
    assert server.process is not None
    listed = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return [pid for pid in map(int, listed) if "--dry-only" not in Path(f"/proc/{pid}/cmdline").read_text()]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    options = ("--hosted-agents-min", "0", "--hosted-agents-max", "2", "--hosted-agents-idle-seconds", "1", *QUICK)
    with running_server(tmp_path_factory.mktemp("pool") / "data", *options) as process:
        yield process


@pytest.fixture
def script(server: ServerProcess, tmp_path: Path) -> Iterator[Script]:
    with Script(server.url, create_client(server.data, tmp_path)) as speaking:
        yield speaking


def start(script: Script, folder: Path, **more: Any) -> int:
    """A run that waits in its step for the file `go` in `folder`."""
    folder.mkdir(exist_ok=True)
    model = script.import_model(MODEL)
    path, where = 'directed("wait at the door")', {"folder": str(folder)}
    asset = {"asset_path": SUITE}
    return int(script.start(model_id=model["modeluuid"], path=path, parameters=where, asset=asset, perform=True, **more)["run_id"])


@pytest.mark.slow
def test_the_pool_grows_with_what_waits_and_shrinks_when_it_is_idle(script: Script, server: ServerProcess, tmp_path: Path) -> None:
    """From none to the upper bound and back; what it cannot take starts nobody, and a member that is killed comes back."""
    elsewhere = start(script, tmp_path / "elsewhere", labels=["chrome"])
    runs = [start(script, tmp_path / str(number)) for number in range(3)]
    working = [tmp_path / str(number) / "waiting" for number in range(3)]
    wait_until(lambda: sum(one.exists() for one in working) == 2, "two of three to be performed")
    assert len(processes(server)) == 2
    hosted = [agent for agent in script.call("GET", "/ai/agents") if agent["is_hosted_agent"]]
    assert [(agent["name"], agent["status"]) for agent in hosted] == [("local", "Busy"), ("local-2", "Busy")]
    assert script.run(elsewhere)["waiting_for"] == "waiting for an agent that offers chrome"

    killed = processes(server)[0]
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: len([pid for pid in processes(server) if pid != killed]) == 2, "the killed one to come back")
    for number in range(3):
        (tmp_path / str(number) / "go").touch()
    ends = [script.wait_for_end(run) for run in runs]
    assert sorted((end["status"], end["reason"]) for end in ends)[0] == ("Error", "agent_lost")
    assert [end["status"] for end in ends].count("Passed") == 2
    wait_until(lambda: processes(server) == [], "the pool to be empty again")
    statuses = {agent["status"] for agent in script.call("GET", "/ai/agents") if agent["is_hosted_agent"]}
    assert statuses == {"Disconnected"}


@pytest.mark.slow
def test_a_killed_server_leaves_no_process(script: Script, server: ServerProcess, tmp_path: Path) -> None:
    """SIGKILL of the server: its agents and the code that they perform are gone in seconds."""
    start(script, tmp_path / "run")
    waiting = tmp_path / "run" / "waiting"
    wait_until(lambda: waiting.exists() and waiting.read_text(), "the run to be performed")
    children = [*processes(server), int(waiting.read_text())]
    server.kill()
    wait_until(lambda: not [pid for pid in children if Path(f"/proc/{pid}").exists()], "everything to be gone", 15)

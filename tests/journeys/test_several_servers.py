"""Several servers on one PostgreSQL database: whichever one is asked, the answer is the same."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support_balancer import balancer
from support_doors import QUICK, AgentProcess, start_waiting
from support_postgresql import Cluster
from support_server import Credentials, Script, ServerProcess, command_line, create_client, free_port, running_server, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of all servers, with their master key."""
    return tmp_path_factory.mktemp("several") / "data"


@pytest.fixture(scope="module")
def servers(data: Path, postgresql_cluster: Cluster) -> Iterator[list[ServerProcess]]:
    """Three servers of one database and one public address; the commands of the tests use the database as well."""
    options = ("--no-agent", "--public-url", "http://tests.example.org", *QUICK)
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setenv("MELANZANA_DATABASE", postgresql_cluster.fresh_database())
        yield [stack.enter_context(running_server(data, *options, port=free_port())) for _ in range(3)]


@pytest.fixture
def credentials(servers: list[ServerProcess], tmp_path: Path) -> Credentials:
    return create_client(servers[0].data, tmp_path)


@pytest.fixture
def scripts(servers: list[ServerProcess], credentials: Credentials) -> Iterator[list[Script]]:
    """One script a server."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Script(server.url, credentials)) for server in servers]


@pytest.fixture
def agent(
    servers: list[ServerProcess], scripts: list[Script], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[AgentProcess]:
    """An agent that knows only the balancer's address."""
    with balancer([server.port for server in servers]) as port:
        running = AgentProcess(scripts[0], f"http://127.0.0.1:{port}", tmp_path, request.node.name)
        yield running
        running.end()


def _status(script: Script, agent: AgentProcess) -> str:
    (row,) = [row for row in script.call("GET", "/ai/agents") if row["id"] == agent.agent_id]
    return str(row["status"])


def test_agent_start_and_abort_on_three_servers(scripts: list[Script], agent: AgentProcess, tmp_path: Path) -> None:
    """What one server starts runs on the agent of another, is shown by all, and ends at the abort of a third."""
    started = start_waiting(scripts[1], agent, tmp_path)
    run_id = int(str(started["run_id"]))
    assert [_status(script, agent) for script in scripts] == ["Busy"] * 3
    scripts[2].call("DELETE", f"/execution_service/api/v1/executions/{started['execution_id']}", 204)
    assert scripts[1].wait_for_end(run_id, 7)["status"] == "Cancelled"
    assert scripts[0].log(run_id) == scripts[1].log(run_id) == scripts[2].log(run_id)


def test_a_start_reaches_the_agent_of_another_server_at_once(scripts: list[Script], agent: AgentProcess, tmp_path: Path) -> None:
    """An agent that waits at one server hears of a start at another well before it would look by itself."""
    wait_until(lambda: _status(scripts[1], agent) == "Connected", "the agent to wait")
    began = time.monotonic()
    start_waiting(scripts[1], agent, tmp_path)
    assert time.monotonic() - began < 4, "the poll that is the net looks every 5 s"


def test_a_revocation_is_obeyed_by_all_at_once(
    servers: list[ServerProcess], scripts: list[Script], credentials: Credentials
) -> None:
    """Every server refuses the very next request of a client that was revoked, though it had served it before."""
    for script in scripts:
        script.call("GET", "/ai/runs")
    command_line("client", "revoke", credentials.client_id, "--data", str(servers[0].data))
    for script in scripts:
        script.call("GET", "/ai/runs", 401)
        with pytest.raises(httpx.HTTPStatusError):
            script.authenticate()


def test_a_new_key_is_used_and_shown_by_all_at_once(servers: list[ServerProcess], scripts: list[Script]) -> None:
    """After a rotation every server publishes the new key, and takes tokens that another signed with it."""
    certs = "/auth/realms/eggplant/protocol/openid-connect/certs"
    before = [{key["kid"] for key in script.call("GET", certs)["keys"]} for script in scripts]
    command_line("keys", "rotate", "--data", str(servers[0].data))
    after = [{key["kid"] for key in script.call("GET", certs)["keys"]} for script in scripts]
    assert after[0] == after[1] == after[2] > before[0]
    token = scripts[0].authenticate()["access_token"]
    for server in servers:
        answer = httpx.get(f"{server.url}/ai/runs", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200


def test_a_killed_server_loses_nothing(
    servers: list[ServerProcess], scripts: list[Script], agent: AgentProcess, tmp_path: Path
) -> None:
    """When two of three servers are killed in the middle of a run, its agent reports on through the third, every step once."""
    started = start_waiting(scripts[1], agent, tmp_path)
    run_id = int(str(started["run_id"]))
    servers[0].kill()
    servers[1].kill()
    (tmp_path / "go").touch()
    ended = scripts[2].wait_for_end(run_id)
    assert ended["status"] == "Passed", ended
    steps = [line["message"] for line in scripts[2].log(run_id) if "started" in line["message"]]
    assert len(steps) == len(set(steps)), steps

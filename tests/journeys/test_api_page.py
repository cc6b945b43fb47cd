"""What the API page of the original product describes, done over HTTP against a real server with a real agent process."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support_server import Script, ServerProcess, command_line, create_client, running_server, wait_until

pytestmark = pytest.mark.slow

DOORS = Path(__file__).parent / "doors"
MODEL = (DOORS / "doors.yaml").read_text("utf-8")
SUITE = str(DOORS / "suite")
#: Where a test case says which agent and which code: what makes a run perform instead of only generating its path.
PERFORM = {"agent": {"agent_id": "local", "is_hosted_agent": True}, "asset": {"asset_path": SUITE}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with running_server(tmp_path_factory.mktemp("server")) as process:
        yield process


@pytest.fixture
def script(server: ServerProcess, tmp_path: Path) -> Iterator[Script]:
    with Script(server.url, create_client(server.data, tmp_path)) as speaking:
        yield speaking


def test_a_script_gets_a_token_starts_a_run_and_reads_its_coverage(script: Script) -> None:
    """Token, import, start, poll, log, coverage: a dry run passes and every element is covered."""
    token = script.authenticate()
    assert list(token) == [
        "access_token",
        "expires_in",
        "refresh_expires_in",
        "token_type",
        "not-before-policy",
        "session_state",
        "scope",
    ]
    assert token["expires_in"] == 300
    model = script.import_model(MODEL)
    started = script.start(model_id=model["modeluuid"], path="weighted(reached(Room) and actions(20))", seed=7)
    assert started["execution_id"] == started["execution_status_id"]
    run = script.wait_for_end(started["run_id"])
    assert (run["status"], run["seed"]) == ("Passed", 7)
    assert script.log(started["run_id"])
    coverage = script.call("GET", f"/ai/models/{model['id']}/coverage")
    assert json.dumps(coverage).count("hitCount") > 3
    assert script.call("GET", "/ai/runs", params={"limit": 1})[0]["id"] == started["run_id"]


def test_a_directed_run_is_performed_by_the_local_agent(script: Script) -> None:
    """A test case named by id runs its action code on the agent, and passes."""
    model = script.import_model(MODEL)
    cases = {case["name"]: case for case in script.call("GET", f"/ai/models/{model['id']}/testcases")}
    started = script.start(model_id=model["modeluuid"], test_case_id=cases["through the door"]["id"], **PERFORM)
    run = script.wait_for_end(started["run_id"])
    assert run["status"] == "Passed", script.log(started["run_id"])
    assert any("door opened 0 times before" in entry["message"] for entry in script.log(started["run_id"]))


def test_a_failing_step_is_named(script: Script) -> None:
    """A failed run says which step failed and why, in the run and as the one failing entry of its log."""
    model = script.import_model(MODEL)
    started = script.start(model_id=model["modeluuid"], path='directed("broken door")', **PERFORM)
    run = script.wait_for_end(started["run_id"])
    assert run["status"] == "Failed"
    assert "break" in json.dumps(run)
    assert "fell out of its frame" in json.dumps(run)
    failures = [entry for entry in script.log(started["run_id"]) if entry["message_type"] == "failure"]
    assert len(failures) == 1


def test_a_run_is_aborted_while_it_performs(script: Script, tmp_path: Path) -> None:
    """Token, start, abort: the run ends as cancelled and the process that performed it is gone."""
    model = script.import_model(MODEL)
    started = script.start(
        model_id=model["modeluuid"], path='directed("wait at the door")', parameters={"folder": str(tmp_path)}, **PERFORM
    )
    waiting = tmp_path / "waiting"
    wait_until(lambda: waiting.exists() and waiting.read_text(), "the agent to perform the step")
    script.call("DELETE", f"/execution_service/api/v1/executions/{started['execution_id']}", 204)
    run = script.wait_for_end(started["run_id"])
    assert run["status"] == "Cancelled"
    pid = int(waiting.read_text())
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "the performing process to be gone", 10)


def test_the_same_seed_gives_the_same_path_in_generate_run_and_on_the_server(script: Script) -> None:
    """`generate`, `run` and the server walk the same path for the same model, expression and seed."""
    expression, seed = "weighted(actions(40))", "11"
    generated = json.loads(
        command_line("generate", str(DOORS / "doors.yaml"), "--path", expression, "--seed", seed, "--json").stdout
    )
    ran = json.loads(
        command_line("run", str(DOORS / "doors.yaml"), "--suite", SUITE, "--path", expression, "--seed", seed, "--json").stdout
    )
    model = script.import_model(MODEL)
    started = script.start(model_id=model["modeluuid"], path=expression, seed=int(seed))
    performed = script.start(model_id=model["modeluuid"], path=expression, seed=int(seed), **PERFORM)
    names = [step["name"] for step in generated["steps"]]
    assert len(names) > 40
    assert [step["name"] for step in ran["steps"]] == names
    for execution in (started, performed):
        assert script.wait_for_end(execution["run_id"])["status"] == "Passed"
        assert step_names(script, execution["run_id"]) == names


def step_names(script: Script, run_id: int) -> list[str]:
    """The elements of a run's steps, from its log."""
    finished = (re.fullmatch(r'(?:State|Action) "(.*)" (?:passed|generated)', entry["message"]) for entry in script.log(run_id))
    return [found.group(1) for found in finished if found]


def test_the_first_commands_of_the_command_line_answer_help(server: ServerProcess) -> None:
    """Every command has a help text that fits 80 columns."""
    for name in ([], ["serve"], ["agent"], ["run"], ["generate"], ["check"], ["convert"], ["client"], ["client", "create"]):
        shown = subprocess.run(
            [sys.executable, "-m", "melanzana.cli.main", *name, "--help"],
            capture_output=True,
            text=True,
            check=True,
            env={"COLUMNS": "80", "PATH": "/usr/bin:/bin", "NO_COLOR": "1", "TERM": "dumb"},
        ).stdout
        assert "Usage" in shown
        assert max(len(line) for line in shown.splitlines()) <= 80

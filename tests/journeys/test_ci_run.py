"""`melanzana ci run` against a real server and a real agent, as a CI job calls it."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from support_ci import action_environment, action_script
from support_doors import MODEL, QUICK, SUITE, AgentProcess
from support_server import MELANZANA, Credentials, Script, create_client, free_port, running_server, wait_until

pytestmark = pytest.mark.slow
RUNNER = [sys.executable, "-c", "from melanzana.cli.ci import eggplant_runner; eggplant_runner()"]
DIRECTED = {"type": "directed", "model_id": "Doors"}


@dataclass
class Job:
    """A CI job with the credentials in its environment."""

    script: Script
    url: str
    credentials: Credentials
    folder: Path

    def environment(self, **more: str) -> dict[str, str]:
        known = {"DAI_CLIENT_ID": self.credentials.client_id, "DAI_CLIENT_SECRET": self.credentials.client_secret}
        return {**os.environ, **known, "COLUMNS": "80", **more}

    def run(self, *arguments: str, command: list[str] | None = None, **env: str) -> "subprocess.CompletedProcess[str]":
        line = [*(command or [*MELANZANA, "ci", "run"]), *arguments, "--poll-interval", "0.2"]
        return subprocess.run(line, capture_output=True, text=True, timeout=90, env=self.environment(**env), check=False)

    def configuration(self, name: str, *steps: dict[str, object], **fields: object) -> str:
        body = {"name": name, "steps": list(steps), "suite": SUITE, **fields}
        made = self.script.call("POST", "/test_config_service/api/v1/test_configurations", 201, json=body)
        return str(made["id"])


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    folder = tmp_path_factory.mktemp("ci")
    with running_server(folder / "data", "--no-agent", *QUICK) as server:
        credentials = create_client(server.data, folder)
        with Script(server.url, credentials) as script:
            script.import_model(MODEL)
            agent = AgentProcess(script, server.url, folder, "rack-1")
            yield Job(script, server.url, credentials, folder)
            agent.end()


def test_a_passing_configuration_exits_0_and_writes_junit(job: Job) -> None:
    """By id; lines of at most 80 columns tell each step, and the JUnit file has a test case for each."""
    config = job.configuration("passes", {**DIRECTED, "test_case_id": "through the door"})
    file = job.folder / "results" / "junit.xml"
    done = job.run(job.url, config, "--test-result-path", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^Passed +1 passed of 1 steps in \d", done.stdout, re.MULTILINE), done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    (case,) = ET.parse(file).getroot().iter("testcase")
    assert (case.get("name"), case.get("classname"), case.find("failure")) == ("through the door", "Doors", None)


def test_a_failing_step_leads_to_its_page(job: Job) -> None:
    """Exit 1, the message, and the address of the failing step's page, also as GitHub's annotation and summary."""
    config = job.configuration("fails", {**DIRECTED, "test_case_id": "broken door"}, retries=1)
    summary, file = job.folder / "summary.md", job.folder / "failed.xml"
    done = job.run(
        *("modelbased", job.url, "--test-config-name=fails", "--model-name=Doors", f"--result-path={file}"),
        command=RUNNER,
        GITHUB_ACTIONS="true",
        GITHUB_STEP_SUMMARY=str(summary),
    )
    assert done.returncode == 1, done.stderr
    assert "the door fell out of its frame" in done.stdout
    link = re.search(rf"{re.escape(job.url)}/runs/(\d+)/steps/(\d+)", done.stdout)
    assert link is not None
    run = job.script.run(int(link[1]))
    assert run["failing_step"]["number"] == int(link[2])
    assert "::error title=broken door::" in done.stdout
    assert "| broken door | ✕ Failed | step 6, action" in summary.read_text("utf-8")
    (case,) = ET.parse(file).getroot().iter("testcase")
    assert [child.tag for child in case] == ["failure", "rerunFailure", "system-out"]
    again = job.run(job.url, config, "--filter-by", "step_status_include=Passed")
    assert (again.returncode, "nothing to run" in again.stderr) == (2, True)


def test_the_action_of_github_runs_a_configuration(job: Job) -> None:
    """The step of `ci/github/action.yml`, with `melanzana` on the path: the verdict is its exit code, the JUnit file is there."""
    job.configuration("by action", {**DIRECTED, "test_case_id": "broken door"})
    file = job.folder / "action" / "junit.xml"
    inputs = {
        **{"serverURL": job.url, "testConfigName": "by action", "modelName": "Doors", "pollInterval": "0.2"},
        **{"clientID": job.credentials.client_id, "clientSecret": job.credentials.client_secret},
        **{"testResultPath": str(file), "parameters": "opened=3\nfolder=a b"},
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = job.environment(**action_environment(inputs), PATH=path)
    line = ["bash", "-e", "-c", action_script()]
    done = subprocess.run(line, capture_output=True, text=True, timeout=90, env=environment, check=False)
    assert (done.returncode, "the door fell out of its frame" in done.stdout) == (1, True), done.stdout + done.stderr
    assert [case.get("name") for case in ET.parse(file).getroot().iter("testcase")] == ["broken door"]
    assert job.credentials.client_secret not in done.stdout + done.stderr


def test_a_red_job_is_explained_by_replay_and_shrink(job: Job) -> None:
    """The way of docs/how-to/explain-a-red-job.md: the step, the same failure again, the smallest walk, a test case."""
    config = job.configuration("red", {**DIRECTED, "test_case_id": "broken door"})
    link = re.search(r"/runs/(\d+)/steps/(\d+)$", job.run(job.url, config).stdout, re.MULTILINE)
    assert link is not None
    run = job.script.run(int(link[1]))
    executions = f"/execution_service/api/v1/executions/{run['execution_id']}"
    replayed = job.script.wait_for_end(job.script.call("POST", f"{executions}/replay", 201)["run_id"])
    assert replayed["failing_step"]["number"] == int(link[2])
    search = job.script.call("POST", f"{executions}/shrink", 202, json={"performances": 50})["id"]
    address = f"/execution_service/api/v1/shrinks/{search}"
    wait_until(lambda: job.script.call("GET", address)["state"] != "running", "the search to end")
    found = job.script.call("GET", address)
    assert (found["state"], len(found["steps"]) < int(link[2])) == ("found", True), found
    job.script.call("POST", f"{address}/test-case", 201, json={"name": "the door stays in its frame"})
    assert "the door stays in its frame" in str(job.script.call("GET", f"/ai/models/{run['modeluuid']}/testcases"))


def test_the_previous_failures_alone_are_run_again(job: Job) -> None:
    """Filters and values go to the server as the original's runner takes them, from the command line and from files."""
    config = job.configuration(
        "mixed",
        *(
            {**DIRECTED, "test_case_id": case, "tags": [tag]}
            for case, tag in (("through the door", "good"), ("broken door", "bad"))
        ),
    )
    assert job.run(job.url, config).returncode == 1
    filters, values = job.folder / "filters.json", job.folder / "values.json"
    filters.write_text(json.dumps({"test_case_tag_exclude": "bad"}))
    values.write_text(json.dumps({"opened": 3}))
    done = job.run(job.url, config, "--filter-by-json", str(filters), "--param-file", str(values), "--param", "folder=x")
    assert (done.returncode, "1 passed, 1 untested" in done.stdout) == (0, True), done.stdout + done.stderr
    again = job.run(job.url, config, "--filter-by", "step_status_include=Untested")
    assert (again.returncode, "1 failed, 1 untested" in again.stdout) == (1, True), again.stdout + again.stderr


def test_a_timeout_and_a_cancelled_job_abort_the_task(job: Job) -> None:
    """Exit 4, and nothing stays at work, whether the time is over or the job gets SIGTERM."""
    config = job.configuration("waits", {**DIRECTED, "test_case_id": "wait at the door"}, parameters={"folder": str(job.folder)})
    done = job.run(job.url, config, "--timeout", "2")
    assert (done.returncode, "longer than 2 s" in done.stderr) == (4, True), done.stderr
    line = [*MELANZANA, "ci", "run", job.url, config, "--poll-interval", "0.2"]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=job.environment())
    tasks = "/task_scheduler_service/api/v1/task_instances"
    query = {"test_config_id": config, "state": "Running"}
    wait_until(lambda: job.script.call("GET", tasks, params=query)["total_count"] == 1, "the task to be at work")
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, "SIGTERM: aborted" in errors) == (4, True), errors
    newest = job.script.call("GET", tasks, params={"test_config_id": config})["items"]
    assert [item["status"] for item in newest] == ["Cancelled", "Cancelled"]


def test_what_cannot_be_reached_is_infrastructure_and_what_is_wrong_is_usage(job: Job) -> None:
    """Exit 3 for a server that is not there and a wrong secret, 2 for what the caller can mend; --dry-run connects to nothing."""
    nowhere = f"http://localhost:{free_port()}"
    config = job.configuration("unused", {**DIRECTED, "test_case_id": "through the door"})
    quick = ("--request-retries", "1", "--backoff-factor", "0")
    assert job.run(nowhere, config, *quick).returncode == 3
    wrong = job.run(job.url, config, "--client-secret", "wrong")
    assert (wrong.returncode, "no access token" in wrong.stderr) == (3, True)
    assert job.run(nowhere, config, "--dry-run").returncode == 0
    for arguments in (("nonsense", config), (job.url,), (job.url, config, "--param", "x"), ("modelbased", job.url)):
        assert job.run(*arguments).returncode == 2, arguments
    unknown = job.run(job.url, "--test-config-name", "nobody")
    assert (unknown.returncode, "there is no test configuration 'nobody'" in unknown.stderr) == (2, True)
    other = job.run("modelbased", job.url, "--test-config-name", "unused", "--model-name", "Windows")
    assert (other.returncode, "does not run the model" in other.stderr) == (2, True)

"""A test configuration on a real server that is killed in the middle of it."""

from pathlib import Path
from typing import Any

import pytest

from support_doors import QUICK
from support_executions import MODEL_TEXT
from support_server import Script, create_client, running_server, wait_until

pytestmark = pytest.mark.slow
TASKS = "/task_scheduler_service/api/v1/task_instances"


def test_a_killed_server_goes_on_with_its_task(tmp_path: Path) -> None:
    """SIGKILL while steps are at work: after the restart every step has run exactly once, and the task has passed."""
    with (
        running_server(tmp_path / "data", "--no-agent", *QUICK) as server,
        Script(server.url, create_client(server.data, tmp_path)) as script,
    ):
        script.import_model(MODEL_TEXT)
        step = {"type": "exploratory", "model_id": "Doors", "stop": {"iterations": 100}}
        body = {"name": "nightly", "steps": [{**step, "seed": seed} for seed in range(6)], "parallelism": 2}
        made = script.call("POST", "/test_config_service/api/v1/test_configurations", 201, json=body)
        task = script.call("POST", f"{TASKS}/{made['id']}", 201)["task_instance_id"]

        def counts() -> dict[str, Any]:
            seen: dict[str, Any] = script.call("GET", f"/ai/testconfigtasks/{task}/summary")
            return seen

        wait_until(lambda: counts()["counts"]["passed"] >= 2, "two steps to pass")
        server.kill()
        server.start()
        end = wait_until(lambda: (seen := counts())["status"] != "Running" and seen, "the task to end")
        assert (end["status"], end["counts"]["passed"]) == ("Passed", 6)
        runs = script.call("GET", "/ai/runs", params={"task_instance_id": task, "limit": 100})
        assert sorted(run["seed"] for run in runs) == list(range(6))

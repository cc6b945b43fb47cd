"""Test configurations over HTTP: what a script of the original calls, and what its users miss."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support_app import RunningApp, running_app
from support_executions import MODEL_TEXT

pytestmark = pytest.mark.anyio
CONFIGURATIONS = "/test_config_service/api/v1/test_configurations"
TASKS = "/task_scheduler_service/api/v1/task_instances"
BODY: dict[str, Any] = {
    "name": "nightly",
    "steps": [
        {"type": "directed", "model_id": "Doors", "test_case_id": "through", "tags": ["smoke"]},
        {"type": "exploratory", "model_id": "Doors", "stop": {"target_coverage": 100, "iterations": 3}, "seed": 7},
    ],
}


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[RunningApp]:
    """A server that has the model `Doors`; nothing advances by itself."""
    async with running_app(tmp_path / "data") as running:
        await running.sign_in()
        headers = {"Content-Type": "application/yaml"}
        (await running.http.post("/ai/models", content=MODEL_TEXT, headers=headers)).raise_for_status()
        yield running


async def test_a_configuration_is_made_read_changed_and_forgotten(app: RunningApp) -> None:
    """What was read may be sent back; steps keep their ids; a past ETag is 409."""
    made = await app.http.post(CONFIGURATIONS, json=BODY)
    assert (made.status_code, made.headers["ETag"]) == (201, '"1"')
    first, second = made.json()["steps"]
    assert (first["name"], second["name"], first["stop"]) == ("through", "Doors", None)
    place = made.headers["Location"]
    assert (await app.http.get(CONFIGURATIONS)).json()["items"] == [made.json()]
    same = {**BODY, "steps": [{key: value for key, value in step.items() if value is not None} for step in (first, second)]}
    changed = await app.http.put(place, json={**same, "retries": 1}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.json()["revision"], changed.json()["retries"]) == (200, 2, 1)
    assert [step["id"] for step in changed.json()["steps"]] == [first["id"], second["id"]]
    assert (await app.http.put(place, json=same, headers={"If-Match": '"1"'})).status_code == 409
    assert (await app.http.get(CONFIGURATIONS, params={"name": "nobody"})).json() == {"items": [], "total_count": 0}
    assert (await app.http.delete(place)).status_code == 204
    assert (await app.http.get(place)).status_code == 404


async def test_a_start_answers_201_with_the_id_and_runs_belong_to_it(app: RunningApp) -> None:
    """Without a body, as scripts of the original call it; what they send besides is named; its runs are found by it."""
    place = (await app.http.post(CONFIGURATIONS, json=BODY)).json()["id"]
    started = await app.http.post(f"{TASKS}/{place}")
    assert started.status_code == 201
    task = started.json()["task_instance_id"]
    older = await app.http.post(f"{TASKS}/{place}", json={"username": "7", "colour": "red"})
    assert (older.status_code, older.json()["ignored_fields"]) == (201, ["colour"])
    await app.services.configurations.advance("eggplant", task)
    runs = (await app.http.get("/ai/runs", params={"task_instance_id": task})).json()
    seen = (await app.http.get(f"/ai/testconfigtasks/{task}")).json()
    assert [run["id"] for run in runs] == [seen["steps"][0]["attempts"][0]["run_id"]]
    assert (seen["status"], seen["counts"]["running"], seen["counts"]["pending"]) == ("Running", 1, 1)
    summary = (await app.http.get(f"/ai/testconfigtasks/{task}/summary")).json()
    assert (summary["counts"], "steps" in summary) == (seen["counts"], False)
    listed = (await app.http.get(TASKS, params={"test_config_id": place, "state": "Running"})).json()
    assert [item["id"] for item in listed["items"]] == [older.json()["id"], task]
    assert [(await app.http.delete(f"{TASKS}/{task}")).status_code for _ in range(2)] == [204, 204]


async def test_filters_have_the_names_of_the_runner(app: RunningApp) -> None:
    """By tag, name and expression, with commas or as a list; what nothing is left of, or is no filter, is 422 by name."""
    place = (await app.http.post(CONFIGURATIONS, json=BODY)).json()["id"]

    async def started(**filters: Any) -> Any:
        answer = await app.http.post(f"{TASKS}/{place}", json={"filter_by": filters})
        return (
            [step["status"] for step in answer.json()["steps"]] if answer.status_code == 201 else answer.json()["detail"][0]["loc"]
        )

    assert await started(test_case_tag_include="smoke, wip") == ["Pending", "Untested"]
    assert await started(test_case_name_exclude=["through"]) == ["Untested", "Pending"]
    assert await started(scenario_tag="not @smoke") == ["Untested", "Pending"]
    assert await started(step_status_include="Untested") == ["Pending", "Pending"]
    assert await started(step_status_include="Failed") == ["body", "filter_by"]
    assert await started(step_status_include="Splendid") == ["body", "filter_by", "step_status_include"]
    assert await started(colour="red") == ["body", "filter_by", "colour"]
    assert await started(scenario_tag="(") == ["body", "scenario_tag"]


#: What is changed, and the last part of the place that the answer names.
WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"name": ""}, "name"),
    ({"steps": []}, "steps"),
    ({"colour": "red"}, "colour"),
    ({"agents": ["nobody"]}, "0"),
    ({"retries": 11}, "retries"),
    ({"steps": [{"type": "directed", "model_id": "Doors"}]}, "test_case_id"),
    ({"steps": [{"type": "exploratory", "model_id": "Doors", "stop": {"target_coverage": 101}}]}, "target_coverage"),
    ({"steps": [{"type": "exploratory", "model_id": "nobody"}]}, "model_id"),
)


async def test_a_wrong_configuration_is_refused_by_field(app: RunningApp) -> None:
    """422 leads to the field, and nothing is kept."""
    for change, where in WRONG:
        answer = await app.http.post(CONFIGURATIONS, json={**BODY, **change})
        assert answer.status_code == 422, change
        assert str(answer.json()["detail"][0]["loc"][-1]) == where
    assert (await app.http.get(CONFIGURATIONS)).json()["total_count"] == 0

"""Coverage over runs, between versions, and by coverage models, over HTTP."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from melanzana.graph.formats.text import read_text
from support_app import RunningApp, running_app
from support_executions import MODEL_TEXT
from support_runs import REALM, Runs

pytestmark = pytest.mark.anyio
MODELS, MODEL = "/ai/coverage/models", "/ai/coverage/model/"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(tmp_path) as opened:
        await opened.sign_in()
        yield opened


async def test_the_history_has_a_point_for_each_run_that_came_further(app: RunningApp) -> None:
    """And says how far it is: not known with few runs, then reached; dry runs can be left out."""
    runs = await Runs.of(app.services)
    where = f"/ai/models/{runs.model_id}/coverage/history"
    empty = (await app.http.get(where)).json()
    assert (empty["runs"], empty["points"], empty["prediction"]["outlook"]) == (0, [], "unknown")
    first = await runs.run(perform=True, path="predefined(open)")
    await runs.run(perform=False, path="predefined(open)")
    whole = await runs.run(perform=True, path="tour()")
    found = (await app.http.get(where, params={"performed": True})).json()
    assert [(point["runs"], point["run_id"]) for point in found["points"]] == [(1, first.run_id), (2, whole.run_id)]
    assert found["points"][-1]["covered"] == found["feasible"]["covered"] == found["feasible"]["total"]
    assert found["prediction"]["outlook"] == "reached"
    for kind, depth in (("state", 1), ("transition", 1), ("path", 2)):
        one = (await app.http.get(where, params={"kind": kind, "depth": depth})).json()
        assert (one["runs"], one["points"][-1]["covered"]) == (3, one["total"]["covered"]), kind
    assert (await app.http.get(where, params={"kind": "variable", "depth": 3})).status_code == 422
    assert (await app.http.get("/ai/models/99/coverage/history")).status_code == 404


async def test_what_two_versions_have_in_common_of_coverage(app: RunningApp) -> None:
    """An action that did not change keeps what was covered, and may be lost; one that is new begins at nothing."""
    runs = await Runs.of(app.services)
    await runs.run(perform=True, path="tour()")
    model = read_text(MODEL_TEXT)
    changed = replace(model, states=tuple(replace(one, snippets=(), name=f"{one.name} 2") for one in model.states))
    version = await app.services.catalog.add_model(REALM, None, None, changed)
    assert version.version == 2
    await runs.run(perform=True, path="predefined(open)")
    found = (await app.http.get(f"/ai/models/{runs.model_id}/coverage/difference", params={"from": 1, "to": 2})).json()
    assert (found["old_runs"], found["new_runs"]) == (1, 1)
    statuses = {one["name"]: one["status"] for one in found["items"]}
    assert statuses["open"] == "kept" and statuses["leave"] == "lost"
    assert found["old"]["action"]["covered"] == found["old"]["action"]["total"] > found["new"]["action"]["covered"]
    missing = await app.http.get(f"/ai/models/{runs.model_id}/coverage/difference", params={"from": 1, "to": 9})
    assert missing.status_code == 404


async def test_coverage_models(app: RunningApp) -> None:
    """Four are built in and stay as they are; a realm's own can be made, changed, asked coverage by, and deleted."""
    built_in = (await app.http.get(MODELS)).json()
    assert [(one["name"], one["path_depth"], one["built_in"]) for one in built_in] == [
        ("All nodes", 1, True),
        ("All pairs", 2, True),
        ("Extended", 3, True),
        ("Full exploratory", 5, True),
    ]
    body = {"name": "Pairs of values", "path_depth": 2, "variable_depth": 2}
    made = await app.http.post(MODELS, json=body)
    assert made.status_code == 201
    number = made.json()["id"]
    assert (await app.http.get(MODEL + str(number))).json() == made.json() | body
    assert (await app.http.put(MODEL + str(number), json={"path_depth": 3, "active": False})).json() == made.json() | {
        "path_depth": 3,
        "active": False,
    }
    runs = await Runs.of(app.services)
    await runs.run(perform=True)
    coverage = await app.http.get(f"/ai/models/{runs.model_id}/coverage", params={"coverage_model": number})
    assert (coverage.json()["paths"]["depth"], coverage.json()["variables"]["depth"]) == (3, 2)
    both = await app.http.get(f"/ai/models/{runs.model_id}/coverage", params={"coverage_model": number, "path_depth": 1})
    assert both.status_code == 422
    assert (await app.http.delete(MODEL + str(number))).status_code == 204
    assert (await app.http.get(MODEL + str(number))).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x", "path_depth": 6, "variable_depth": 1}, "path_depth"),
        ({"name": "x", "path_depth": 1, "variable_depth": 3}, "variable_depth"),
        ({"name": "", "path_depth": 1, "variable_depth": 1}, "name"),
        ({"name": "   ", "path_depth": 1, "variable_depth": 1}, "name"),
        ({"path_depth": 1, "variable_depth": 1}, "name"),
    ],
)
async def test_a_coverage_model_that_cannot_be(app: RunningApp, body: dict[str, object], field: str) -> None:
    """Refused, naming the field."""
    answer = await app.http.post(MODELS, json=body)
    assert answer.status_code == 422 and field in answer.text


async def test_names_of_coverage_models_are_taken_once(app: RunningApp) -> None:
    """Whatever their case; those built in too, which nobody can change or delete."""
    body = {"name": "Mine", "path_depth": 1, "variable_depth": 1}
    assert (await app.http.post(MODELS, json=body)).status_code == 201
    for name in ("mine", "ALL PAIRS"):
        assert (await app.http.post(MODELS, json=body | {"name": name})).status_code == 409
    assert (await app.http.put(MODEL + "1", json={"name": "Nodes"})).status_code == 409
    assert (await app.http.delete(MODEL + "1")).status_code == 409

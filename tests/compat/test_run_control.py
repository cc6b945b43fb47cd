"""The old interface of runs: `/api/run` and what follows it."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support_app import RunningApp, running_app
from support_executions import MODEL_TEXT

pytestmark = pytest.mark.anyio


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[RunningApp]:
    """A server that has the model `Shop` and the agent `lab-1`."""
    async with running_app(tmp_path / "data") as running:
        await running.sign_in()
        await upload(running)
        await running.services.agents.create("eggplant", "lab-1")
        yield running


async def upload(app: RunningApp, **query: str) -> str:
    headers = {"Content-Type": "application/yaml"}
    answer = await app.http.post("/ai/models", content=MODEL_TEXT, headers=headers, params=query)
    return str(answer.raise_for_status().json()["modeluuid"])


async def model(app: RunningApp) -> dict[str, Any]:
    return dict((await app.http.get("/ai/models")).json()[0])


async def test_a_form_starts_a_run_that_can_be_watched_and_aborted(app: RunningApp) -> None:
    """The name of a model is enough; the number that comes back is good for progress and abort, as form and as JSON."""
    known = await model(app)
    answer = await app.http.post("/api/run", data={"modelName": known["name"], "group": "ada@example.com", "seed": "7"})
    started = answer.json()
    assert (answer.status_code, started["id"]) == (200, known["modeluuid"])
    assert started["ignored_fields"] == ["group"]
    (seen,) = (await app.http.post("/api/run/progress", data={"id": known["modeluuid"], "limit": "5"})).json()
    assert (seen["processid"], seen["status"], seen["initiator"], seen["endtime"]) == (started["processid"], "Running", "api", None)
    for way in ({"data": {"id": started["processid"]}}, {"json": {"processid": int(started["processid"])}}):
        abort = await app.http.post("/api/run/abort", **way)
        if abort.status_code == 200:
            assert abort.json() == {"message": "OK", "description": "Execution abort triggered"}
    (seen,) = (await app.http.post("/api/run/progress", json={"modelName": known["name"]})).json()
    assert (seen["status"], bool(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00", seen["endtime"]))) == (
        "Incomplete",
        True,
    )
    gone = await app.http.post("/api/run/abort", data={"id": "999999"})
    assert gone.status_code == 404


async def test_what_the_fields_say_is_what_is_started(app: RunningApp) -> None:
    """Agent and suite together perform, one alone does not; seed, limits and onerror arrive; the rest is named as ignored."""
    name = (await model(app))["name"]
    full = {
        **{"modelName": name, "agentName": "lab-1", "suiteLocation": "/suites/shop", "seed": 42, "maxActions": 9, "iterations": 2},
        **{"onerror": "continue", "verbosity": "0x6b00", "coverdb": "ttdb", "colour": "red", "execute": True},
    }
    started = (await app.http.post("/api/run", json=full)).json()
    seen = (await app.http.get(f"/ai/executions/{started['execution_id']}")).json()
    assert (seen["perform"], seen["seed"], seen["run_id"]) == (True, 42, int(started["processid"]))
    assert "actions(9)" in seen["path"]
    assert seen["ignored_fields"] == ["coverdb", "verbosity", "colour"]
    lone = (await app.http.post("/api/run", json={"modelName": name, "suiteLocation": "/suites/shop"})).json()
    assert (await app.http.get(f"/ai/executions/{lone['execution_id']}")).json()["perform"] is False
    dry = (await app.http.post("/api/run", json={**full, "execute": "False"})).json()
    assert (await app.http.get(f"/ai/executions/{dry['execution_id']}")).json()["perform"] is False
    again = (await app.http.post("/api/run", json={"modelName": name, "replay": int(started["processid"])})).json()
    repeated = (await app.http.get(f"/ai/executions/{again['execution_id']}")).json()
    assert (repeated["seed"], repeated["perform"]) == (42, True)


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("/api/run", {}, 400, "modelName"),
        ("/api/run", {"modelName": "nobody knows it"}, 404, "modelName"),
        ("/api/run", {"modelName": "SAME", "seed": "soon"}, 422, "seed"),
        ("/api/run", {"modelName": "SAME", "execute": "perhaps"}, 422, "execute"),
        ("/api/run", {"modelName": "SAME", "onerror": "pray"}, 422, "onerror"),
        ("/api/run", {"modelName": "SAME", "agentName": "nobody"}, 404, "agent_id"),
        ("/api/run/progress", {"limit": "3"}, 400, "modelName"),
        ("/api/run/abort", {}, 400, "id"),
        ("/api/run/continue", {"id": "0"}, 400, "id"),
        ("/api/run/continue", {"id": "77"}, 404, "execution_id"),
    ],
)
async def test_a_wrong_call_is_told_which_field(app: RunningApp, path: str, body: dict[str, str], status: int, field: str) -> None:
    """400 for what is missing, 404 for what is not there, 422 for what cannot be; the answer names the field."""
    name = (await model(app))["name"]
    answer = await app.http.post(path, data={key: name if value == "SAME" else value for key, value in body.items()})
    assert answer.status_code == status, answer.text
    told = answer.json()
    assert told.get("field") == field or told["detail"][0]["loc"][-1] == field


@pytest.mark.parametrize("body", [b"[1]", b"{", b'{"a": {"b": 1}}', b'{"id": "1", "id": "2"}', b'{"id": "\\ud800"}', b"[" * 40_000])
async def test_a_body_that_cannot_be_read_is_refused(app: RunningApp, body: bytes) -> None:
    """No flat object, no run: 400, and never a 500."""
    answer = await app.http.post("/api/run", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "request_malformed")


async def test_a_name_that_several_models_have_needs_the_group(app: RunningApp) -> None:
    """Nobody guesses which model is meant: the group or the uuid says it."""
    known = await model(app)
    text = MODEL_TEXT.replace("model:", "id: 0b7f3c52-3f5d-4a8e-9a55-4b3c9f0f2d11\nmodel:", 1)
    other = (await app.http.post("/ai/models", json={"modeljson": text, "group": "night"})).raise_for_status().json()
    assert other["modeluuid"] != known["modeluuid"]
    answer = await app.http.post("/api/run", data={"modelName": known["name"]})
    assert (answer.status_code, answer.json()["detail"][0]["loc"][-1]) == (422, "group")
    for more in ({"group": "night"}, {"modelId": other["modeluuid"]}):
        started = await app.http.post("/api/run", data={"modelName": known["name"], **more})
        assert (started.status_code, started.json()["id"]) == (200, other["modeluuid"])


async def test_only_a_paused_run_can_be_continued(app: RunningApp) -> None:
    """A run that is not paused answers 409."""
    started = (await app.http.post("/api/run", data={"modelName": (await model(app))["name"], "agentName": "lab-1"})).json()
    answer = await app.http.post("/api/run/continue", data={"id": started["processid"]})
    assert answer.status_code == 409

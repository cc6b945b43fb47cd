"""The execution routes over the whole server: the original's bodies, our fields beside them, and what is ignored by name."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from melanzana.executions import shapes
from melanzana.server import app as server_app
from melanzana.server.settings import ServerSettings
from support_app import RunningApp, running_app
from support_executions import MODEL_TEXT

pytestmark = pytest.mark.anyio
PATH = "/execution_service/api/v1/executions"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(tmp_path) as running:
        await running.sign_in()
        yield running


@pytest.fixture
async def model(app: RunningApp) -> dict[str, Any]:
    answer = await app.http.post("/ai/models", json={"modeljson": MODEL_TEXT})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def start(app: RunningApp, status: int = 201, headers: dict[str, str] | None = None, **body: Any) -> dict[str, Any]:
    answer = await app.http.post(PATH, json=body, headers=headers or {})
    assert answer.status_code == status, answer.text
    return dict(answer.json())


async def test_the_first_call_of_the_original_page(app: RunningApp, model: dict[str, Any]) -> None:
    """A body as the original documents it, nulls included, is 201 and names the execution under both of its names."""
    started = await start(
        app,
        execution_type="executing",
        model_id=model["modeluuid"],
        agent=None,
        test_case_id=None,
        asset=None,
        sut=None,
        rerun_id=None,
        step_pause_time=0,
    )
    assert started["execution_id"] == started["execution_status_id"]
    assert (started["status"], started["perform"], started["ignored_fields"]) == ("Running", False, [])
    assert isinstance(started["run_id"], int)
    found = (await app.http.get(f"{PATH}/{started['execution_id']}")).json()
    assert {name: found[name] for name in started} == started
    assert (found["state"], found["attempt"], found["agent_id"]) == ("queued", 0, None)
    assert (await app.http.get(f"{PATH}/{started['run_id']}")).json() == found


@pytest.mark.parametrize(
    ("fields", "performs"),
    [
        ({}, False),
        ({"agent": {"agent_id": "rack-1", "is_hosted_agent": True}}, False),
        ({"asset": {"asset_path": "/suite"}}, False),
        ({"agent": {"agent_id": "rack-1"}, "asset": {"asset_path": "/suite"}}, True),
        ({"agent": {"agent_id": "any"}, "asset": {"asset_path": "/suite"}}, True),
        ({"suite": "/suite"}, True),
        ({"perform": True}, True),
        ({"dry_run": True, "agent": {"agent_id": 1}, "asset": {"asset_path": "/suite"}}, False),
    ],
)
async def test_when_code_is_performed(app: RunningApp, model: dict[str, Any], fields: dict[str, Any], performs: bool) -> None:
    """As in the original only with agent and asset; our own fields say it outright."""
    assert (await app.http.post("/ai/agents", json={"name": "rack-1"})).status_code == 201
    assert (await start(app, model_id=model["id"], **fields))["perform"] == performs


async def test_what_is_ignored_is_named(app: RunningApp, model: dict[str, Any]) -> None:
    """Unknown fields at any depth, and known ones without meaning here, stand in the answer and in the run's log."""
    started = await start(
        app,
        model_id=model["modeluuid"],
        covertarget=1,
        agent={"agent_id": None, "zone": "eu"},
        asset={"asset_version_id": "v1"},
        dry_run=True,
        sut={"criteria": ["windows"]},
    )
    assert started["ignored_fields"] == ["covertarget", "agent.zone", "asset.asset_version_id", "sut.criteria"]
    log = (await app.http.get(f"/ai/runlogs/{started['run_id']}")).json()
    assert any("covertarget" in entry["message"] for entry in log["items"])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"script": "Login.script"}, 422),
        ({"execution_type": "dreaming"}, 422),
        ({"model_id": "6b1c1c3e-0000-0000-0000-000000000000"}, 404),
        ({"model_id": 99}, 404),
        ({"model_id": 10**30}, 422),
        ({"rerun_id": 99}, 404),
        ({"rerun_id": "x"}, 422),
    ],
)
async def test_a_start_without_something_to_run(app: RunningApp, body: dict[str, Any], status: int) -> None:
    """What cannot be run is refused with a status and a sentence."""
    assert (await start(app, status, **body))["detail"]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"path": "random(reached(Cellar))"}, 422),
        ({"path": "random(steps(1))", "iterations": 2}, 422),
        ({"seed": 2**63}, 422),
        ({"iterations": 0}, 422),
        ({"onerror": "shrug"}, 422),
        ({"parameters": {"height": 3}}, 422),
        ({"parameters": {"tries": [1]}}, 422),
        ({"perform": True, "dry_run": True}, 422),
        ({"asset": {"asset_path": "/a"}, "suite": "/b"}, 422),
        ({"agent": {"agent_id": "nobody"}}, 404),
        ({"test_case_id": 77}, 404),
        ({"tags": ["a\nb"]}, 422),
        ({"labels": ["x"] * 51}, 422),
    ],
)
async def test_a_start_with_something_wrong(app: RunningApp, model: dict[str, Any], fields: dict[str, Any], status: int) -> None:
    """A contradiction, a value out of range or an unknown thing is refused, and nothing is queued."""
    assert (await start(app, status, model_id=model["id"], **fields))["detail"]
    assert (await app.http.get(PATH)).json()["total_count"] == 0


async def test_fields_of_ours(app: RunningApp, model: dict[str, Any]) -> None:
    """Path, seed, data, tags and the rest arrive in the execution; a rerun repeats them."""
    started = await start(
        app, model_id=model["id"], stop_condition="state_coverage(100)", seed=7, parameters={"tries": "2"}, tags=["smoke", "smoke"]
    )
    assert (started["path"], started["seed"]) == ("weighted(state_coverage(100))", 7)
    again = await start(app, rerun_id=started["run_id"])
    assert (again["path"], again["seed"], again["model_id"]) == (started["path"], 7, model["modeluuid"])
    listed = (await app.http.get(PATH, params={"tag": "smoke"})).json()
    assert [item["run_id"] for item in listed["items"]] == [started["run_id"]]
    assert listed["items"][0]["tags"] == ["smoke"]
    newest = (await app.http.get(PATH, params={"limit": 1})).json()
    assert (newest["items"][0]["run_id"], newest["total_count"]) == (again["run_id"], 2)
    assert (await app.http.get(PATH, params={"state": ["passed", "failed"]})).json()["total_count"] == 0


async def test_an_idempotency_key(app: RunningApp, model: dict[str, Any]) -> None:
    """The same start with its key is answered with the same body; another one with it is `key_reused`."""
    headers = {"Idempotency-Key": "build-7"}
    first = await start(app, headers=headers, model_id=model["id"])
    assert await start(app, headers=headers, model_id=model["id"]) == first
    assert (await start(app, 409, headers=headers, model_id=model["id"], seed=1))["code"] == "key_reused"
    await start(app, 422, headers={"Idempotency-Key": "x" * 256}, model_id=model["id"])


async def test_abort_and_continue(app: RunningApp, model: dict[str, Any]) -> None:
    """Abort is 204 with an empty body, as often as it is sent, by either id; an unknown id is 404; only a paused run continues."""
    started = await start(app, model_id=model["id"])
    target = f"{PATH}/{started['execution_id']}"
    assert (await app.http.post(f"{target}/continue")).status_code == 409
    assert (await app.http.post(f"{target}/pause")).json()["detail"].startswith("the run is queued")
    for address in (target, target, f"{PATH}/{started['run_id']}"):
        answer = await app.http.delete(address)
        assert (answer.status_code, answer.content) == (204, b"")
    found = (await app.http.get(target)).json()
    assert (found["status"], found["state"]) == ("Cancelled", "aborted")
    for unknown in ("6b1c1c3e-0000-0000-0000-000000000000", "999", "9" * 40):
        assert (await app.http.delete(f"{PATH}/{unknown}")).status_code == 404
        assert (await app.http.get(f"{PATH}/{unknown}")).status_code == 404


async def test_a_strict_server_refuses_what_it_would_ignore(app: RunningApp, model: dict[str, Any], tmp_path: Path) -> None:
    """With `strict` a field that nobody knows is 422 and names itself."""
    strict = replace(app.services, settings=ServerSettings(data=tmp_path, public_url="http://server", strict=True))
    app.http._transport.app = server_app.create_app(strict.settings, strict)  # type: ignore[attr-defined]
    answer = await start(app, 422, model_id=model["id"], covertarget=1)
    assert answer["detail"][0]["loc"] == ["body", "covertarget"]
    await start(app, model_id=model["id"])


def test_every_state_has_a_word_of_the_original() -> None:
    """`Running` until the end, then the word of the verdict, or `Cancelled`."""
    words = {state.value: shapes.status_of(state) for state in shapes.LifecycleState}
    assert words == {
        "queued": "Running",
        "leased": "Running",
        "running": "Running",
        "aborting": "Running",
        "passed": "Passed",
        "failed": "Failed",
        "error": "Error",
        "aborted": "Cancelled",
    }

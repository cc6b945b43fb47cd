"""Execution environments over REST: list, create, keys, delete, and the one session of an identity."""

import configparser
from pathlib import Path
from typing import Any

import pytest

from support_app import RunningApp, running_app


async def create(app: RunningApp, name: str = "rack-1", **more: Any) -> dict[str, Any]:
    answer = await app.http.post("/ai/agents", json={"name": name, **more})
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


async def keys(app: RunningApp, agent_id: int) -> dict[str, str]:
    answer = await app.http.post("/ai/agents/generate_secrets", json={"agent_id": agent_id, "host_url": "http://server"})
    assert answer.status_code == 200, answer.text
    file = configparser.ConfigParser(interpolation=None)
    file.read_string(answer.text)
    (name,) = file.sections()
    return dict(file[name])


async def speak(app: RunningApp, ini: dict[str, str], path: str, body: dict[str, Any]) -> Any:
    token = await app.token(ini["client_id"], ini["client_secret"])
    return await app.http.post(f"/agent_service/api/v1/{path}", json=body, headers={"Authorization": f"Bearer {token}"})


@pytest.mark.anyio
async def test_get_and_an_empty_post_list_the_agents(tmp_path: Path) -> None:
    """The original's table says POST and its clients say GET: both list, as a bare array."""
    async with running_app(tmp_path) as app:
        await app.sign_in()
        created = await create(app, recordpath="", suite="/eggplant/Suites")
        listed = (await app.http.get("/ai/agents")).json()
        assert [item["id"] for item in listed] == [created["id"]]
        assert listed[0]["suite"] == "/eggplant/Suites"
        again = await app.http.post("/ai/agents")
        assert (again.status_code, again.json()) == (200, listed)


@pytest.mark.anyio
@pytest.mark.parametrize(("name", "status"), [("rack-1", 409), ("with space", 422), ("", 422), ("a\n", 422)])
async def test_a_name_is_unique_and_has_no_spaces(tmp_path: Path, name: str, status: int) -> None:
    """A second agent of a name is a conflict; a bad name is refused with its field."""
    async with running_app(tmp_path) as app:
        await app.sign_in()
        await create(app)
        assert (await app.http.post("/ai/agents", json={"name": name})).status_code == status


@pytest.mark.anyio
async def test_an_agents_keys_do_its_work_and_nothing_else(tmp_path: Path) -> None:
    """With the keys of the `.ini` an agent registers; it may not list runs, and an API client may not register."""
    async with running_app(tmp_path) as app:
        await app.sign_in()
        created = await create(app)
        ini = await keys(app, created["id"])
        assert {"dai_host_url", "token_url", "environment_id", "client_id", "client_secret"} <= set(ini)
        session = await speak(app, ini, "sessions", {"capabilities": ["python"], "instance": "one"})
        assert (session.status_code, session.json()["session"]) == (200, 1)
        token = await app.token(ini["client_id"], ini["client_secret"])
        assert (await app.http.get("/ai/runs", headers={"Authorization": f"Bearer {token}"})).status_code == 403
        assert (await app.http.post("/agent_service/api/v1/sessions", json={"capabilities": []})).status_code == 403
        assert (await app.http.get(f"/ai/agents/{created['id']}")).json()["status"] == "Connected"


@pytest.mark.anyio
async def test_a_second_process_of_an_identity_replaces_the_first(tmp_path: Path) -> None:
    """The older session is told `session_replaced` at its next word."""
    async with running_app(tmp_path) as app:
        await app.sign_in()
        ini = await keys(app, (await create(app))["id"])
        for instance in ("one", "two"):
            await speak(app, ini, "sessions", {"capabilities": ["python"], "instance": instance})
        answer = await speak(app, ini, "leases", {"session": 1, "wait_seconds": 0})
        assert (answer.status_code, answer.json()["code"]) == (409, "session_replaced")
        assert (await speak(app, ini, "leases", {"session": 2, "wait_seconds": 0})).status_code == 204


@pytest.mark.anyio
async def test_new_keys_end_the_old_ones_and_a_deleted_agent_has_none(tmp_path: Path) -> None:
    """Keys end at once: when new ones are made, and with their agent."""
    async with running_app(tmp_path) as app:
        await app.sign_in()
        created = await create(app)
        first, second = await keys(app, created["id"]), await keys(app, created["id"])
        form = {"grant_type": "client_credentials", "client_id": first["client_id"], "client_secret": first["client_secret"]}
        assert (await app.http.post(f"/{first['token_url'].split('/', 3)[3]}", data=form)).status_code == 401
        token = await app.token(second["client_id"], second["client_secret"])
        assert (await app.http.delete(f"/ai/agents/{created['id']}")).status_code == 204
        headers = {"Authorization": f"Bearer {token}"}
        after = await app.http.post("/agent_service/api/v1/sessions", json={"capabilities": []}, headers=headers)
        assert after.status_code == 401
        assert (await app.http.get(f"/ai/agents/{created['id']}")).status_code == 404


@pytest.mark.anyio
async def test_labels_and_draining_are_changed_over_rest(tmp_path: Path) -> None:
    """PUT and PATCH write what is given; the list shows it; a wrong type is refused; keys come for several at once."""
    async with running_app(tmp_path) as app:
        await app.sign_in()
        first = await create(app, labels=["chrome"], epphost="h")
        assert (first["labels"], first["draining"], first["capabilities"]) == (["chrome"], False, [])
        place = f"/ai/agents/{first['id']}"
        changed = (await app.http.patch(place, json={"draining": True})).json()
        assert (changed["labels"], changed["draining"], changed["epphost"]) == (["chrome"], True, "h")
        assert (await app.http.put(place, json={"labels": [], "draining": False})).json()["labels"] == []
        for body in ({"draining": "yes"}, {"labels": "chrome"}, {"labels": [""]}):
            assert (await app.http.patch(place, json=body)).status_code == 422, body
        second = await create(app, "rack-2")
        both = {"agent_ids": [first["id"], "rack-2"], "host_url": "http://server"}
        text = (await app.http.post("/ai/agents/generate_secrets", json=both)).text
        file = configparser.ConfigParser(interpolation=None)
        file.read_string(text)
        assert [file[name]["environment_id"] for name in file.sections()] == [str(first["id"]), str(second["id"])]
        assert (await app.http.post("/ai/agents/generate_secrets", json={"host_url": "http://server"})).status_code == 422
        ini = dict(file["rack-1"])
        await speak(app, ini, "sessions", {"capabilities": ["python"], "instance": "one"})
        answer = await speak(app, ini, "departures", {})
        assert answer.json() == {"agent_name": "rack-1", "status": "Draining", "session": 1}
        refused = await speak(app, ini, "leases", {"session": 1, "wait_seconds": 0})
        assert (refused.status_code, refused.json()["code"]) == (409, "agent_drained")
        await speak(app, ini, "departures", {"session": 1, "gone": True})
        assert (await app.http.get(place)).json()["status"] == "Disconnected"

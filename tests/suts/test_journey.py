"""A system under test over HTTP, from its making to its unlocking: client, administrator and agent, each with its own token."""

import configparser
from pathlib import Path
from typing import Any

import pytest

from support_app import RunningApp, running_app
from support_executions import MODEL_TEXT

SUTS = "/sut_service/api/v1/suts"
RUNS = "/execution_service/api/v1/executions"
FINISHED = {"type": "RunFinished", "verdict": "passed", "reason": "stop_condition", "message": ""}


class Agent:
    """The protocol, spoken by hand."""

    def __init__(self, app: RunningApp, token: str) -> None:
        self._http, self._headers, self.session = app.http, {"Authorization": f"Bearer {token}"}, 0

    async def say(self, path: str, **body: Any) -> Any:
        if self.session:
            body["session"] = self.session
        answer = await self._http.post(f"/agent_service/api/v1/{path}", json=body, headers=self._headers)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def finish(self, lease: dict[str, Any]) -> None:
        done = await self.say("reports", execution_id=lease["execution_id"], attempt=lease["attempt"], events=[FINISHED])
        assert done["ended"]


async def agent(app: RunningApp, name: str) -> Agent:
    made = (await app.http.post("/ai/agents", json={"name": name})).json()
    text = (await app.http.post("/ai/agents/generate_secrets", json={"agent_id": made["id"]})).text
    ini = configparser.ConfigParser(interpolation=None)
    ini.read_string(text)
    speaking = Agent(app, await app.token(ini[name]["client_id"], ini[name]["client_secret"]))
    speaking.session = (await speaking.say("sessions", capabilities=["python", "dry"]))["session"]
    return speaking


async def start(app: RunningApp, model: str, **more: Any) -> dict[str, Any]:
    answer = await app.http.post(RUNS, json={"model_id": model, "perform": True, **more})
    assert answer.status_code == 201, answer.text
    started: dict[str, Any] = answer.json()
    return started


@pytest.mark.anyio
async def test_from_the_making_of_a_till_to_its_unlocking(tmp_path: Path, either_database: str | None) -> None:
    """One till, two runs, two agents: the second run waits by name and reason, an unlock ends the first, the second goes on."""
    async with running_app(tmp_path, database=either_database) as app:
        await app.sign_in()
        headers = {"Content-Type": "application/yaml"}
        imported = await app.http.post("/ai/models", content=MODEL_TEXT, headers=headers)
        assert imported.status_code == 201, imported.text
        model = imported.json()["modeluuid"]
        first_agent, second_agent = await agent(app, "lab-1"), await agent(app, "lab-2")
        vnc = {"connection_type": "VNC", "host": "till-1.example.org", "password": "canary-5511"}
        till = (await app.http.post(SUTS, json={"name": "till-1", "criteria": ["till"], "connections": [vnc]})).json()
        place = f"{SUTS}/{till['id']}"

        first = await start(app, model, sut={"criteria": ["till"]})
        second = await start(app, model, sut={"sut_id": till["id"]})
        lease = await first_agent.say("leases", wait_seconds=0)
        assert (lease["run_id"], lease["sut"]["connections"][0]["password"]) == (first["run_id"], "canary-5511")
        assert await second_agent.say("leases", wait_seconds=0) is None
        waiting = (await app.http.get(f"/ai/runs/{second['run_id']}")).json()
        reason = f"waiting for a system under test: till-1 is locked by run {first['run_id']}"
        assert (waiting["state"], waiting["waiting_for"]) == ("queued", reason)

        assert (await app.http.delete(place)).status_code == 409
        unlocking = await app.http.delete(f"{place}/lock")
        assert (unlocking.status_code, unlocking.json()["execution_id"]) == (202, first["execution_id"])
        assert (await app.http.get(place)).json()["status"] == "Locked"
        assert await second_agent.say("leases", wait_seconds=0) is None
        await first_agent.finish(lease)
        assert (await app.http.get(f"{RUNS}/{first['run_id']}")).json()["status"] == "Cancelled"

        other = await second_agent.say("leases", wait_seconds=0)
        assert (other["run_id"], other["sut"]["name"]) == (second["run_id"], "till-1")
        assert (await app.http.get(place)).json()["lock"]["run_id"] == second["run_id"]
        assert (await app.http.delete(f"{place}/lock", params={"force": "true"})).status_code == 204
        assert (await app.http.get(place)).json()["status"] == "Unlocked"
        await second_agent.finish(other)
        assert (await app.http.delete(f"{place}/lock")).status_code == 204
        assert (await app.http.delete(place)).status_code == 204
        log = (await app.http.get(f"/ai/runlogs/{first['run_id']}")).text
        assert "canary" not in log
        assert b"canary-5511" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

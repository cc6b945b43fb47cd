"""The old question which agent is at which run."""

import re
from pathlib import Path

import pytest

from support_app import running_app
from support_executions import MODEL_TEXT


@pytest.mark.anyio
async def test_idle_and_busy_agents_are_told_apart(tmp_path: Path) -> None:
    """An idle agent has the process 0 and nothing more; a busy one the run's number and its status as the documents print it."""
    async with running_app(tmp_path) as app:
        assert (await app.http.post("/api/sut/status")).status_code == 401
        await app.sign_in()
        imported = await app.http.post("/ai/models", content=MODEL_TEXT, headers={"Content-Type": "application/yaml"})
        model = imported.json()["modeluuid"]
        agents = app.services.agents
        for name in ("lab-1", "lab-2"):
            await agents.create("eggplant", name)
        body = {"model_id": model, "perform": True, "agent": {"agent_id": "lab-2"}}
        started = await app.http.post("/execution_service/api/v1/executions", json=body)
        run_id = started.json()["run_id"]
        ini = await app.http.post("/ai/agents/generate_secrets", json={"agent_id": "lab-2"})
        keys = dict(re.findall(r"(client_\w+) = (\S+)", ini.text))
        headers = {"Authorization": f"Bearer {await app.token(keys['client_id'], keys['client_secret'])}"}
        session = await app.http.post("/agent_service/api/v1/sessions", json={"capabilities": ["python"]}, headers=headers)
        claim = {"session": session.json()["session"]}
        lease = await app.http.post("/agent_service/api/v1/leases", json=claim, headers=headers)
        begun = {"type": "RunStarted", "agent": "lab-2", "version": "1"}
        report = {**claim, "execution_id": lease.json()["execution_id"], "attempt": 1, "events": [begun]}
        assert (await app.http.post("/agent_service/api/v1/reports", json=report, headers=headers)).status_code == 200
        idle, busy = (await app.http.post("/api/sut/status")).json()
        assert idle == {"agent_name": "lab-1", "process_id": 0}
        assert (busy["agent_name"], busy["process_id"], busy["process_status"]) == ("lab-2", run_id, "Running")
        status = busy["execution_status"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00", status["starttime"])
        assert (status["id"], status["processid"], status["endtime"], status["type"]) == (model, str(run_id), None, "model")

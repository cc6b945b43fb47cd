"""The calls of the original product's Python client and of its public API, each made as that client makes it, on one server.

What each call answered becomes `docs/reference/compatibility.md`; with `MELANZANA_WRITE=1` in the environment this test writes the
page, without it the page must be what ran. The client takes 200 of GET and PUT, 200 or 201 of POST, 200 or 204 of DELETE.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from melanzana.executions.records import Attached, ClaimingAgent
from melanzana.protocol.events import RunPaused, RunStarted
from support_app import SOMEBODY, RunningApp, running_app
from support_executions import MODEL_TEXT
from support_reports import fails_at, walked
from support_runs import DOT, Runs

pytestmark = pytest.mark.anyio
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "compatibility.md"
AT_WORK: dict[str, Any] = {"session": 1, "realm": "eggplant", "capabilities": frozenset({"python", "dry"})}
SUCCESS = {"GET": {200}, "PUT": {200}, "POST": {200, 201}, "DELETE": {200, 204}}
TITLE = """# Compatibility

Calls of the original product's Python client and of its public API, as `tests/journeys/test_vendor_client.py` makes them.
That test writes this page and fails when it differs: a status here is what the server answered. Field by field:
[REST API](rest-api.md). Of the public API the fields that the original does not publish are ours.
"""
MISSING = """## Not there

| call | answer |
|---|---|
"""
#: Calls of the client that have no counterpart yet.
ABSENT = (
    ("GET", "/ai/models/{model}/agent"),
    ("PUT", "/ai/models/{model}/agent"),
    ("GET", "/api/v2/spaces/1/export"),
    ("POST", "/api/v2/spaces/import"),
)


class Client:
    """Makes calls as the client does, and remembers what came of each."""

    def __init__(self, app: RunningApp) -> None:
        self.app, self.rows, self.credentials, self.token = app, [TITLE], ("", ""), ""
        self.renewals = 0

    async def log_in(self) -> None:
        """`POST /ai/auth` with a form; the word before the token is in lower case."""
        form = dict(zip(("username", "password"), self.credentials, strict=True))
        answer = await self.app.http.post("/ai/auth", data=form)
        assert answer.status_code == 200
        self.token = answer.json()["access_token"]

    async def begin(self) -> None:
        created = await self.app.services.clients.create_client("eggplant", "older", actor=SOMEBODY)
        self.credentials = (created.client_id, created.client_secret)
        await self.log_in()

    async def call(self, method: str, route: str, ids: dict[str, Any] | None = None, **sent: Any) -> Any:
        """A call that succeeds by the client's own rule; after one 401 it logs in anew and repeats."""
        path = route.format(**(ids or {}))
        for again in (True, False):
            answer = await self.app.http.request(method, path, headers=self.headers, **sent)
            if answer.status_code != 401 or not again:
                break
            self.renewals += 1
            await self.log_in()
        assert answer.status_code in SUCCESS[method], (method, path, answer.status_code, answer.text)
        self.rows.append(f"| `{method} {route}` | {answer.status_code} |")
        if answer.status_code == 204:
            assert answer.content == b""
            return None
        return answer.json() if answer.headers["content-type"].startswith("application/json") else answer

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"bearer {self.token}"}

    def chapter(self, title: str) -> None:
        self.rows.append(f"\n## {title}\n\n| call | answer |\n|---|---|")


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with running_app(tmp_path / "data") as app:
        made = Client(app)
        await made.begin()
        yield made


async def test_every_call_of_the_client_succeeds(client: Client) -> None:
    """Server, people, models, runs, old run control and public API: each answers what is there, and the page says so."""
    await _server(client)
    await _people(client)
    await _agents(client)
    model = await _models(client)
    runs = await _rack(client, model)
    run = await _a_run(client, model, runs)
    await _runs(client, model, run)
    await _run_control(client, runs)
    await _public(client, run)
    await _scheduler(client, model)
    await _deletes(client, model, run)
    await _absent(client, model)
    assert client.renewals == 1
    text = "\n".join(client.rows) + "\n"
    if os.environ.get("MELANZANA_WRITE"):
        PAGE.write_text(text, "utf-8")
    assert PAGE.read_text("utf-8") == text, "run this test with MELANZANA_WRITE=1 and read what changed"


async def _server(client: Client) -> None:
    client.chapter("Server and token")
    await client.call("DELETE", "/ai/auth")
    assert await client.call("GET", "/ai/ping") == {"message": "OK"}  # the token is gone: this one logs in anew
    assert (await client.call("GET", "/ai/status"))["status"] == "ok"
    assert (await client.call("GET", "/ai/usage"))["unlimited"] is True
    licence = await client.call("POST", "/ai/licenses", json={"license": "text", "serialNumber": "S-1"})
    assert licence["needed"] is False
    assert await client.call("GET", "/ai/licenses") == []
    await client.call("GET", "/ai/licenses/{serial}", {"serial": "S-1"})
    await client.call("DELETE", "/ai/licenses/{serial}", {"serial": "S-1"})
    mail = {"host": "mail.example.org", "port": 587, "sender": "tests@example.org", "password": "pw-of-mail", "username": "tests"}
    await client.call("PUT", "/ai/smtp", json=mail)
    kept = await client.call("GET", "/ai/smtp")
    assert (kept["host"], kept["has_password"], "pw-of-mail" in str(kept)) == ("mail.example.org", True, False)


async def _people(client: Client) -> None:
    client.chapter("People")
    group = await client.call("POST", "/ai/groups", json={"groupname": "team"})
    assert [one["groupname"] for one in await client.call("GET", "/ai/groups")] == ["team"]
    ids = {"group": group["id"]}
    await client.call("PUT", "/ai/groups/{group}", ids, json={"groupname": "crew"})
    assert (await client.call("GET", "/ai/groups/{group}", ids))["groupname"] == "crew"
    new = {"username": "grace", "password": "correct horse battery staple"}
    ids["user"] = (await client.call("POST", "/ai/users", json=new))["id"]
    assert "grace" in [one["username"] for one in await client.call("GET", "/ai/users")]
    await client.call("PUT", "/ai/users/{user}", ids, json={"name": "Grace"})
    assert (await client.call("GET", "/ai/users/{user}", ids))["name"] == "Grace"
    await client.call("DELETE", "/ai/users/{user}", ids)
    await client.call("DELETE", "/ai/groups/{group}", ids)


async def _agents(client: Client) -> None:
    client.chapter("Agents")
    full = {
        **{"epphost": "localhost", "suite": "/suites", "epptestcontrollerport": 5400, "recordpath": "/records"},
        **{"eppanalyzerport": 5401, "id": 0, "name": "lab-1", "eppworkspacepath": "/work"},
    }
    made = await client.call("POST", "/ai/agents", json=full)
    assert {**full, "id": made["id"]}.items() <= made.items()
    assert [one["id"] for one in (await client.app.http.post("/ai/agents", headers=client.headers)).json()] == [made["id"]]
    assert [one["name"] for one in await client.call("GET", "/ai/agents")] == ["lab-1"]
    ids = {"agent": made["id"]}
    await client.call("PUT", "/ai/agents/{agent}", ids, json={**made, "recordpath": "/elsewhere"})
    assert (await client.call("GET", "/ai/agents/{agent}", ids))["recordpath"] == "/elsewhere"
    file = await client.call("POST", "/ai/agents/generate_secrets", json={"agent_id": made["id"], "host_url": "http://server"})
    assert "client_secret" in file.text
    depths = await client.call("POST", "/ai/coverage/models", json={"name": "deep", "path_depth": 2, "variable_depth": 1})
    assert "deep" in [one["name"] for one in await client.call("GET", "/ai/coverage/models")]
    ids = {"coverage_model": depths["id"]}
    await client.call("PUT", "/ai/coverage/model/{coverage_model}", ids, json={"path_depth": 3})
    assert (await client.call("GET", "/ai/coverage/model/{coverage_model}", ids))["path_depth"] == 3
    await client.call("DELETE", "/ai/coverage/model/{coverage_model}", ids)


async def _models(client: Client) -> dict[str, Any]:
    client.chapter("Models and test cases")
    new = {"name": "Shop", "group": "ada@example.com", "modeljson": MODEL_TEXT}
    model = dict(await client.call("POST", "/ai/models", json=new))
    (listed,) = await client.call("GET", "/ai/models")
    assert (listed["id"], listed["name"], listed["modeluuid"]) == (model["id"], "Shop", model["modeluuid"])
    ids = {"model": model["id"]}
    assert (await client.call("GET", "/ai/models/{model}", ids))["modeljson"]["definition"]["elements"]
    await client.call("PUT", "/ai/models/{model}", ids, json={"group": "crew"})
    ids["tag"] = (await client.call("POST", "/ai/models/{model}/tags", ids, json={"tag": "smoke"}))["id"]
    await client.call("PUT", "/ai/models/{model}/tags/{tag}", ids, json={"tag": "release"})
    assert await client.call("GET", "/ai/models/{model}/tags", ids) == [{"id": ids["tag"], "tag": "release"}]
    (case, *_) = await client.call("GET", "/ai/models/{model}/testcases", ids)
    copy = {"testcaseName": "copied", "testcase": case["testcase"], "description": "again", "tags": "smoke,slow", "origin": "api"}
    ids["case"] = (await client.call("POST", "/ai/models/{model}/testcases", ids, json=copy))["id"]
    await client.call("PUT", "/ai/models/{model}/testcases/{case}", ids, json={"description": "changed"})
    seen = await client.call("GET", "/ai/models/{model}/testcases/{case}", ids)
    assert (seen["testcaseName"], seen["description"], seen["tags"]) == ("copied", "changed", ["smoke", "slow"])
    await client.call("DELETE", "/ai/models/{model}/testcases/{case}", ids)
    return model


async def _rack(client: Client, model: dict[str, Any]) -> Runs:
    """An agent that is there."""
    agent = (await client.app.services.agents.create("eggplant", "rack")).agent
    return Runs(client.app.services, model["id"], ClaimingAgent(**AT_WORK, agent_id=agent.id, name=agent.name))


async def _a_run(client: Client, model: dict[str, Any], runs: Runs) -> dict[str, Any]:
    """A run that failed and kept a picture."""
    client.chapter("Start and abort")
    body = {
        "execution_type": "executing",
        "model_id": model["modeluuid"],
        "agent": {"agent_id": "any"},
        "asset": {"asset_path": "suites/shop"},
    }
    started = await client.call("POST", "/execution_service/api/v1/executions", json=body)
    lease = await runs.claim()
    assert lease.execution_id == started["execution_id"]
    (*events, end) = walked(lease.snapshot, fails_at("leave"))
    kept = runs.keep("till.png", DOT, "image/png", step=1)
    await client.app.services.executions.keep(runs.agent, lease.execution_id, lease.attempt, Attached(kept.sha256, kept.size))
    await runs.tell(lease, (*events, kept, end))
    second = (await client.app.http.post("/execution_service/api/v1/executions", json=body, headers=client.headers)).json()
    await client.call("DELETE", "/execution_service/api/v1/executions/{execution}", {"execution": second["execution_id"]})
    return {"run": started["run_id"], "execution": started["execution_id"], "image": kept.sha256}


async def _runs(client: Client, model: dict[str, Any], run: dict[str, Any]) -> None:
    client.chapter("Runs and reports")
    listed = await client.call("GET", "/ai/runs?limit=20&offset=0")
    assert [one["status"] for one in listed] == ["Cancelled", "Failed"]
    assert (await client.call("GET", "/ai/runs/{run}", run))["status"] == "Failed"
    assert await client.call("GET", "/ai/runs/{run}/timings", run)
    log = await client.call("GET", "/ai/runlogs/{run}", run)
    assert log["total_count"] == len(log["items"])
    assert [one["image_id"] for one in log["items"] if one["image_id"]] == [run["image"]]
    assert [one["message_type"] for one in log["items"]].count("failure") == 1
    assert (await client.call("GET", "/ai/executions/{execution}", run))["run_id"] == run["run"]
    ids = {"model": model["id"]}
    assert len(await client.call("GET", "/ai/models/{model}/runs", ids)) == 2
    await client.call("GET", "/ai/models/{model}/coverage", ids)
    await client.call("GET", "/ai/models/{model}/testcaseruns", ids)
    assert len(await client.call("GET", "/ai/models/{model}/defects", ids)) == 1
    assert (await client.call("GET", "/ai/models/{model}/release-insights", ids))["pass_rate"] == 0


async def _run_control(client: Client, runs: Runs) -> None:
    client.chapter("Older run control")
    fields = {
        "modelName": "Shop",
        "group": "ada@example.com",
        "onerror": "debug",
        "agentName": "rack",
        "suiteLocation": "suites/shop",
    }
    started = await client.call("POST", "/api/run", data=fields)
    (seen, *_) = await client.call("POST", "/api/run/progress", data={"id": started["id"], "limit": "5"})
    assert (seen["processid"], seen["status"]) == (started["processid"], "Running")
    lease = await runs.claim()
    await runs.tell(lease, (RunStarted(agent="rack", version="1"), RunPaused(step=1)))
    busy = {one["agent_name"]: one["process_id"] for one in await client.call("POST", "/api/sut/status")}
    assert busy == {"lab-1": 0, "rack": int(started["processid"])}
    await client.call("POST", "/api/run/continue", json={"processid": started["processid"]})
    assert (await client.call("POST", "/api/run/abort", json={"processid": started["processid"]}))["message"] == "OK"


async def _public(client: Client, run: dict[str, Any]) -> None:
    for version in ("v1", "v2"):
        client.chapter(f"Public API {version}")
        form = dict(zip(("client_id", "client_secret"), client.credentials, strict=True))
        assert (await client.call("POST", f"/api/{version}/auth", json=form))["expires_in"] == 600
        found = await client.call("GET", f"/api/{version}/test_results?status=FAILED&limit=1")
        assert [found["total_count"], found["items"][0]["id"]] == [1, run["execution"]]
        one = await client.call("GET", f"/api/{version}/test_results/{{execution}}", run)
        assert (one["status"], one["run_type"], one["run_id"]) == ("FAILED", "EXPLORATORY", run["run"])
        logs = await client.call("GET", f"/api/{version}/test_results/{{execution}}/logs?limit=1000", run)
        assert logs["total_count"] == len(logs["items"])
        assert {one["severity"] for one in logs["items"]} <= {"ERROR", "WARNING", "INFO", "DEBUG"}
        pictures = await client.call("GET", f"/api/{version}/test_results/{{execution}}/screenshots", run)
        assert (pictures["total_count"], pictures["items"][0]["id"]) == (1, run["image"])
        picture = await client.call("GET", f"/api/{version}/screenshots/{{image}}", run)
        assert (picture.content, picture.headers["content-type"]) == (DOT, "image/png")
        assert (picture.headers["x-content-type-options"], "sandbox" in picture.headers["content-security-policy"]) == (
            "nosniff",
            True,
        )
    sut = await client.call("POST", "/api/v2/suts", json={"name": "till-1", "criteria": ["till"]})
    assert (await client.call("GET", "/api/v2/suts"))["total_count"] == 1
    await client.call("PUT", "/api/v2/suts/{sut}", {"sut": sut["id"]}, json={"name": "till-2"})
    assert (await client.call("GET", "/api/v2/suts/{sut}", {"sut": sut["id"]}))["name"] == "till-2"
    assert (await client.call("GET", "/sut_service/api/v1/suts"))["items"][0]["id"] == sut["id"]
    await client.call("DELETE", "/sut_service/api/v1/suts/{sut}/lock", {"sut": sut["id"]})
    await client.call("DELETE", "/api/v2/suts/{sut}", {"sut": sut["id"]})


async def _scheduler(client: Client, model: dict[str, Any]) -> None:
    client.chapter("Test configurations")
    steps = [{"type": "exploratory", "model_id": model["modeluuid"]}]
    body = {"name": "nightly", "steps": steps}
    configuration = await client.call("POST", "/test_config_service/api/v1/test_configurations", json=body)
    assert (await client.call("GET", "/test_config_service/api/v1/test_configurations"))["items"][0]["name"] == "nightly"
    ids = {"test_config": configuration["id"]}
    start = "/task_scheduler_service/api/v1/task_instances/{test_config}"
    ids["task"] = (await client.call("POST", start, ids, json={"username": "ada"}))["task_instance_id"]
    await client.call("GET", "/ai/testconfigtasks/{task}", ids)
    await client.call("GET", "/ai/testconfigtasks/{task}/summary", ids)
    await client.call("GET", "/ai/runs?task_instance_id={task}", ids)
    found = await client.call("GET", "/api/v2/test_config_results?test_config_id={test_config}", ids)
    assert (found["total_count"], found["items"][0]["id"]) == (1, ids["task"])
    await client.call("GET", "/api/v2/test_results?test_config_result_id={task}", ids)
    await client.call("GET", "/api/v2/test_config_results/{task}", ids)
    await client.call("GET", "/api/v2/test_config_results/{task}/junit", ids)


async def _deletes(client: Client, model: dict[str, Any], run: dict[str, Any]) -> None:
    client.chapter("Removing")
    await client.call("DELETE", "/ai/runs/{run}", run)
    await client.call("DELETE", "/ai/models/{model}", {"model": model["id"]})
    (agent, *_) = await client.app.services.agents.list("eggplant")
    await client.call("DELETE", "/ai/agents/{agent}", {"agent": agent.agent.id})
    gone = await client.app.http.get(f"/api/v2/screenshots/{run['image']}", headers=client.headers)
    assert gone.status_code == 404


async def _absent(client: Client, model: dict[str, Any]) -> None:
    """Told as they are: no row says that they work."""
    client.rows.append(f"\n{MISSING.rstrip()}")
    for method, route in ABSENT:
        answer = await client.app.http.request(method, route.format(model=model["id"]), headers=client.headers)
        assert answer.status_code == 404, (route, answer.status_code)
        client.rows.append(f"| `{method} {route}` | 404 |")

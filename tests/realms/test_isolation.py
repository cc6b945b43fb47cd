"""Nothing of one realm is visible in another: every route that names a thing is asked, over the real server.

The things belong to `tenant`. Two strangers ask: an administrator of the home realm, who may do everything but an agent's work, and
an API client of a third realm. A new route with an id makes `test_every_route_is_asked` fail until it is asked here.
"""

import configparser
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from melanzana.access.permissions import Role
from melanzana.executions.records import Attached, Execution, StartRequest
from melanzana.protocol.peer import Report
from melanzana.users.records import NewUser
from melanzana.users.rules import operator
from support_app import SOMEBODY, RunningApp, running_app
from support_executions import AGENT, MODEL_TEXT
from support_reports import fails_at, walked
from support_runs import CI, DOT, keep
from support_shrinking import a_search
from support_suites import zipped

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
Route = tuple[str, str, dict[str, Any] | None]
MARK = "of-the-tenant"
PASSWORD = "correct horse battery staple"
STEPS = {"name": "stolen", "steps": [{"type": "script", "script": "steal"}]}
SCHEDULE = {"name": f"schedule-{MARK}", "cron": "0 3 * * *"}
PROFILE = {"name": f"profile-{MARK}", "type": "email", "recipients": ["ada@example.org"]}
SUITES = "/suite_service/api/v1/suites"
NOBODY = "00000000-0000-4000-8000-000000000000"
#: Method, path, body. `{…}` is replaced by the tenant's id, and by one of nothing.
ROUTES: tuple[Route, ...] = (
    ("GET", "/execution_service/api/v1/executions/{execution_id}", None),
    ("GET", "/execution_service/api/v1/executions/{execution_id}/events", None),
    ("POST", "/execution_service/api/v1/executions/{execution_id}/pause", None),
    ("POST", "/execution_service/api/v1/executions/{execution_id}/replay", None),
    ("POST", "/execution_service/api/v1/executions/{execution_id}/shrink", None),
    ("GET", "/execution_service/api/v1/shrinks/{search_id}", None),
    ("DELETE", "/execution_service/api/v1/shrinks/{search_id}", None),
    ("POST", "/execution_service/api/v1/shrinks/{search_id}/test-case", None),
    ("GET", "/ai/executions/{execution_id}", None),
    ("DELETE", "/execution_service/api/v1/executions/{execution_id}", None),
    ("POST", "/execution_service/api/v1/executions/{execution_id}/continue", None),
    ("GET", "/ai/models/{model_id}", None),
    ("PUT", "/ai/models/{model_id}", {"name": "stolen"}),
    ("DELETE", "/ai/models/{model_id}", None),
    ("GET", "/ai/models/{model_id}/versions", None),
    ("GET", "/ai/models/{model_id}/versions/difference?from=1&to=1", None),
    ("GET", "/ai/models/{model_id}/testcases", None),
    ("GET", "/ai/models/{model_id}/testcases/{test_case_id}", None),
    ("POST", "/ai/models/{model_id}/testcases", {"name": "stolen", "testcase": 'Action "open"'}),
    ("PUT", "/ai/models/{model_id}/testcases/{test_case_id}", {"name": "stolen"}),
    ("DELETE", "/ai/models/{model_id}/testcases/{test_case_id}", None),
    ("GET", "/ai/models/{model_id}/tags", None),
    ("POST", "/ai/models/{model_id}/tags", {"tag": "stolen"}),
    ("PUT", "/ai/models/{model_id}/tags/{tag_id}", {"tag": "stolen"}),
    ("GET", "/ai/models/{model_id}/draft", None),
    ("PUT", "/ai/models/{model_id}/draft", {"model": "stolen", "start": "a", "states": {"a": {}}}),
    ("DELETE", "/ai/models/{model_id}/draft", None),
    ("POST", "/ai/models/{model_id}/draft/edits", {"edits": [{"op": "rename", "name": "stolen"}]}),
    ("POST", "/ai/models/{model_id}/draft/undo", None),
    ("POST", "/ai/models/{model_id}/draft/redo", None),
    ("POST", "/ai/models/{model_id}/draft/publish", {"overwrite": True}),
    ("GET", "/ai/models/{model_id}/layout", None),
    ("PUT", "/ai/models/{model_id}/layout", {"boxes": {}}),
    ("GET", "/ai/models/{model_id}/runs", None),
    ("GET", "/ai/models/{model_id}/coverage", None),
    ("GET", "/ai/models/{model_id}/coverage/history", None),
    ("GET", "/ai/models/{model_id}/coverage/difference?from=1&to=1", None),
    ("GET", "/ai/coverage/model/{coverage_model_id}", None),
    ("PUT", "/ai/coverage/model/{coverage_model_id}", {"name": "stolen"}),
    ("DELETE", "/ai/coverage/model/{coverage_model_id}", None),
    ("GET", "/ai/models/{model_id}/defects", None),
    ("GET", "/ai/models/{model_id}/testcaseruns", None),
    ("GET", "/ai/models/{model_id}/release-insights", None),
    ("GET", "/ai/runs/{run_id}", None),
    ("DELETE", "/ai/runs/{run_id}", None),
    ("GET", "/ai/runs/{run_id}/timings", None),
    ("GET", "/ai/runs/{run_id}/recording", None),
    ("GET", "/ai/runs/{run_id}/attachments", None),
    ("GET", "/ai/runs/{run_id}/attachments/{attachment_id}", None),
    ("GET", "/ai/runs/{run_id}/report", None),
    ("GET", "/ai/runs/{run_id}/compare/{other_id}", None),
    ("GET", "/ai/runlogs/{run_id}", None),
    ("GET", "/ai/agents/{agent_id}", None),
    ("PUT", "/ai/agents/{agent_id}", {"name": "stolen"}),
    ("PATCH", "/ai/agents/{agent_id}", {"draining": True}),
    ("DELETE", "/ai/agents/{agent_id}", None),
    ("GET", "/sut_service/api/v1/suts/{sut_id}", None),
    ("PUT", "/sut_service/api/v1/suts/{sut_id}", {"name": "stolen"}),
    ("DELETE", "/sut_service/api/v1/suts/{sut_id}/lock", None),
    ("DELETE", "/sut_service/api/v1/suts/{sut_id}", None),
    ("GET", "/suite_service/api/v1/suites/{suite_id}", None),
    ("DELETE", "/suite_service/api/v1/suites/{suite_id}", None),
    ("GET", "/test_config_service/api/v1/test_configurations/{test_config_id}", None),
    ("PUT", "/test_config_service/api/v1/test_configurations/{test_config_id}", STEPS),
    ("POST", "/task_scheduler_service/api/v1/task_instances/{test_config_id}", None),
    ("GET", "/task_scheduler_service/api/v1/task_instances/{task_instance_id}", None),
    ("DELETE", "/task_scheduler_service/api/v1/task_instances/{task_instance_id}", None),
    ("GET", "/api/v2/test_config_results/{task_instance_id}", None),
    ("GET", "/api/v2/test_config_results/{task_instance_id}/junit", None),
    ("GET", "/api/v1/test_results/{run_id}", None),
    ("GET", "/api/v1/test_results/{run_id}/logs", None),
    ("GET", "/api/v1/test_results/{run_id}/screenshots", None),
    ("GET", "/api/v1/screenshots/{screenshot_id}", None),
    ("GET", "/api/v2/test_results/{run_id}", None),
    ("GET", "/api/v2/test_results/{run_id}/logs", None),
    ("GET", "/api/v2/test_results/{run_id}/screenshots", None),
    ("GET", "/api/v2/screenshots/{screenshot_id}", None),
    ("GET", "/api/v2/suts/{sut_id}", None),
    ("PUT", "/api/v2/suts/{sut_id}", {"name": "stolen"}),
    ("DELETE", "/api/v2/suts/{sut_id}", None),
    ("GET", "/ai/testconfigtasks/{task_instance_id}", None),
    ("GET", "/ai/testconfigtasks/{task_instance_id}/summary", None),
    ("GET", "/task_scheduler_service/api/v1/schedules/{schedule_id}", None),
    ("PUT", "/task_scheduler_service/api/v1/schedules/{schedule_id}", {**SCHEDULE, "test_config_id": NOBODY}),
    ("DELETE", "/task_scheduler_service/api/v1/schedules/{schedule_id}", None),
    ("GET", "/notification_service/api/v1/profiles/{profile_id}", None),
    ("PUT", "/notification_service/api/v1/profiles/{profile_id}", PROFILE),
    ("POST", "/notification_service/api/v1/profiles/{profile_id}/test", None),
    ("DELETE", "/notification_service/api/v1/profiles/{profile_id}", None),
    ("DELETE", "/test_config_service/api/v1/test_configurations/{test_config_id}", None),
    ("GET", "/ai/users/{user_id}", None),
    ("PUT", "/ai/users/{user_id}", {"name": "stolen"}),
    ("DELETE", "/ai/users/{user_id}", None),
    ("GET", "/ai/groups/{group_id}", None),
    ("PUT", "/ai/groups/{group_id}", {"groupname": "stolen"}),
    ("DELETE", "/ai/groups/{group_id}", None),
)
#: Say the same of every name, since nothing is stored under one.
NAMELESS = {("GET", "/ai/licenses/{serial}"), ("DELETE", "/ai/licenses/{serial}")}
#: People only.
CLIENT_ROUTES: tuple[Route, ...] = (
    ("GET", "/client_service/api/v1/clients/{client_id}", None),
    ("PATCH", "/client_service/api/v1/clients/{client_id}", {"name": "stolen"}),
    ("POST", "/client_service/api/v1/clients/{client_id}/regenerate", {}),
    ("DELETE", "/client_service/api/v1/clients/{client_id}", None),
)
#: Open to administrators of the home realm on purpose.
REALM_ROUTES: tuple[Route, ...] = (
    ("GET", "/realm_service/api/v1/realms/{realm}", None),
    ("PATCH", "/realm_service/api/v1/realms/{realm}", {"token_seconds": 60}),
    ("GET", "/realm_service/api/v1/realms/{realm}/keys", None),
    ("POST", "/realm_service/api/v1/realms/{realm}/keys", None),
    ("POST", "/realm_service/api/v1/realms/{realm}/keys/{kid}/disable", None),
    ("DELETE", "/realm_service/api/v1/realms/{realm}/keys/{kid}", None),
)
LISTS = (
    "/execution_service/api/v1/executions",
    "/ai/models",
    "/ai/runs",
    "/execution_service/api/v1/shrinks",
    "/ai/agents",
    "/sut_service/api/v1/suts",
    "/suite_service/api/v1/suites",
    "/test_config_service/api/v1/test_configurations",
    "/task_scheduler_service/api/v1/task_instances",
    "/api/v2/test_config_results",
    "/api/v1/test_results",
    "/api/v2/test_results",
    "/api/v2/suts",
    "/task_scheduler_service/api/v1/schedules",
    "/task_scheduler_service/api/v1/schedules/calendar?days=2",
    "/notification_service/api/v1/profiles",
    "/ai/users",
    "/ai/groups",
    "/ai/coverage/models",
    "/audit_service/api/v1/records?limit=1000",
)
#: Well-formed ids of nothing.
NOTHING = {
    "execution_id": "00000000-0000-4000-8000-000000000000",
    "model_id": "999999",
    "coverage_model_id": "999999",
    "test_case_id": "999999",
    "run_id": "999999",
    "other_id": "999999",
    "tag_id": "1",
    "agent_id": "999999",
    "sut_id": "00000000-0000-4000-8000-000000000000",
    "user_id": "00000000-0000-4000-8000-000000000000",
    "group_id": "00000000-0000-4000-8000-000000000000",
    "client_id": "client:dai:api:integration:00000000-0000-4000-8000-000000000000",
    "realm": "nowhere",
    "kid": "x" * 43,
    "attachment_id": "999999",
    "screenshot_id": "0" * 64,
    "test_config_id": "00000000-0000-4000-8000-000000000000",
    "task_instance_id": "00000000-0000-4000-8000-000000000000",
    "schedule_id": "00000000-0000-4000-8000-000000000000",
    "profile_id": "00000000-0000-4000-8000-000000000000",
    "search_id": "999999",
    "suite_id": "00000000-0000-4000-8000-000000000000",
}


@dataclass
class Tenants:
    """The running server, the tenant's ids, and who may ask."""

    app: RunningApp
    ids: dict[str, str]
    owner: dict[str, str]
    home_admin: dict[str, str]
    stranger: dict[str, str]

    async def ask(self, route: Route, ids: dict[str, str], headers: dict[str, str]) -> httpx.Response:
        method, path, body = route
        return await self.app.http.request(method, path.format(**ids), json=body, headers=headers | {"If-Match": "*"})


async def _client_of(app: RunningApp, realm: str) -> dict[str, str]:
    """Headers of a new API client of that realm, which is made when there is none."""
    await app.services.realms.ensure_realm(realm)
    client = await app.services.clients.create_client(realm, f"client {MARK}", actor=SOMEBODY)
    form = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": client.client_secret}
    answer = await app.http.post(f"/auth/realms/{realm}/protocol/openid-connect/token", data=form)
    return {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}


async def _admin_of_home(app: RunningApp) -> dict[str, str]:
    new = NewUser(username="ada", role=Role.ADMIN, password=PASSWORD)
    await app.services.users.accounts.create("eggplant", new, operator(SOMEBODY))
    answer = await app.http.post("/ai/auth", data={"username": "ada", "password": PASSWORD})
    return {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}


async def _things(app: RunningApp, headers: dict[str, str]) -> dict[str, str]:
    """One of everything, made over REST by the tenant's own client; each carries the mark."""

    async def made(path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await app.http.post(path, json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    model = await made("/ai/models", {"name": f"model-{MARK}", "modeljson": MODEL_TEXT})
    cases = (await app.http.get(f"/ai/models/{model['id']}/testcases", headers=headers)).json()
    agent = await made("/ai/agents", {"name": f"agent-{MARK}"})
    ended = await _ended_run(app, model["id"])
    await made(
        "/execution_service/api/v1/executions",
        {"execution_type": "executing", "model_id": str(model["id"]), "agent": {"agent_id": "any"}, "suite": f"suites/{MARK}"},
    )
    sut = await made("/sut_service/api/v1/suts", {"name": f"sut-{MARK}"})
    depths = await made("/ai/coverage/models", {"name": f"depths-{MARK}", "path_depth": 2, "variable_depth": 1})
    user = await made("/ai/users", {"username": f"user-{MARK}", "password": PASSWORD})
    group = await made("/ai/groups", {"groupname": f"group-{MARK}"})
    (client, *_) = await app.services.clients.list_clients("tenant")
    (key, *_) = await app.services.realms.keys("tenant")
    return {
        "execution_id": ended.id,
        "model_id": str(model["id"]),
        "test_case_id": str(cases[0]["id"]),
        "run_id": str(ended.run_id),
        "tag_id": "1",
        "other_id": str(ended.run_id),
        "search_id": str(await a_search(app.services, "tenant", ended.run_id)),
        "screenshot_id": (await app.services.reports.attachments("tenant", ended.run_id))[0].sha256,
        "attachment_id": str((await app.services.reports.attachments("tenant", ended.run_id))[0].id),
        "agent_id": str(agent["id"]),
        "coverage_model_id": str(depths["id"]),
        "user_id": str(user["id"]),
        "group_id": str(group["id"]),
        "client_id": client.client_id,
        "realm": "tenant",
        "kid": key.kid,
        "sut_id": str(sut["id"]),
        "suite_id": (await app.http.post(SUITES, content=zipped(), params={"name": f"s-{MARK}"}, headers=headers)).json()["id"],
        **await _task(made, model["modeluuid"]),
        "profile_id": str((await made("/notification_service/api/v1/profiles", PROFILE))["id"]),
    }


async def _task(made: Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]], model: str) -> dict[str, str]:
    """A test configuration of the tenant and one start of it."""
    steps = [{"type": "exploratory", "model_id": model}]
    configuration = await made("/test_config_service/api/v1/test_configurations", {"name": f"config-{MARK}", "steps": steps})
    task = await made(f"/task_scheduler_service/api/v1/task_instances/{configuration['id']}", {})
    schedule = await made("/task_scheduler_service/api/v1/schedules", {**SCHEDULE, "test_config_id": configuration["id"]})
    ids = {"test_config_id": configuration["id"], "task_instance_id": task["task_instance_id"], "schedule_id": schedule["id"]}
    return {name: str(value) for name, value in ids.items()}


async def _ended_run(app: RunningApp, model_id: int) -> Execution:
    """A run of the tenant that failed and has attached a file."""
    own = replace(CI, realm="tenant")
    executions, attempt = app.services.executions, replace(AGENT, realm="tenant", agent_id=7)
    begun = await executions.start(StartRequest(model=model_id, perform=True), own)
    lease = await executions.claim(attempt)
    assert lease is not None
    (*events, end) = walked(lease.snapshot, fails_at("leave"))
    kept = keep(app.services, f"{MARK}.png", DOT, "image/png")
    await executions.keep(attempt, lease.execution_id, lease.attempt, Attached(kept.sha256, kept.size))
    report = Report(execution_id=lease.execution_id, attempt=lease.attempt, first_seq=1, events=(*events, kept, end))
    await executions.report(attempt, report)
    return begun


@pytest.fixture
async def tenants(tmp_path: Path) -> AsyncIterator[Tenants]:
    async with running_app(tmp_path) as app:
        owner = await _client_of(app, "tenant")
        yield Tenants(app, await _things(app, owner), owner, await _admin_of_home(app), await _client_of(app, "third"))


async def test_every_route_is_asked(tenants: Tenants) -> None:
    """No route with an id is missing here."""
    paths = (await tenants.app.http.get("/openapi.json")).json()["paths"]
    served = {(method.upper(), path) for path, item in paths.items() for method in item if "{" in path}
    served = {route for route in served if not route[1].startswith(("/auth/", "/.well-known/"))}
    assert served - NAMELESS == {(method, path.partition("?")[0]) for method, path, _ in (*ROUTES, *CLIENT_ROUTES, *REALM_ROUTES)}


async def test_things_of_another_realm_are_not_there(tenants: Tenants) -> None:
    """A stranger gets for each of the tenant's things what they get for nothing at all; afterwards everything is as it was."""
    asked = [(route, tenants.home_admin) for route in (*ROUTES, *CLIENT_ROUTES)]
    asked += [(route, tenants.stranger) for route in (*ROUTES, *REALM_ROUTES)]
    for route, headers in asked:
        foreign = await tenants.ask(route, tenants.ids, headers)
        nothing = await tenants.ask(route, NOTHING, headers)
        assert foreign.status_code == nothing.status_code == 404, (route, foreign.status_code, foreign.text)
        assert _anonymous(foreign.text, route[1], tenants.ids) == _anonymous(nothing.text, route[1], NOTHING), route
        assert MARK not in foreign.text
    for route in (*ROUTES, *REALM_ROUTES):
        if route[0] == "GET":
            assert (await tenants.ask(route, tenants.ids, tenants.owner)).status_code == 200, route
    assert await tenants.app.services.clients.live_client("tenant", tenants.ids["client_id"]) is not None


def _anonymous(text: str, path: str, ids: dict[str, str]) -> str:
    """The answer with the ids of its path taken out."""
    for name in NOTHING:
        if f"{{{name}}}" in path:
            text = text.replace(ids[name], name)
    return text


async def test_lists_hold_nothing_of_another_realm(tenants: Tenants) -> None:
    """No list shows the tenant's things, nor does a filter by their ids find them; the tenant's own lists do."""
    for path in LISTS:
        own = await tenants.app.http.get(path, headers=tenants.owner)
        assert own.status_code == 200
        assert any(value in own.text for value in (MARK, tenants.ids["execution_id"], '"run_id":1')), path
        for headers in (tenants.home_admin, tenants.stranger):
            foreign = await tenants.app.http.get(path, headers=headers)
            assert foreign.status_code == 200, path
            assert not any(value in foreign.text for value in (f"-{MARK}", tenants.ids["execution_id"])), path
    clients = (await tenants.app.http.get("/client_service/api/v1/clients", headers=tenants.home_admin)).text
    assert tenants.ids["client_id"] not in clients
    realms = (await tenants.app.http.get("/realm_service/api/v1/realms", headers=tenants.stranger)).json()
    assert [realm["name"] for realm in realms] == ["third"]


async def test_things_of_another_realm_cannot_be_named_in_a_body(tenants: Tenants) -> None:
    """A start with the tenant's model, run or agent, and keys for its agent: refused as unknown."""
    for headers in (tenants.home_admin, tenants.stranger):
        for body in ({"model_id": tenants.ids["model_id"]}, {"rerun_id": tenants.ids["run_id"]}):
            answer = await tenants.app.http.post("/execution_service/api/v1/executions", json=body, headers=headers)
            assert answer.status_code in {404, 422}, (body, answer.text)
            assert MARK not in answer.text
        older = (
            ("", {"modelId": "model_id"}),
            ("/progress", {"id": "model_id"}),
            ("/abort", {"id": "run_id"}),
            ("/continue", {"id": "run_id"}),
        )
        for path, names in older:
            form = {field: tenants.ids[name] for field, name in names.items()}
            answer = await tenants.app.http.post(f"/api/run{path}", data=form, headers=headers)
            assert answer.status_code == 404, (path, answer.text)
        keys = {"agent_id": int(tenants.ids["agent_id"]), "host_url": "http://server"}
        answer = await tenants.app.http.post("/ai/agents/generate_secrets", json=keys, headers=headers)
        assert answer.status_code == 404, answer.text


async def test_agents_of_another_realm_get_no_work(tenants: Tenants) -> None:
    """The tenant's queued run for any agent is not leased to an agent of another realm."""
    http = tenants.app.http
    agent = (await http.post("/ai/agents", json={"name": "rack"}, headers=tenants.stranger)).json()
    keys = {"agent_id": agent["id"], "host_url": "http://server"}
    file = configparser.ConfigParser(interpolation=None)
    file.read_string((await http.post("/ai/agents/generate_secrets", json=keys, headers=tenants.stranger)).text)
    values = file[file.sections()[0]]
    form = {"grant_type": "client_credentials", "client_id": values["client_id"], "client_secret": values["client_secret"]}
    token = (await http.post("/auth/realms/third/protocol/openid-connect/token", data=form)).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    body = {"capabilities": ["python"], "instance": "one"}
    session = (await http.post("/agent_service/api/v1/sessions", json=body, headers=headers)).json()["session"]
    lease = await http.post("/agent_service/api/v1/leases", json={"session": session, "wait_seconds": 0}, headers=headers)
    assert lease.status_code == 204, lease.text

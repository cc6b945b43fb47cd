"""Runs, logs, timings and coverage over HTTP, after runs that were really walked."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest

from melanzana.executions.records import ExecutionFilter
from melanzana.protocol.events import RunStarted
from melanzana.reports.service import ReportService
from support_executions import MODEL_TEXT, doors
from support_reports import REALM, House, fails_at, walked

pytestmark = pytest.mark.anyio

CHANGED_TEXT = MODEL_TEXT.replace("leave: {to: exit}", "leave: {to: exit}\n      stay: {}")


@pytest.fixture
async def model(house: House) -> int:
    """The integer id of the doors model."""
    return (await house.catalog.add_model(REALM, None, None, doors(), MODEL_TEXT)).model_id


async def get(http: httpx.AsyncClient, url: str) -> Any:
    answer = await http.get(url)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_passed_run(house: House, http: httpx.AsyncClient, model: int) -> None:
    """A run shows its status, plan, model, times and what it covered; there is no failing step."""
    run = await house.run(model, perform=True, seed=7, tags=("nightly",), path="random(transition_coverage(100))")
    shown = await get(http, f"/ai/runs/{run.run_id}")
    assert (shown["status"], shown["state"], shown["reason"]) == ("Passed", "passed", "stop_condition")
    assert (shown["id"], shown["execution_id"]) == (run.run_id, run.id)
    assert (shown["modelname"], shown["modeluuid"], shown["model_id"], shown["model_version"]) == ("Doors", doors().id, model, 1)
    assert (shown["path"], shown["seed"], shown["tags"], shown["type"]) == (run.path, 7, ["nightly"], "model")
    assert (shown["dry_run"], shown["agentname"], shown["initiator"]) == (False, "rack-1", "api")
    assert shown["created_by"] == house.principal.client_id
    assert shown["failing_step"] is None
    assert shown["progress"]["coverage"]["transition"] == {"covered": 2, "total": 2, "coverage": 1.0}
    assert shown["duration_seconds"] is not None
    assert shown["starttime"] < shown["endtime"] or shown["duration_seconds"] == 0
    assert await get(http, f"/ai/runs/{run.id}") == shown


async def test_a_failed_run_names_its_failing_step(house: House, http: httpx.AsyncClient, model: int) -> None:
    """The failing step has number, element and message, and is the one log entry of message type `failure`."""
    run = await house.run(model, fails_at("leave"), perform=True)
    shown = await get(http, f"/ai/runs/{run.run_id}")
    assert shown["status"] == "Failed"
    step = shown["failing_step"]
    assert (step["element"], step["kind"], step["verdict"], step["message"]) == (
        "leave",
        "action",
        "failed",
        "expected an open door",
    )
    log = await get(http, f"/ai/runlogs/{run.run_id}")
    (failure,) = [item for item in log["items"] if item["message_type"] == "failure"]
    assert (failure["severity"], failure["step_id"]) == ("ERROR", step["number"])
    assert "expected an open door" in failure["message"]


async def test_the_log_has_its_documented_shape(house: House, http: httpx.AsyncClient, model: int) -> None:
    """Entries and envelope have exactly the documented keys; pages put together are the whole."""
    run = await house.run(model)
    log = await get(http, f"/ai/runlogs/{run.run_id}")
    assert set(log) == {"items", "total_count", "date_as_of"}
    assert {key for item in log["items"] for key in item} == {
        *("id", "eventtime", "testrunid", "message", "severity"),
        *("step_id", "stage", "message_type", "image_name", "image_id"),
    }
    assert log["total_count"] == len(log["items"]) == 10
    assert [item["id"] for item in log["items"]] == list(range(1, log["total_count"] + 1))
    pages = [await get(http, f"/ai/runlogs/{run.run_id}?limit=7&offset={offset}") for offset in range(0, log["total_count"], 7)]
    assert [item for page in pages for item in page["items"]] == log["items"]
    assert {page["total_count"] for page in pages} == {log["total_count"]}
    beyond = await get(http, f"/ai/runlogs/{run.run_id}?offset=9999")
    assert (beyond["items"], beyond["total_count"]) == ([], log["total_count"])


async def test_a_run_under_way_grows(house: House, http: httpx.AsyncClient, model: int) -> None:
    """Asked again while it goes on, a run shows what has happened since; then how it ended."""
    run = await house.start(model, perform=True)
    assert (await get(http, f"/ai/runs/{run.run_id}"))["state"] == "queued"
    lease = await house.claim()
    events = walked(lease.snapshot)
    steps = []
    for first in range(0, len(events), 4):
        await house.tell(lease, events[first : first + 4], first + 1)
        shown = await get(http, f"/ai/runs/{run.run_id}")
        steps.append(shown["progress"]["steps"])
        assert shown["status"] == ("Running" if first + 4 < len(events) else "Passed")
    assert steps == sorted(steps)
    assert steps[0] == 3
    assert steps[-1] == len(events) - 2


async def test_a_second_attempt_starts_the_report_anew(house: House, http: httpx.AsyncClient, model: int) -> None:
    """When the agent was lost and its work is done again, the report is that of the attempt after it."""
    run = await house.start(model, perform=True, on_agent_lost="requeue")
    await house.tell(await house.claim(), [RunStarted(agent="rack-1", version="1")])
    for _ in range(60):
        house.auth.clock.move(1.0)
        if (await house.executions.release_expired()).requeued:
            break
    lease = await house.claim()
    await house.tell(lease, walked(lease.snapshot))
    shown = await get(http, f"/ai/runs/{run.run_id}")
    assert (shown["attempt"], shown["status"]) == (2, "Passed")
    assert len([item for item in (await get(http, f"/ai/runlogs/{run.run_id}"))["items"] if "started by" in item["message"]]) == 2


async def test_an_aborted_run_is_cancelled(house: House, http: httpx.AsyncClient, model: int) -> None:
    """A run aborted in the queue is Cancelled, and its log has no failure."""
    run = await house.start(model)
    await house.executions.abort(REALM, run.run_id)
    shown = await get(http, f"/ai/runs/{run.run_id}")
    assert (shown["status"], shown["state"], shown["starttime"]) == ("Cancelled", "aborted", None)
    assert "failure" not in {item["message_type"] for item in (await get(http, f"/ai/runlogs/{run.run_id}"))["items"]}


async def test_a_directed_run_is_a_testcase(house: House, http: httpx.AsyncClient, model: int) -> None:
    """A run of a test case has the type `testcase` and can be found by the case's integer id and uuid."""
    run = await house.run(model, test_case="through")
    await house.run(model)
    (case,) = await house.catalog.list_test_cases(REALM, model)
    shown = await get(http, f"/ai/runs/{run.run_id}")
    assert (shown["type"], shown["test_case_id"]) == ("testcase", case.uuid)
    for ref in (case.id, case.uuid):
        assert [item["id"] for item in await get(http, f"/ai/runs?test_case={ref}")] == [run.run_id]


async def test_the_list_is_newest_first_and_filtered(house: House, http: httpx.AsyncClient, model: int) -> None:
    """`GET /ai/runs` is a bare array, twenty at most unless told, with the number of all runs in a header."""
    failed = await house.run(model, fails_at("leave"), perform=True, tags=("a",))
    for _ in range(21):
        await house.start(model, tags=("b",))
    answer = await http.get("/ai/runs")
    runs = answer.json()
    assert len(runs) == 20
    assert answer.headers["x-total-count"] == "22"
    assert [run["id"] for run in runs] == sorted((run["id"] for run in runs), reverse=True)
    assert "failing_step" not in runs[0]
    for query in ("status=Failed", "tag=a", "limit=1&offset=21"):
        assert [run["id"] for run in await get(http, f"/ai/runs?{query}")] == [failed.run_id], query
    for query in (f"model_id={model}", f"model_id={doors().id}", f"model_id={doors().id.upper()}", "status=Running&tag=b"):
        assert len(await get(http, f"/ai/runs?{query}&limit=200")) >= 21, query
    for query in ("model_id=99", "test_case=nothing", "tag=nothing", "task_instance_id=7", "status=Error"):
        assert await get(http, f"/ai/runs?{query}") == [], query


async def test_runs_of_a_model(house: House, http: httpx.AsyncClient, model: int) -> None:
    """A model has its runs under its own address; an unknown model is 404."""
    run = await house.run(model)
    for ref in (model, doors().id):
        answer = await http.get(f"/ai/models/{ref}/runs?status=Passed")
        assert ([item["id"] for item in answer.json()], answer.headers["x-total-count"]) == ([run.run_id], "1")
    assert await get(http, f"/ai/models/{model}/runs?status=Failed") == []
    assert (await http.get("/ai/models/99/runs")).status_code == 404


async def test_a_wrong_query_is_422(http: httpx.AsyncClient, model: int) -> None:
    """Bad limits, unknown words and unknown parameters are refused."""
    for query in ("limit=0", "limit=201", "limit=1e9", "offset=-1", "status=passed", "model_id=x", "sort=id", "tag="):
        assert (await http.get(f"/ai/runs?{query}")).status_code == 422, query
    for path in ("/ai/runlogs/1?limit=0", "/ai/runlogs/1?after=3", f"/ai/models/{model}/coverage?run_id=x"):
        assert (await http.get(path)).status_code == 422, path


async def test_bad_and_unknown_ids(http: httpx.AsyncClient, model: int) -> None:
    """A run id that can be none is 422, one of nothing 404."""
    paths = ("/ai/runs/{}", "/ai/runs/{}/timings", "/ai/runlogs/{}", f"/ai/models/{model}/coverage?run_id={{}}")
    for path in paths:
        for ref in ("0", "-1", "x", "1" * 19):
            assert (await http.get(path.format(ref))).status_code == 422, (path, ref)
        for ref in ("99", "11111111-2222-4333-8444-555555555555"):
            assert (await http.get(path.format(ref))).status_code == 404, (path, ref)
    assert (await http.get("/ai/models/99/coverage")).status_code == 404


async def test_another_realm_sees_no_run(house: House, http: httpx.AsyncClient, model: int) -> None:
    """Runs, logs, timings and coverage of another realm are 404, and its lists are empty."""
    run = await house.run(model)
    async with await house.stranger() as stranger:
        for path in (f"/ai/runs/{run.run_id}", f"/ai/runs/{run.id}", f"/ai/runs/{run.id}/timings", f"/ai/runlogs/{run.run_id}"):
            assert (await stranger.get(path)).status_code == 404, path
        assert (await stranger.get(f"/ai/models/{model}/coverage")).status_code == 404
        assert (await stranger.get("/ai/runs")).json() == []
        assert (await stranger.get(f"/ai/runs?model_id={model}")).json() == []


async def test_timings(house: House, http: httpx.AsyncClient, model: int) -> None:
    """Every element of the run has its count, total, mean and maximum."""
    run = await house.run(model, perform=True, path="random(iterations(2))")
    timings = {item["name"]: item for item in await get(http, f"/ai/runs/{run.run_id}/timings")}
    assert (timings["open"]["count"], timings["open"]["total_seconds"], timings["open"]["mean_seconds"]) == (2, 2.0, 1.0)


async def test_coverage_over_runs(house: House, http: httpx.AsyncClient, model: int) -> None:
    """Hits add up over the runs of the newest version, also of one that is still going on, and never twice."""
    await house.run(model, perform=True, path="random(iterations(2))")
    await house.run(model, perform=False, path="random(iterations(3))")
    for _ in range(2):
        shown = await get(http, f"/ai/models/{model}/coverage")
        assert (shown["runs"], shown["dry_runs"]) == (2, 1)
        assert {kind: figure["coverage"] for kind, figure in shown["totals"].items()} == {"state": 1, "action": 1, "transition": 1}
        (root,) = shown["items"]
        assert {item["name"]: item["hitCount"] for item in root["items"]} == {"Hall": 5, "Room": 5, "Exit": 5}
    performed = await get(http, f"/ai/models/{model}/coverage?performed=true")
    assert (performed["runs"], performed["dry_runs"], performed["items"][0]["items"][0]["hitCount"]) == (1, 0, 2)
    await house.start(model, perform=True)
    lease = await house.claim()
    await house.tell(lease, walked(lease.snapshot)[:2])
    assert (await get(http, f"/ai/models/{model}/coverage"))["items"][0]["items"][0]["hitCount"] == 6


async def test_coverage_begins_anew_with_a_new_version(house: House, http: httpx.AsyncClient, model: int) -> None:
    """Runs of an older version count for it alone; each can still be asked for."""
    run = await house.run(model)
    await http.post("/ai/models", json={"modeljson": CHANGED_TEXT})
    shown = await get(http, f"/ai/models/{model}/coverage")
    assert (shown["model_version"], shown["runs"], shown["totals"]["action"]) == (2, 0, {"covered": 0, "total": 3, "coverage": 0.0})
    one = await get(http, f"/ai/models/{model}/coverage?run_id={run.run_id}")
    assert (one["model_version"], one["runs"], one["totals"]["action"]["coverage"]) == (1, 1, 1.0)


RICH_TEXT = """
model: Doors
start: Hall
variables:
  keys: {type: integer, initial: 0, range: [0, 2]}
  mood: {type: set, values: [good, bad], initial: good}
states:
  Hall:
    actions:
      open: {to: Room, requirements: [R1]}
      force: {to: Vault, when: keys > 5, requirements: [R2]}
  Room:
    requirements: [R1]
    actions:
      take: {to: Hall, set: {keys: keys + 1}}
  Vault: {actions: {leave: Hall}}
"""


async def rich(http: httpx.AsyncClient, text: str = RICH_TEXT) -> int:
    """The integer id of a model with variables, requirements and a state that no walk comes to."""
    answer = await http.post("/ai/models", json={"modeljson": text})
    assert answer.status_code in (200, 201), answer.text
    return int(answer.json()["id"])


async def test_feasible_figures_stand_beside_the_plain_ones(house: House, http: httpx.AsyncClient) -> None:
    """What guards rule out lowers the plain figures only; requirements, paths and values are told too."""
    number = await rich(http)
    await house.run(number, path="random(actions(4))")
    shown = await get(http, f"/ai/models/{number}/coverage?path_depth=2&variable_depth=1")
    assert shown["totals"]["action"] == {"covered": 2, "total": 4, "coverage": 0.5}
    assert shown["feasible"]["action"] == {"covered": 2, "total": 2, "coverage": 1.0}
    assert shown["feasible"]["state"] == {"covered": 2, "total": 2, "coverage": 1.0}
    assert (shown["feasible"]["complete"], shown["feasible"]["reason"]) == (True, "")
    assert shown["requirements"]["total"] == {"covered": 1, "total": 2, "coverage": 0.5}
    assert shown["requirements"]["feasible"]["coverage"] == 1.0
    first = shown["requirements"]["items"][0]
    assert (first["requirement"], first["hitCount"], first["feasible"], len(first["element_ids"])) == ("R1", 4, True, 2)
    assert shown["paths"]["total"] == {"covered": 2, "total": 6, "coverage": 2 / 6}
    assert shown["paths"]["feasible"] == {"covered": 2, "total": 2, "coverage": 1.0}
    assert shown["variables"]["total"] == {"covered": 3, "total": 5, "coverage": 0.6}
    assert shown["variables"]["feasible"] == {"covered": 3, "total": 4, "coverage": 0.75}
    assert shown["variables"]["missing"] == ["keys = 2"]
    progress = (await get(http, "/ai/runs/1"))["progress"]
    assert progress["requirements"] == {"covered": 1, "total": 2, "coverage": 0.5}


async def test_paths_and_values_are_those_of_a_run_or_of_all(house: House, http: httpx.AsyncClient) -> None:
    """Over runs they are joined; what was not asked for is null; depths have bounds."""
    number = await rich(http)
    await house.run(number, path="random(actions(2))")
    await house.run(number, path="random(actions(3))", perform=False)
    one = await get(http, f"/ai/models/{number}/coverage?run_id=1&path_depth=2&variable_depth=2")
    assert (one["paths"]["total"]["covered"], one["variables"]["total"]["covered"]) == (1, 1)
    both = await get(http, f"/ai/models/{number}/coverage?path_depth=2&variable_depth=2")
    assert (both["paths"]["total"]["covered"], both["variables"]["total"]["covered"]) == (2, 2)
    plain = await get(http, f"/ai/models/{number}/coverage")
    assert (plain["paths"], plain["variables"], plain["carried"]) == (None, None, [])
    for query in ("path_depth=6", "path_depth=0", "variable_depth=3", "since_version=0"):
        assert (await http.get(f"/ai/models/{number}/coverage?{query}")).status_code == 422


async def test_coverage_is_carried_over_what_did_not_change(house: House, http: httpx.AsyncClient) -> None:
    """A renamed state keeps its hits, an action with another guard has to be covered again."""
    number = await rich(http)
    await house.run(number, path="random(actions(4))")
    await rich(http, RICH_TEXT.replace("Room", "Chamber").replace("take: {to", "take: {when: keys < 2, to"))
    fresh = await get(http, f"/ai/models/{number}/coverage")
    assert (fresh["model_version"], fresh["totals"]["state"]["covered"]) == (2, 0)
    carried = await get(http, f"/ai/models/{number}/coverage?carry_over=true&path_depth=1&variable_depth=1")
    assert (carried["runs"], carried["carried"]) == (0, [{"version": 1, "runs": 1}])
    assert carried["totals"]["state"]["covered"] == 2
    assert carried["totals"]["action"]["covered"] == carried["totals"]["transition"]["covered"] == 1
    assert carried["paths"]["total"]["covered"] == 1
    assert carried["variables"]["total"]["covered"] == 3
    later = await get(http, f"/ai/models/{number}/coverage?carry_over=true&since_version=2")
    assert (later["carried"], later["totals"]["state"]["covered"]) == ([], 0)


async def test_the_difference_of_two_versions(http: httpx.AsyncClient) -> None:
    """By meaning, in either direction; a version that is not there is 404."""
    number = await rich(http)
    await rich(http, RICH_TEXT.replace("keys > 5", "keys > 1"))
    url = f"/ai/models/{number}/versions/difference"
    found = await get(http, f"{url}?from=1&to=2")
    assert found["same"] is False
    assert [change["sentence"] for change in found["changes"]] == ["action 'force' of 'Hall': guard was `keys > 5`, is `keys > 1`"]
    assert (await get(http, f"{url}?from=2&to=2"))["same"] is True
    assert (await http.get(f"{url}?from=1&to=3")).status_code == 404
    assert (await http.get(f"{url}?from=1")).status_code == 422


async def test_coverage_of_a_run_of_another_model_is_404(house: House, http: httpx.AsyncClient, model: int) -> None:
    """A run counts for its own model only."""
    gates = replace(doors(), id="11111111-2222-4333-8444-555555555555", name="Gates")
    other = await house.catalog.add_model(REALM, None, None, gates)
    run = await house.run(other.model_id)
    assert (await http.get(f"/ai/models/{model}/coverage?run_id={run.run_id}")).status_code == 404


async def test_a_removed_run_counts_no_longer(house: House, http: httpx.AsyncClient, model: int) -> None:
    """Coverage is that of the runs that are there."""
    run = await house.run(model)
    assert (await get(http, f"/ai/models/{model}/coverage"))["totals"]["state"]["covered"] == 3
    await house.executions.delete(REALM, run.run_id)
    assert (await get(http, f"/ai/models/{model}/coverage"))["totals"]["state"]["covered"] == 0


async def test_runs_of_a_deleted_model_stay_readable(house: House, http: httpx.AsyncClient, model: int) -> None:
    """Deleting a model takes nothing from its runs."""
    run = await house.run(model, fails_at("leave"), perform=True)
    await http.delete(f"/ai/models/{model}")
    shown = await get(http, f"/ai/runs/{run.run_id}")
    assert (shown["modelname"], shown["model_id"], shown["failing_step"]["element"]) == ("Doors", model, "leave")
    assert [item["id"] for item in await get(http, f"/ai/runs?model_id={model}")] == [run.run_id]
    assert (await http.get(f"/ai/models/{model}/coverage")).status_code == 404


async def test_ping_and_status(house: House, http: httpx.AsyncClient, model: int) -> None:
    """The server says that it is up, its version, and how much work waits and is under way."""
    assert await get(http, "/ai/ping") == {"message": "OK"}
    await house.start(model)
    await house.start(model)
    await house.claim()
    status = await get(http, "/ai/status")
    assert (status["status"], status["queued"], status["running"]) == ("ok", 1, 1)
    assert status["version"]


async def test_old_folds_are_let_go(house: House, http: httpx.AsyncClient, model: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run whose fold is no longer in memory is folded again, to the same report."""
    monkeypatch.setattr(house.reports._folds, "_limit", 1)
    first, second = await house.run(model), await house.run(model)
    before = await get(http, f"/ai/runs/{first.run_id}")
    await get(http, f"/ai/runs/{second.run_id}")
    assert await get(http, f"/ai/runs/{first.run_id}") == before


async def test_agents_are_named_by_whoever_knows_them(house: House, model: int) -> None:
    """Lists name agents through the lookup that was handed in, asked once a page."""
    asked: list[tuple[int, ...]] = []

    async def names(realm: str, agent_ids: Sequence[int]) -> Mapping[int, str]:
        asked.append(tuple(agent_ids))
        return {1: "lab-1"}

    await house.run(model)
    await house.run(model)
    page = await ReportService(house.catalog, house.executions, names, database=house.auth.database).list_runs(
        REALM, ExecutionFilter()
    )
    assert [row.agent_name for row in page.rows] == ["lab-1", "lab-1"]
    assert asked == [(1,)]

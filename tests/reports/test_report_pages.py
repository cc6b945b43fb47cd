"""The pages of reports, coverage models and settings."""

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from melanzana.access.permissions import Role
from melanzana.access.records import Actor
from melanzana.protocol.events import StepFinished
from melanzana.protocol.recording import RunFile
from melanzana.reports import paging
from melanzana.reports.charts import WIDTH, curve
from melanzana.reports.heat import of_failures, of_hits
from melanzana.reports.sums import CurvePoint
from melanzana.server import list_files
from melanzana.suts.records import SutDraft
from melanzana.users.records import NewUser
from melanzana.web.tables import csv_rows, safe_cell
from support_app import RunningApp, running_app
from support_people import OPERATOR, PASSWORD
from support_reports import fails_at
from support_runs import REALM, Runs

pytestmark = pytest.mark.anyio
XSS = "<img src=x onerror=alert(1)>"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(tmp_path) as opened:
        users = opened.services.users
        person = await users.accounts.create(REALM, NewUser(username="ada", role=Role.ADMIN, password=PASSWORD), OPERATOR)
        session = await users.open_session(person, "192.0.2.7", "a browser")
        opened.http.cookies.set("melanzana", session.token)
        yield opened


def token_in(page: str) -> str:
    return page.partition('name="csrf_token" value="')[2].partition('"')[0]


async def text_of(app: RunningApp, address: str, status: int = 200) -> str:
    answer = await app.http.get(address, headers={"Accept": "text/html"})
    assert answer.status_code == status, answer.text
    return answer.text


async def test_coverage_tells_what_is_covered_and_what_is_left(app: RunningApp) -> None:
    """Figures, the curve with links to runs, the picture by coverage or failures, and what can be run to get further."""
    runs = await Runs.of(app.services)
    where = f"/reports/coverage?model={runs.model_id}"
    assert "needs one finished run" in await text_of(app, where)
    run = await runs.run(perform=True, path="predefined(open)")
    page = await text_of(app, where)
    assert "can be told after five runs" in page and f'href="/runs/{run.run_id}"' in page and "heat hits-" in page
    left = page.partition('id="left"')[2]
    assert "leave" in left and "shortest(reached(" in left
    await runs.run(fails_at("leave"), perform=True)
    failures = await text_of(app, where + "&colour=failures&measure=path:2&performed=on")
    assert "heat fails-" in failures and "✕1" in failures and "Paths of 2" in failures
    assert (await app.http.get(f"/models/{runs.model_id}/coverage")).headers["location"] == where
    assert "choose one" in await text_of(app, "/reports/coverage")
    await text_of(app, "/reports/coverage?model=99", 404)
    await text_of(app, "/reports/coverage?measure=path:6", 422)


async def test_what_is_left_can_be_run(app: RunningApp) -> None:
    """The button's path is one that the server takes."""
    runs = await Runs.of(app.services)
    await runs.run(perform=True, path="predefined(open)")
    page = await text_of(app, f"/reports/coverage?model={runs.model_id}")
    path = page.partition('name="path" value=\'')[2].partition("'")[0].replace("&#34;", '"')
    answer = await app.http.post(f"/models/{runs.model_id}/runs", data={"csrf_token": token_in(page), "path": path, "dry": "on"})
    assert answer.status_code == 303, answer.text


async def test_failures_are_shown_and_saved(app: RunningApp) -> None:
    """Together, as text, by model and by flakiness; files hold the same, and a spreadsheet runs nothing of it."""
    runs = await Runs.of(app.services)
    assert "No run has failed yet" in await text_of(app, "/reports/failures")
    run = await runs.run(fails_at("leave", f"=1+2 {XSS}"), perform=True, seed=1)
    page = await text_of(app, f"/reports/failures?model={runs.model_id}")
    assert XSS not in page and f'href="/runs/{run.run_id}"' in page and "By action, state and tag" in page
    assert "No failure answers" in await text_of(app, "/reports/failures?only=flaky")
    await runs.run(perform=True, seed=1)
    assert '<span class="chip">flaky</span>' in await text_of(app, "/reports/failures?only=flaky")
    [head, row] = list(csv.reader(io.StringIO((await app.http.get("/reports/failures.csv")).text)))
    assert row[head.index("message")] == f"'=1+2 {XSS}" and row[head.index("runs")] == f"[{run.run_id}]"
    [found] = (await app.http.get("/reports/failures.json", params={"only": "flaky"})).json()
    assert (found["message"], found["count"]) == (f"=1+2 {XSS}", 1)
    assert (await app.http.get("/reports/failures.json", params={"only": "steady"})).json() == []
    assert (await app.http.get("/reports/failures.xml")).status_code == 404


async def test_the_timeline_has_a_link_for_each_run(app: RunningApp) -> None:
    """In lanes; by the query of the address, and what is wrong with it in words."""
    runs = await Runs.of(app.services)
    assert "Nothing was run yet" in await text_of(app, "/reports/timeline")
    good, bad = await runs.run(perform=True), await runs.run(fails_at("leave"), perform=True)
    page = await text_of(app, "/reports/timeline")
    assert all(f'href="/runs/{run.run_id}"' in page for run in (good, bad)) and "✕" in page
    failed = await text_of(app, "/reports/timeline?q=status:failed&by=model")
    assert f'href="/runs/{bad.run_id}"' in failed and f'href="/runs/{good.run_id}"' not in failed and "Doors" in failed
    assert "No run answers" in await text_of(app, "/reports/timeline?q=model:nothing")
    assert "not understood" in await text_of(app, "/reports/timeline?q=what", 422)


async def test_how_a_test_case_fares(app: RunningApp) -> None:
    """Directed runs one by one, and exploring ones that came by."""
    runs = await Runs.of(app.services)
    where = f"/models/{runs.model_id}/test-cases/through/analysis"
    assert "was not run yet" in await text_of(app, where)
    run = await runs.run(fails_at("leave"), perform=True, test_case="through")
    await runs.run(perform=True, test_case="through")
    await runs.run(perform=True)
    page = await text_of(app, where)
    assert f'href="/runs/{run.run_id}"' in page and "50 %" in page and "100 %" in page and "flaky" in page
    assert "by 1 exploring runs" in page
    await text_of(app, f"/models/{runs.model_id}/test-cases/nothing/analysis", 404)


async def test_coverage_models_are_kept_on_their_page(app: RunningApp) -> None:
    """Added, offered or not, deleted; what is wrong stands beside its field; those built in have no buttons."""
    where = "/system/coverage-models"
    page = await text_of(app, where)
    assert "All pairs" in page and "Delete" not in page
    token = {"csrf_token": token_in(page)}
    refused = await app.http.post(where, data={**token, "name": "all pairs", "path_depth": "2", "variable_depth": "1"})
    assert refused.status_code == 422 and "already" in refused.text.partition('id="field-name-error"')[2].partition("</p>")[0]
    added = await app.http.post(where, data={**token, "name": XSS, "path_depth": "4", "variable_depth": "2"})
    assert added.headers["location"] == f"{where}?done=added"
    page = await text_of(app, where)
    assert XSS not in page and "Do not offer" in page
    assert (await app.http.post(f"{where}/5/active", data={**token, "active": ""})).status_code == 303
    assert "variable:2" not in await text_of(app, "/reports/coverage?measure=path:4")
    assert (await app.http.post(f"{where}/5/delete", data=token)).status_code == 303
    assert [row["name"] for row in (await app.http.get(f"{where}.json")).json()][-1] == "Full exploratory"
    assert (await app.http.post(where, data={"name": "x"})).status_code == 403


async def test_settings_are_shown_with_their_source_and_no_secrets(app: RunningApp) -> None:
    """Every setting; what may hold a password is only said to be set."""
    page = await text_of(app, "/system/settings")
    assert "lease_seconds" in page and "default" in page
    rows = {row["setting"]: row for row in (await app.http.get("/system/settings.json")).json()}
    assert rows["port"]["source"] == "default" and rows["database"]["value"] == ""


@pytest.mark.parametrize("path", ["/runs", "/models", "/agents", "/system/suts", "/system/api-access", "/system/users"])
async def test_every_list_can_be_saved(app: RunningApp, path: str) -> None:
    """As CSV and JSON, from links on its page; in no other form, and not by strangers."""
    runs = await Runs.of(app.services)
    await runs.run(perform=True, tags=("nightly",))
    actor = Actor(kind="command_line", id="tests", name="tests")
    await app.services.clients.create_client(REALM, "=cmd()", "", actor=actor)
    await app.services.suts.create(REALM, SutDraft(name="till-1"), actor=actor)
    page = await text_of(app, path)
    for form in ("csv", "json"):
        assert f'href="{path}.{form}"' in page
    rows = list(csv.DictReader(io.StringIO((await app.http.get(f"{path}.csv")).text)))
    found = (await app.http.get(f"{path}.json")).json()
    assert len(rows) == len(found) >= 1 and rows[0].keys() == found[0].keys()
    assert not [cell for row in rows for cell in row.values() if cell.startswith("=")]
    assert (await app.http.get(f"{path}.xml")).status_code == 404
    app.http.cookies.clear()
    assert (await app.http.get(f"{path}.json")).status_code in {303, 401}


async def test_a_file_of_runs_is_what_the_list_shows(app: RunningApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same query, all of its pages, the newest first."""
    monkeypatch.setattr(list_files, "_PART", 2)
    runs = await Runs.of(app.services)
    numbers = [(await runs.run(perform=True, tags=("nightly",))).run_id for _ in range(5)]
    await runs.run(fails_at("leave"), perform=True)
    found = (await app.http.get("/runs.json", params={"q": "status:passed tag:nightly"})).json()
    assert [row["id"] for row in found] == numbers[::-1]
    assert (await app.http.get("/runs.json", params={"q": "model:nothing"})).json() == []
    assert (await app.http.get("/runs.json", params={"q": "what"})).status_code == 422


async def test_long_logs_are_read_in_parts(app: RunningApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files and recordings of a run have every step, whatever the size of a part."""
    monkeypatch.setattr(paging, "PART", 7)
    runs = await Runs.of(app.services)
    run = await runs.run(perform=True, path="random(actions(60))")
    answer = await app.services.reports.run(REALM, run.run_id)
    steps = answer.progress.steps
    assert steps > 60
    rows = list(csv.reader(io.StringIO((await app.http.get(f"/runs/{run.run_id}/report/csv")).text)))
    assert len(rows) == steps + 1
    await app.sign_in()
    recorded = RunFile.from_json((await app.http.get(f"/ai/runs/{run.run_id}/recording")).json())
    assert sum(isinstance(event, StepFinished) for event in recorded.events) == steps
    assert recorded.snapshot == run.snapshot


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1+x", "@x", "\tx", "\rx"])
def test_a_cell_runs_nothing(cell: str) -> None:
    """Text that a spreadsheet would calculate begins with an apostrophe; numbers stay numbers."""
    assert safe_cell(cell) == f"'{cell}"
    assert (safe_cell(-1), safe_cell(None), safe_cell(["=a"]), safe_cell(True)) == ("-1", "", '["=a"]', "True")
    assert csv_rows([["a", cell]]).startswith("a,")


def test_charts_stay_inside_their_frame() -> None:
    """Whatever the number of runs; nothing without a run."""
    for runs in (1, 2, 1000):
        drawn = curve([CurvePoint(1, 1, 1), CurvePoint(runs, runs, 3)], 4, 0.9)
        assert drawn is not None and all(0 <= mark.x <= WIDTH for mark in drawn.marks)
    assert curve([], 4, 0.9) is None and curve([CurvePoint(1, 1, 0)], 0, 0.9) is None
    assert {one.name for one in of_hits({"a": 1, "b": 1000, "c": 0}).values()} <= {f"hits-{level}" for level in range(1, 5)}
    assert of_failures(()) == {}

"""What is kept of runs that have ended: made once, lost without harm, gone with the run."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from melanzana.executions.records import ExecutionFilter
from melanzana.reports.records import CoverageWish
from support_app import RunningApp, running_app
from support_reports import fails_at
from support_runs import REALM, Runs

pytestmark = pytest.mark.anyio


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(tmp_path) as opened:
        await opened.sign_in()
        yield opened


async def count(app: RunningApp, table: str) -> int:
    def question(tx: Connection) -> int:
        return int(tx.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())

    return await app.services.database.read(question)


async def test_runs_are_digested_without_being_asked_about(app: RunningApp) -> None:
    """Those that have ended, each once, in parts; a run that ends later is found in a later round."""
    runs = await Runs.of(app.services)
    for _ in range(3):
        await runs.run(perform=True)
    waiting = await runs.start(perform=True)
    digests = app.services.reports.digests
    assert [await digests.catch_up(2) for _ in range(3)] == [2, 1, 0]
    await app.services.executions.abort(REALM, waiting.run_id, "ada")
    assert [await digests.catch_up(2) for _ in range(2)] == [1, 0]
    assert await count(app, "run_outcomes") == 4
    assert await count(app, "run_digests") == 8


async def test_what_is_kept_may_be_lost(app: RunningApp) -> None:
    """The answers are the same afterwards: everything is made again from the logs."""
    runs = await Runs.of(app.services)
    await runs.run(fails_at("leave"), perform=True)
    await runs.run(perform=True)
    where = [f"/ai/models/{runs.model_id}/{path}" for path in ("coverage?path_depth=2", "defects", "testcaseruns")]
    before = [(await app.http.get(one)).json() for one in where]

    def lose(tx: Connection) -> None:
        tx.execute(text("DELETE FROM run_digests"))
        tx.execute(text("DELETE FROM run_outcomes"))

    await app.services.database.write(lose)
    assert [(await app.http.get(one)).json() for one in where] == before
    assert before[0]["runs"] == 2 and before[0]["paths"]["total"]["covered"] > 0


async def test_a_deleted_run_counts_no_more(app: RunningApp) -> None:
    """Neither in coverage nor among failures."""
    runs = await Runs.of(app.services)
    first = await runs.run(fails_at("leave"), perform=True)
    await runs.run(perform=True)
    reports = app.services.reports
    assert (await reports.model_coverage(REALM, runs.model_id, CoverageWish())).runs == 2
    await app.services.executions.delete(REALM, first.run_id)
    assert (await reports.model_coverage(REALM, runs.model_id, CoverageWish())).runs == 1
    assert await reports.analyses.defects(REALM, runs.model_id) == ()


async def test_runs_under_way_count_as_far_as_they_have_come(app: RunningApp) -> None:
    """With what they have done so far, and once more when they have ended."""
    runs = await Runs.of(app.services)
    await runs.run(perform=True)
    await runs.start(perform=True)
    report = await app.services.reports.model_coverage(REALM, runs.model_id, CoverageWish())
    assert (report.runs, report.dry_runs) == (2, 0)
    assert (await app.services.executions.list(REALM, ExecutionFilter())).total == 2


async def test_failures_of_a_realm_and_the_parts_that_fail(app: RunningApp) -> None:
    """All models of the realm, none of another; how often an action failed among how often it was performed."""
    runs = await Runs.of(app.services)
    await runs.run(fails_at("leave"), perform=True)
    [defect] = await app.services.reports.analyses.defects(REALM)
    assert (defect.element, defect.count) == ("leave", 1)
    assert await app.services.reports.analyses.defects("elsewhere") == ()
    [part] = await app.services.reports.analyses.failing_elements(REALM, runs.model_id)
    assert (part.kind, part.name, part.failures) == ("action", "leave", 1) and 0 < part.ratio <= 1


async def test_release_insights(app: RunningApp) -> None:
    """Pass rate, coverage and failures of the newest version; nothing is judged without a run that performed code."""
    runs = await Runs.of(app.services)
    where = f"/ai/models/{runs.model_id}/release-insights"
    empty = (await app.http.get(where)).json()
    assert (empty["score"], empty["pass_rate"], empty["defects"]) == (None, None, 0)
    await runs.run(fails_at("leave"), perform=True)
    await runs.run(perform=True)
    await runs.run(perform=False)
    found = (await app.http.get(where)).json()
    assert (found["runs"], found["judged_runs"], found["pass_rate"], found["new_defects"]) == (2, 2, 0.5, 1)
    assert found["score"] == 0.5 * found["coverage"]["action"]["coverage"]
    assert found["undiscovered_defects"] is None
    assert (await app.http.get("/ai/models/99/release-insights")).status_code == 404

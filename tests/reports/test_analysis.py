"""What many runs say together, over HTTP and on the model's page."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from melanzana.generation.step import Step, Verdict
from support_app import RunningApp, running_app
from support_reports import fails_at
from support_runs import Runs

pytestmark = pytest.mark.anyio


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(tmp_path) as opened:
        await opened.sign_in()
        yield opened


async def test_failures_that_are_the_same_one_stand_together(app: RunningApp) -> None:
    """Numbers and ids aside; the most frequent first; runs that passed are none."""
    runs = await Runs.of(app.services)
    same = [
        await runs.run(fails_at("leave", f"TimeoutError: door {n} did not open in {n} s"), perform=True, seed=n) for n in (1, 2, 3)
    ]
    other = await runs.run(fails_at("open", "AssertionError: locked"), perform=True)
    await runs.run(perform=True)
    first, second = (await app.http.get(f"/ai/models/{runs.model_id}/defects")).json()
    assert (first["count"], first["element"], first["kind"], first["status"]) == (3, "leave", "action", "Failed")
    assert first["signature"] == "TimeoutError: door # did not open in # s"
    assert first["message"] == "TimeoutError: door 3 did not open in 3 s"
    assert first["runs"] == [run.run_id for run in reversed(same)]
    assert (second["count"], second["runs"], second["flaky"]) == (1, [other.run_id], False)
    assert first["first_seen"] < first["last_seen"]


async def test_an_error_without_a_step_is_a_failure_of_the_run(app: RunningApp) -> None:
    """By its own message."""

    def breaks(step: Step) -> tuple[Verdict, str]:
        return (Verdict.ERROR, "no browser") if step.name == "Hall" else (Verdict.PASSED, "")

    runs = await Runs.of(app.services)
    await runs.run(breaks, perform=True)
    await runs.run(perform=True, path="predefined(leave)")
    found = (await app.http.get(f"/ai/models/{runs.model_id}/defects")).json()
    assert {(one["kind"], one["element"], one["status"]) for one in found} == {("state", "Hall", "Error"), ("run", "", "Error")}


async def test_what_has_passed_as_well_is_flaky(app: RunningApp) -> None:
    """The same version, path, seed and parameters; another seed or parameter says nothing."""
    runs = await Runs.of(app.services)
    await runs.run(fails_at("leave"), perform=True, seed=1)
    await runs.run(perform=True, seed=2)
    await runs.run(perform=True, seed=1, parameters={"mode": "night"})
    assert not (await app.http.get(f"/ai/models/{runs.model_id}/defects")).json()[0]["flaky"]
    await runs.run(perform=True, seed=1)
    assert (await app.http.get(f"/ai/models/{runs.model_id}/defects")).json()[0]["flaky"]


async def test_test_cases_have_their_figures(app: RunningApp) -> None:
    """Passed, failed, rate, the newest runs; exploring runs do not count."""
    runs = await Runs.of(app.services)
    where = f"/ai/models/{runs.model_id}/testcaseruns"
    [before] = (await app.http.get(where)).json()
    assert (before["name"], before["runs"], before["pass_rate"], before["flaky"], before["last_runs"]) == (
        "through",
        0,
        None,
        False,
        [],
    )
    good = await runs.run(perform=True, test_case="through")
    bad = await runs.run(fails_at("leave"), perform=True, test_case="through")
    await runs.run(perform=True)
    [after] = (await app.http.get(where)).json()
    assert (after["runs"], after["passes"], after["fails"], after["errors"], after["pass_rate"]) == (2, 1, 1, 0, 0.5)
    assert after["flaky"] is True
    assert after["last_runs"] == [{"run_id": bad.run_id, "status": "Failed"}, {"run_id": good.run_id, "status": "Passed"}]
    for path in ("defects", "testcaseruns"):
        assert (await app.http.get(f"/ai/models/99/{path}")).status_code == 404

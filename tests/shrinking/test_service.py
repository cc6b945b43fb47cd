"""Searches for the smallest failing walk on the server: found, bounded, ended, interrupted, kept; and replays."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from melanzana.errors import ConflictError, NotFoundError, RequestError
from melanzana.executions.records import LifecycleState, StartRequest
from melanzana.shrinking.records import SILENCE, Search, SearchState, Wish
from support_app import RunningApp, running_app
from support_reports import passes
from support_runs import CI, REALM
from support_shrinking import LONG, agent_at_work, pays_wrongly_after_add, till

pytestmark = pytest.mark.anyio


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(tmp_path) as opened:
        await opened.sign_in()
        yield opened


async def ended(app: RunningApp, search_id: int) -> Search:
    """The search once it has ended."""
    async with asyncio.timeout(60):
        while (found := await app.services.shrinking.get(REALM, search_id)).is_live:
            await asyncio.sleep(0.02)
    return found


async def test_the_smallest_failing_walk_is_found_and_kept_as_a_test_case(app: RunningApp) -> None:
    """Ten actions become two; every performance is a run of its own with a tag; the test case stands in the model's text beside its
    comments, and fails again when it is run."""
    runs, shrinking = await till(app.services), app.services.shrinking
    failed = await runs.run(pays_wrongly_after_add(), perform=True, path=LONG, seed=4)
    assert failed.state is LifecycleState.FAILED
    async with agent_at_work(runs):
        begun = await shrinking.begin(REALM, failed.run_id, Wish(), CI)
        assert (begun.state, begun.actions_before) == (SearchState.RUNNING, 10)
        found = await ended(app, begun.id)
        assert (found.state, found.actions) == (SearchState.FOUND, 2), found
        assert found.smallest is not None
        assert [step["name"] for step in found.smallest["steps"] if step["kind"] == "action"] == ["add", "pay"]
        performed = (
            await app.http.get("/execution_service/api/v1/executions", params={"tag": f"shrink of {failed.run_id}"})
        ).json()
        assert performed["total_count"] == found.performances > 2
        kept = await shrinking.keep(REALM, begun.id, None, "ada")
        assert kept.test_case == "pay fails"
        version = await app.services.catalog.version(REALM, failed.model_id)
        assert "# customers come and go" in (version.source or "") and "pay fails" in (version.source or "")
        again = await app.services.executions.start(StartRequest(model=runs.model_id, test_case="pay fails", perform=True), CI)
        async with asyncio.timeout(30):
            while (run := await app.services.executions.get(REALM, again.run_id)).ended_at is None:
                await asyncio.sleep(0.02)
        assert run.state is LifecycleState.FAILED


async def test_a_failure_that_does_not_come_again_is_told(app: RunningApp) -> None:
    """The run's own walk is performed first; when it passes, the search says so."""
    runs = await till(app.services)
    failed = await runs.run(pays_wrongly_after_add(), perform=True, path=LONG)
    async with agent_at_work(runs, lambda: passes):
        begun = await app.services.shrinking.begin(REALM, failed.run_id, Wish(repeat=2), CI)
        found = await ended(app, begun.id)
    assert (found.state, found.performances, found.smallest) == (SearchState.PASSED, 2, None)
    with pytest.raises(ConflictError, match="no failing walk to keep"):
        await app.services.shrinking.keep(REALM, begun.id, None, "ada")


async def test_a_search_is_ended_by_somebody_and_aborts_its_performance(app: RunningApp) -> None:
    """Without any agent the first performance waits; an abort ends both. What takes longer than was granted ends by itself."""
    runs, shrinking = await till(app.services), app.services.shrinking
    failed = await runs.run(pays_wrongly_after_add(), perform=True, path=LONG)
    begun = await shrinking.begin(REALM, failed.run_id, Wish(), CI)
    async with asyncio.timeout(20):
        while (found := await shrinking.get(REALM, begun.id)).current_run is None:
            await asyncio.sleep(0.02)
    await shrinking.abort(REALM, begun.id)
    found = await ended(app, begun.id)
    assert found.state is SearchState.ABORTED and found.current_run is not None
    assert (await app.services.executions.get(REALM, found.current_run)).state is LifecycleState.ABORTED
    late = await ended(app, (await shrinking.begin(REALM, failed.run_id, Wish(seconds=0.2), CI)).id)
    assert late.state is SearchState.ERROR and "is there an agent" in late.message


async def test_a_search_whose_server_stops_is_told_as_interrupted(app: RunningApp) -> None:
    """At once when the server stops in order, after a minute of silence when it was lost; both without anybody writing it down."""
    runs, shrinking = await till(app.services), app.services.shrinking
    failed = await runs.run(pays_wrongly_after_add(), perform=True, path=LONG)
    begun = await shrinking.begin(REALM, failed.run_id, Wish(), CI)
    lost = replace(begun, beat_at=begun.beat_at - SILENCE - timedelta(seconds=1))
    assert lost.as_of(begun.beat_at).state is SearchState.INTERRUPTED
    assert begun.as_of(begun.beat_at).state is SearchState.RUNNING
    await shrinking.close()
    assert (await shrinking.get(REALM, begun.id)).state is SearchState.INTERRUPTED


async def test_what_cannot_be_shrunk_is_refused(app: RunningApp) -> None:
    """A run that passed, that goes on, that is not there, that performed nothing."""
    runs, shrinking = await till(app.services), app.services.shrinking
    passed = await runs.run(perform=True, path=LONG)
    dry = await runs.run(pays_wrongly_after_add(), perform=False, path=LONG)
    live = await runs.start(perform=True)
    for ref, error in (
        (passed.run_id, RequestError),
        (dry.run_id, RequestError),
        (live.run_id, ConflictError),
        (99, NotFoundError),
    ):
        with pytest.raises(error):
            await shrinking.begin(REALM, ref, Wish(), CI)


async def test_a_replay_walks_the_same_steps_over_rest(app: RunningApp) -> None:
    """A new run of the same steps, whatever the seed of the old one; over REST the search has the same words."""
    runs = await till(app.services)
    failed = await runs.run(pays_wrongly_after_add(), perform=True, path="random(actions(40))", seed=3)
    async with agent_at_work(runs):
        answer = await app.http.post(f"/execution_service/api/v1/executions/{failed.id}/replay")
        assert answer.status_code == 201, answer.text
        async with asyncio.timeout(30):
            while (again := await app.services.executions.get(REALM, answer.json()["run_id"])).ended_at is None:
                await asyncio.sleep(0.02)
        compared = (await app.http.get(f"/ai/runs/{failed.run_id}/compare/{again.run_id}")).json()
        assert compared["divergence"] is None and again.path == "replay()"
        search = (await app.http.post(f"/execution_service/api/v1/executions/{failed.id}/shrink", json={"performances": 50})).json()
        await ended(app, search["id"])
    told = (await app.http.get(f"/execution_service/api/v1/shrinks/{search['id']}")).json()
    assert (told["state"], [step["name"] for step in told["steps"] if step["kind"] == "action"]) == ("found", ["add", "pay"])
    assert [
        one["id"] for one in (await app.http.get("/execution_service/api/v1/shrinks", params={"run_id": failed.run_id})).json()
    ] == [search["id"]]
    wrong = await app.http.post(f"/execution_service/api/v1/executions/{failed.id}/shrink", json={"performances": 0})
    assert wrong.status_code == 422

"""The original's public API: pages of results, which pictures are given, and what is refused."""

from pathlib import Path

import pytest

from melanzana.executions.records import Attached
from support_app import running_app
from support_reports import passes, walked
from support_runs import DOT, Runs

pytestmark = pytest.mark.anyio
RESULTS = "/api/v2/test_results"


async def test_pages_and_status_choose_the_results(tmp_path: Path) -> None:
    """`limit` and `offset` page, newest first; `status` and `model_id` choose; what is unknown is refused."""
    async with running_app(tmp_path) as app:
        await app.sign_in()
        runs = await Runs.of(app.services)
        for _ in range(2):
            await runs.run(passes)
        waiting = await runs.start()
        page = (await app.http.get(f"{RESULTS}?limit=1&offset=1")).json()
        assert (page["total_count"], [one["run_id"] for one in page["items"]]) == (3, [2])
        under_way = (await app.http.get(f"{RESULTS}?status=RUNNING")).json()
        assert [one["id"] for one in under_way["items"]] == [waiting.id]
        assert (await app.http.get(f"{RESULTS}?model_id=99")).json() == {"items": [], "total_count": 0}
        assert (await app.http.get(f"{RESULTS}?test_config_result_id=none")).json()["total_count"] == 0
        for query in ("status=Passed", "limit=0", "colour=red", "model_id=x"):
            answer = await app.http.get(f"{RESULTS}?{query}")
            assert (answer.status_code, "detail" in answer.json()) == (422, True), query
        assert (await app.http.delete(f"/ai/runs/{waiting.run_id}")).status_code == 409
        assert (await app.http.delete("/ai/runs/1")).status_code == 204
        assert (await app.http.get(f"{RESULTS}/1")).status_code == 404


async def test_only_pictures_that_a_run_keeps_are_given(tmp_path: Path) -> None:
    """The same bytes are a screenshot when they were kept as a picture, and none when as text; an unknown id is 404."""
    async with running_app(tmp_path) as app:
        await app.sign_in()
        runs = await Runs.of(app.services)
        await runs.start(perform=True)
        lease = await runs.claim()
        files = (runs.keep("a.png", DOT, "image/png", 1), runs.keep("b.txt", b"secret", "text/plain", 1))
        for file in files:
            await app.services.executions.keep(runs.agent, lease.execution_id, lease.attempt, Attached(file.sha256, file.size))
        (*events, end) = walked(lease.snapshot, passes)
        await runs.tell(lease, (*events, *files, end))
        asked = [await app.http.get(f"/api/v1/screenshots/{digest}") for digest in (files[0].sha256, files[1].sha256, "0" * 64)]
        assert [answer.status_code for answer in asked] == [200, 404, 404]
        assert asked[0].content == DOT
        listed = (await app.http.get(f"/api/v1/test_results/{lease.execution_id}/screenshots?limit=1")).json()
        assert [one["name"] for one in listed["items"]] == ["a.png"]

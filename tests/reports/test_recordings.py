"""`GET /ai/runs/{run_id}/recording`: a server's run becomes one that can be performed again elsewhere."""

import httpx
import pytest

from melanzana.protocol.recording import RunFile, failure_of, recorded_walk
from support_executions import MODEL_TEXT, doors
from support_reports import REALM, House, fails_at

pytestmark = pytest.mark.anyio


async def test_a_failed_run_can_be_followed_from_its_recording(house: House, http: httpx.AsyncClient) -> None:
    """Snapshot and events are those of the run; what it walked up to the failure comes out of them."""
    model = (await house.catalog.add_model(REALM, None, None, doors(), MODEL_TEXT)).model_id
    run = await house.run(model, fails_at("leave"), perform=True, seed=7, path="random(transition_coverage(100))")
    answer = await http.get(f"/ai/runs/{run.run_id}/recording")
    assert answer.status_code == 200, answer.text
    found = RunFile.from_json(answer.json())
    assert found.snapshot == run.snapshot
    assert failure_of(found.events) is not None
    assert recorded_walk(found).steps[-1].name == "leave"


async def test_a_run_that_is_not_there_is_404(http: httpx.AsyncClient) -> None:
    """As every other question about it."""
    assert (await http.get("/ai/runs/4711/recording")).status_code == 404

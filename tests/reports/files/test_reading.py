"""A server's answers and a saved run become the same run for the writers."""

from datetime import UTC, datetime

import httpx
import pytest

from melanzana.errors import RequestError
from melanzana.protocol.recording import RunFile
from melanzana.reports.files.reading import of_run_file, of_server
from melanzana.reports.files.records import Status
from support_executions import MODEL_TEXT, doors
from support_reports import REALM, House, fails_at

pytestmark = pytest.mark.anyio


async def test_a_run_of_a_server_and_its_recording_tell_the_same(house: House, http: httpx.AsyncClient) -> None:
    """Steps, failing step, coverage, verdict and plan are those of the run, whichever way it is read."""
    model = (await house.catalog.add_model(REALM, None, None, doors(), MODEL_TEXT)).model_id
    run = await house.run(model, fails_at("leave"), perform=True, seed=7, path="random(transition_coverage(100))")
    answer = (await http.get(f"/ai/runs/{run.run_id}")).raise_for_status().json()
    recorded = (await http.get(f"/ai/runs/{run.run_id}/recording")).raise_for_status().json()
    served, saved = of_server(answer, recorded), of_run_file(RunFile.from_json(recorded), "run.json")
    assert (served.run_id, served.execution_id, served.status, served.seed) == (run.run_id, run.id, Status.FAILED, 7)
    assert served.failing is not None
    assert (served.failing.name, served.failing.message) == ("leave", "expected an open door")
    assert list(served.steps) == list(saved.steps)
    assert served.model_name == saved.model_name == doors().name
    assert served.step_count == len(list(served.steps)) > 0
    assert (served.coverage, served.failing, served.status) == (saved.coverage, saved.failing, saved.status)
    assert (served.replay, saved.replay) == (f"melanzana replay {run.run_id}", "melanzana replay run.json")
    assert served.started_at is not None
    assert served.started_at.astimezone(UTC) > datetime(2020, 1, 1, tzinfo=UTC)


async def test_a_run_that_has_not_ended_is_refused(house: House, http: httpx.AsyncClient) -> None:
    """The message says where it stands."""
    model = (await house.catalog.add_model(REALM, None, None, doors(), MODEL_TEXT)).model_id
    run = await house.start(model, perform=True)
    answer = (await http.get(f"/ai/runs/{run.run_id}")).raise_for_status().json()
    with pytest.raises(RequestError, match="has not ended: it is queued"):
        of_server(answer, {"events": []})
    with pytest.raises(RequestError, match="no end in its events"):
        of_run_file(RunFile(snapshot=run.snapshot, events=()))

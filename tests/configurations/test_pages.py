"""Test configurations as people see them: started, followed, aborted and deleted on pages."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from melanzana.access.permissions import Role
from melanzana.configurations.records import TaskFilter
from melanzana.configurations.schedule_records import ScheduleDraft
from melanzana.configurations.timing import Timing
from melanzana.users.records import NewUser
from support_app import RunningApp, running_app
from support_configurations import draft, explore
from support_executions import CLIENT, MODEL_TEXT
from support_people import OPERATOR, PASSWORD
from support_runs import REALM

pytestmark = pytest.mark.anyio


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[RunningApp]:
    """A server with the model `Doors`, and a person in front of it."""
    async with running_app(tmp_path / "data") as running:
        users = running.services.users
        person = await users.accounts.create(REALM, NewUser(username="ada", role=Role.USER, password=PASSWORD), OPERATOR)
        running.http.cookies.set("melanzana", (await users.open_session(person, "192.0.2.7", "a browser")).token)
        await running.sign_in()
        headers = {"Content-Type": "application/yaml"}
        (await running.http.post("/ai/models", content=MODEL_TEXT, headers=headers)).raise_for_status()
        yield running


async def page(app: RunningApp, path: str) -> tuple[str, dict[str, str]]:
    """The text, and the token of its forms."""
    answer = await app.http.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text, {"csrf_token": answer.text.partition('name="csrf_token" value="')[2].partition('"')[0]}


async def test_an_empty_list_says_how_one_is_made(app: RunningApp) -> None:
    """The route, and the command that starts one."""
    text, _ = await page(app, "/test-configs")
    assert "POST /test_config_service/api/v1/test_configurations" in text
    assert "melanzana ci run" in text


async def test_a_person_starts_follows_and_aborts_a_configuration(app: RunningApp) -> None:
    """From the list to the start, its page, the abort, and its dot in the list; the page shows what a notification leads to."""
    one = await app.services.configurations.create(CLIENT, draft(explore(1), explore(2)))
    text, token = await page(app, f"/test-configs/{one.id}")
    assert text.index("explore 1") < text.index("explore 2")
    form = {**token, "values": "tries = 3\nmode = night\n"}
    started = await app.http.post(f"/test-configs/{one.id}/run", data=form)
    assert started.status_code == 303
    place = started.headers["location"]
    task = await app.services.configurations.advance(REALM, place.rpartition("/")[2])
    assert dict(task.steps[0].plan.parameters) == {"tries": "3", "mode": "night"}
    assert (task.created_by, task.trigger) == ("ada", "page")
    text, token = await page(app, place)
    assert 'data-live id="task"' in text
    assert f'href="/runs/{task.steps[0].attempts[0].run_id}"' in text
    aborted = await app.http.post(f"{place}/abort", data=token)
    assert (aborted.status_code, aborted.headers["location"]) == (303, place)
    for _ in range(3):
        task = await app.services.configurations.advance(REALM, task.id)
    text, _ = await page(app, place)
    assert ("Cancelled" in text, "aborted on request" in text, "data-live" in text) == (True, True, False)
    assert (await app.http.post(f"{place}/abort", data=token)).headers["location"] == place
    elsewhere = place.replace(one.id, "00000000-0000-4000-8000-000000000009")
    assert (await app.http.get(elsewhere)).status_code == 404
    text, _ = await page(app, "/test-configs")
    assert f'href="{place}" title="Cancelled' in text


async def test_what_cannot_be_started_says_why_and_keeps_what_was_typed(app: RunningApp) -> None:
    """A line that is none, a variable that no step has, a filter that leaves nothing."""
    one = await app.services.configurations.create(CLIENT, draft())
    _, token = await page(app, f"/test-configs/{one.id}")
    for form, why in (
        ({"values": "tries"}, "line 1 is not name = value: tries"),
        ({"values": "colour = red"}, "no step has a variable"),
        ({"only": "problems"}, "nothing to run"),
    ):
        answer = await app.http.post(f"/test-configs/{one.id}/run", data={**token, **form})
        assert (answer.status_code, why in answer.text) == (422, True), why
        assert form.get("values", "") in answer.text
        assert ('value="problems" selected' in answer.text) == ("only" in form)
    assert (await app.http.post(f"/test-configs/{one.id}/run", data={})).status_code == 403


async def test_one_is_deleted_with_its_schedules(app: RunningApp) -> None:
    """While something of it is at work it is not."""
    one = await app.services.configurations.create(CLIENT, draft())
    daily = ScheduleDraft(name="daily", configuration_id=one.id, timing=Timing(cron="30 2 * * *", time_zone="Europe/Rome"))
    await app.services.schedules.create(CLIENT, daily)
    text, token = await page(app, "/schedules?days=7")
    assert len(re.findall(r"<h3>", text)) == 7
    await app.http.post(f"/test-configs/{one.id}/run", data=token)
    busy = await app.http.post(f"/test-configs/{one.id}/delete", data=token)
    assert (busy.status_code, "at work" in busy.text) == (422, True)
    (task, *_), _ = await app.services.configurations.instances(REALM, TaskFilter())
    await app.services.configurations.abort(REALM, task.id)
    for _ in range(3):
        await app.services.configurations.advance(REALM, task.id)
    assert (await app.http.post(f"/test-configs/{one.id}/delete", data=token)).headers["location"] == "/test-configs?done=deleted"
    assert "No schedules" in (await page(app, "/schedules"))[0]
    assert (await app.http.get(f"/test-configs/{one.id}")).status_code == 404

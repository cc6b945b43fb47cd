"""Runs as people see them: the list, one run, its log, pictures and files, and what can be done with it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from melanzana.access.permissions import Role
from melanzana.executions.records import LifecycleState
from melanzana.protocol.events import LogWritten
from melanzana.users.records import NewUser
from support_app import RunningApp, running_app
from support_browser import open_browser
from support_people import OPERATOR, PASSWORD
from support_reports import fails_at, walked
from support_runs import DOT, REALM, Runs

pytestmark = pytest.mark.anyio
XSS = "<img src=x onerror=alert(1)>"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[RunningApp]:
    """The server, with a person of role user in front of it."""
    async with running_app(tmp_path) as opened:
        users = opened.services.users
        person = await users.accounts.create(REALM, NewUser(username="grace", role=Role.USER, password=PASSWORD), OPERATOR)
        session = await users.open_session(person, "192.0.2.7", "a browser")
        opened.http.cookies.set("melanzana", session.token)
        yield opened


async def text_of(app: RunningApp, path: str, status: int = 200) -> str:
    answer = await app.http.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == status, answer.text
    return answer.text


async def test_the_list_is_searched_by_words_in_its_address(app: RunningApp) -> None:
    """Status, model by name, tag; a word that is not understood is told; names are text."""
    assert "Nothing was run yet" in await text_of(app, "/runs")
    runs = await Runs.of(app.services)
    failed = await runs.run(fails_at("leave"), perform=True, tags=("nightly", XSS))
    passed = await runs.run(perform=True)
    everything = await text_of(app, "/runs")
    assert f"/runs/{failed.run_id}" in everything and f"/runs/{passed.run_id}" in everything
    assert XSS not in everything and "&lt;img" in everything
    for query, shown in (("status:failed", failed), ("model:Doors status:passed", passed), ("tag:nightly", failed)):
        text = await text_of(app, f"/runs?q={query}")
        assert f'href="/runs/{shown.run_id}"' in text
        assert text.count('<th scope="row"') == 1, query
    assert "No run answers" in await text_of(app, "/runs?q=model:Nothing")
    assert "is not understood" in await text_of(app, "/runs?q=lamp", 422)


async def test_long_lists_have_pages(app: RunningApp) -> None:
    """Fifty on a page, with links that keep the question."""
    runs = await Runs.of(app.services)
    for _ in range(51):
        await runs.start(tags=("a",))
    first = await text_of(app, "/runs?q=tag:a")
    assert "1 to 50 of 51" in first and "/runs?q=tag%3Aa&amp;offset=50" in first
    second = await text_of(app, "/runs?q=tag:a&offset=50")
    assert "51 to 51 of 51" in second and "Newer" in second and "Older" not in second


async def test_a_failed_run_begins_with_the_step_that_failed(app: RunningApp) -> None:
    """The sentence, the message, the step's picture, then figures and log."""
    runs = await Runs.of(app.services)
    lease_step = 4
    run = await runs.run(
        fails_at("leave", f"expected an open door {XSS}"),
        files=[runs.keep("door.png", DOT, "image/png", lease_step), runs.keep("other.txt", b"x", "text/plain", 1)],
        perform=True,
        path="predefined(open, leave)",
    )
    text = await text_of(app, f"/runs/{run.run_id}")
    failing = (await app.services.reports.run(REALM, run.run_id)).failing
    assert failing is not None
    assert f"Step {failing.number}, action \u201cleave\u201d: expected an open door" in text
    assert XSS not in text
    assert text.index("The step that failed") < text.index("What was run") < text.index('id="log"')
    assert ("<figure>" in text) == (failing.number == lease_step)
    assert f"?after=0#line-{failing.seq}" in text and f'id="line-{failing.seq}"' in text
    assert f"melanzana replay {run.run_id}" in text
    assert f"/runs/{run.run_id}/report/junit" in text
    [picture, other] = await app.services.reports.attachments(REALM, run.run_id)
    assert (await app.http.get(f"/runs/{run.run_id}/attachments/{picture.id}")).content == DOT
    assert "other.txt" in text and other.step == 1
    report = await app.http.get(f"/runs/{run.run_id}/report/junit")
    assert report.headers["content-type"].startswith("application/xml")


async def test_a_long_log_is_shown_in_parts(app: RunningApp) -> None:
    """Five hundred lines at a time; a run that has ended begins with its first line."""
    runs = await Runs.of(app.services)
    await runs.start(perform=True)
    lease = await runs.claim()
    events = walked(lease.snapshot)
    lines = [LogWritten(message=f"line {number}", severity="INFO", step=1) for number in range(700)]
    await runs.tell(lease, (events[0], *lines[:400]))
    await runs.tell(lease, lines[400:], 402)
    live = await text_of(app, f"/runs/{lease.run_id}")
    assert "data-live" in live and "line 699" in live and "line 3<" not in live and "Earlier" in live
    await runs.tell(lease, events[1:], 702)
    ended = await text_of(app, f"/runs/{lease.run_id}")
    assert "data-live" not in ended and "line 3<" in ended and "line 699" not in ended
    assert "?after=500" in ended


async def test_a_run_is_aborted_continued_and_started_again(app: RunningApp) -> None:
    """Forms with the session's token; without it nothing happens."""
    runs = await Runs.of(app.services)
    run = await runs.start(perform=True, seed=11)
    refused = await app.http.post(f"/runs/{run.run_id}/abort")
    assert refused.status_code == 403
    page = await text_of(app, f"/runs/{run.run_id}")
    assert "Waiting for an agent" in page
    token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    answer = await app.http.post(f"/runs/{run.run_id}/abort", data={"csrf_token": token})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{run.run_id}?done=aborted")
    assert (await app.services.executions.get(REALM, run.run_id)).state is LifecycleState.ABORTED
    again = await app.http.post(f"/runs/{run.run_id}/again", data={"csrf_token": token})
    assert again.status_code == 303
    fresh = await app.services.executions.get(REALM, int(again.headers["location"].split("/")[2].split("?")[0]))
    assert (fresh.seed, fresh.path, fresh.run_id) == (11, run.path, run.run_id + 1)
    assert (await app.http.post(f"/runs/{fresh.run_id}/continue", data={"csrf_token": token})).status_code == 409


async def test_runs_of_others_are_not_there(app: RunningApp) -> None:
    """A number that is none of the realm's is not found, and neither is a word."""
    for path in ("/runs/99", "/runs/99/attachments/1", "/runs/99/report/junit"):
        await text_of(app, path, 404)
    await text_of(app, "/runs/x", 422)


async def test_a_live_page_follows_the_run_to_its_end(tmp_path: Path) -> None:
    """In a real browser, without a reload: the new lines come, and with the end the button to abort is gone."""
    async with open_browser(tmp_path) as browser:
        await browser.log_in()
        runs = await Runs.of(browser.services)
        await runs.start(perform=True)
        lease = await runs.claim()
        events = walked(lease.snapshot)
        await runs.tell(lease, events[:2])
        page = await browser.open_page(f"/runs/{lease.run_id}")
        await page.get_by_text("Under way").wait_for()
        await runs.tell(lease, events[2:], 3)
        await page.get_by_text("Under way").wait_for(state="detached")
        await page.get_by_role("button", name="Run again, same seed").wait_for()
        assert await page.get_by_text("Abort").count() == 0
        assert await page.locator("tr[id^=line-]").count() >= len(events) - 2

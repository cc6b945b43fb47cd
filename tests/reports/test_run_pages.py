"""One run as people see it: how it stands, its log, its steps, pictures and files, and what can be done with it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from melanzana.access.permissions import Role
from melanzana.executions.records import LifecycleState
from melanzana.protocol.events import LogWritten, RunPaused
from melanzana.users.records import NewUser
from support_app import RunningApp, running_app
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
    assert text.index("The step that failed") < text.index('id="log"') < text.index("What was run")
    assert ("<figure>" in text) == (failing.number == lease_step)
    assert f"?after=0#line-{failing.seq}" in text and f'id="line-{failing.seq}"' in text
    assert f'href="/runs/{run.run_id}/steps/{failing.number}"' in text
    assert f"melanzana replay {run.run_id}" in text
    assert f"/runs/{run.run_id}/report/junit" in text
    [picture, other] = await app.services.reports.attachments(REALM, run.run_id)
    assert (await app.http.get(f"/runs/{run.run_id}/attachments/{picture.id}")).content == DOT
    assert "other.txt" in text and other.step == 1
    report = await app.http.get(f"/runs/{run.run_id}/report/junit")
    assert report.headers["content-type"].startswith("application/xml")


async def test_a_long_log_is_shown_in_parts(app: RunningApp) -> None:
    """Five hundred lines at a time, the end first; every part is a link away."""
    runs = await Runs.of(app.services)
    await runs.start(perform=True)
    lease = await runs.claim()
    events = walked(lease.snapshot)
    lines = [LogWritten(message=f"line {number}", severity="INFO", step=1) for number in range(700)]
    await runs.tell(lease, (events[0], *lines[:400]))
    await runs.tell(lease, lines[400:], 402)
    live = await text_of(app, f"/runs/{lease.run_id}")
    assert "data-stream" in live and "line 699" in live and "line 3<" not in live and "Earlier" in live
    await runs.tell(lease, events[1:], 702)
    ended = await text_of(app, f"/runs/{lease.run_id}")
    assert "data-stream" not in ended and "line 699" in ended and "line 3<" not in ended
    first = await text_of(app, f"/runs/{lease.run_id}?after=0")
    assert "line 3<" in first and "line 699" not in first and "?after=500" in first


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
    assert fresh.created_by == "grace"
    assert (await app.http.post(f"/runs/{fresh.run_id}/continue", data={"csrf_token": token})).status_code == 409


async def test_the_log_is_searched_whole(app: RunningApp) -> None:
    """Every hit is counted, the first ones are shown; `status:failed` asks for lines that did not pass."""
    runs = await Runs.of(app.services)
    run = await runs.run(fails_at("leave", "Expected an OPEN door"), perform=True, path="predefined(open, leave)")
    found = await text_of(app, f"/runs/{run.run_id}?find=an open DOOR")
    shown = found.count('<tr id="line-')
    assert shown > 1 and f"{shown} lines of" in found and found.count("Expected an OPEN door") >= shown
    failed = await text_of(app, f"/runs/{run.run_id}?find=status:failed")
    assert "1 lines of" in failed and "leave" in failed
    assert "No line of the log holds this" in await text_of(app, f"/runs/{run.run_id}?find=elephant")


async def test_a_step_has_a_page_with_all_that_belongs_to_it(app: RunningApp) -> None:
    """Its picture, message, log lines and neighbours, and nothing of other steps; a step that was never made is not found."""
    runs = await Runs.of(app.services)
    files = [runs.keep("door.png", DOT, "image/png", 4), runs.keep("other.txt", b"x", "text/plain", 1)]
    run = await runs.run(fails_at("leave"), files=files, perform=True, path="predefined(open, leave)")
    text = await text_of(app, f"/runs/{run.run_id}/steps/4")
    assert "Step 4: leave" in text and "expected an open door" in text and "door.png" in text and "other.txt" not in text
    assert f"/runs/{run.run_id}/steps/3" in text and f"/runs/{run.run_id}/steps/5" not in text
    first = await text_of(app, f"/runs/{run.run_id}/steps/1")
    assert "The step that failed is" in first and "It wrote nothing" in first
    await text_of(app, f"/runs/{run.run_id}/steps/99", 404)


async def test_a_run_is_held_and_let_go_on(app: RunningApp) -> None:
    """Pause asks, the page says so until the agent stands still, continue takes it back; buttons come and go."""
    runs = await Runs.of(app.services)
    await runs.start(perform=True)
    lease = await runs.claim()
    page, events = f"/runs/{lease.run_id}", walked(lease.snapshot)
    await runs.tell(lease, events[:2])
    before = await text_of(app, page)
    token = before.partition('name="csrf_token" value="')[2].partition('"')[0]
    assert f"{page}/pause" in before and f"{page}/continue" not in before
    assert (await app.http.post(f"{page}/pause", data={"csrf_token": token})).headers["location"] == f"{page}?done=paused"
    asked = await text_of(app, page)
    assert "Will pause before its next step" in asked and f"{page}/continue" in asked and f"{page}/pause" not in asked
    await runs.tell(lease, [RunPaused(step=1, message="paused on request")], 3)
    assert "Paused on request: continue or abort." in await text_of(app, page)
    assert (await app.http.post(f"{page}/continue", data={"csrf_token": token})).status_code == 303
    assert "ResumeRequested" in [event.type for event in await app.services.executions.events(REALM, lease.run_id)]


async def test_neighbours_are_a_key_away(app: RunningApp) -> None:
    """The run before and the run behind, of this realm."""
    runs = await Runs.of(app.services)
    numbers = [(await runs.start()).run_id for _ in range(3)]
    middle = await text_of(app, f"/runs/{numbers[1]}")
    assert f'href="/runs/{numbers[0]}" data-shortcut="["' in middle and f'href="/runs/{numbers[2]}" data-shortcut="]"' in middle
    assert 'data-shortcut="["' not in await text_of(app, f"/runs/{numbers[0]}")


async def test_runs_of_others_are_not_there(app: RunningApp) -> None:
    """A number that is none of the realm's is not found, and neither is a word."""
    for path in ("/runs/99", "/runs/99/attachments/1", "/runs/99/report/junit", "/runs/99/steps/1", "/runs/99/stream"):
        await text_of(app, path, 404)
    await text_of(app, "/runs/x", 422)

"""System > Groups: made, filled, changed and deleted by forms, as plain HTML and in a real browser."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from melanzana.access.permissions import Role
from melanzana.users.records import GroupChange, NewUser, OpenedSession
from support_app import RunningApp, running_app
from support_browser import check_page, open_browser, screenshot
from support_people import OPERATOR, PASSWORD

pytestmark = pytest.mark.anyio
GROUPS = "/system/groups"
XSS = "<img src=x onerror=alert(1)>"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(tmp_path) as opened:
        yield opened


async def log_in(app: RunningApp, username: str, role: Role) -> OpenedSession:
    users = app.services.users
    person = await users.accounts.create("eggplant", NewUser(username=username, role=role, password=PASSWORD), OPERATOR)
    session = await users.open_session(person, "192.0.2.7", "a browser")
    app.http.cookies.set("melanzana", session.token)
    return session


async def test_what_is_wrong_stands_beside_the_field(app: RunningApp) -> None:
    """422 with what was typed, for a name that is missing, too long or taken; nothing is made."""
    session = await log_in(app, "boss", Role.ADMIN)
    await app.services.users.groups.create("eggplant", "taken", GroupChange(), OPERATOR)
    for name, says in (("", "groupname has 1 to 100"), ("x" * 101, "groupname has 1 to 100"), ("TAKEN", "called TAKEN already")):
        fields = {"csrf_token": session.csrf_token, "groupname": name, "description": "kept"}
        answer = await app.http.post(GROUPS, data=fields)
        assert answer.status_code == 422
        assert says in answer.text
        assert 'value="kept"' in answer.text
    assert [group.name for group in await app.services.users.groups.everyone("eggplant")] == ["taken"]


async def test_59_a_form_that_is_not_ours_changes_nothing(app: RunningApp) -> None:
    """Without the session's token, 403 for making, changing and deleting."""
    await log_in(app, "boss", Role.ADMIN)
    group = await app.services.users.groups.create("eggplant", "checkout", GroupChange(), OPERATOR)
    for path in (GROUPS, f"{GROUPS}/{group.id}", f"{GROUPS}/{group.id}/delete"):
        assert (await app.http.post(path, data={"groupname": "evil"})).status_code == 403
    assert [group.name for group in await app.services.users.groups.everyone("eggplant")] == ["checkout"]


async def test_68_names_of_groups_are_text(app: RunningApp) -> None:
    """A name with markup is escaped in the list, on its page, and on its people's pages."""
    session = await log_in(app, "boss", Role.ADMIN)
    (person,) = [person for person, _ in await app.services.users.accounts.everybody("eggplant")]
    form = {"csrf_token": session.csrf_token, "groupname": XSS, "description": XSS, "members": person.id}
    made = await app.http.post(GROUPS, data=form)
    for path in (made.headers["location"], GROUPS, "/system/users", f"/system/users/{person.id}", "/account"):
        text = (await app.http.get(path)).text
        assert "<img" not in text, path
        assert "&lt;img" in text, path


async def test_who_may_not(app: RunningApp) -> None:
    """Without the permission the pages are 403; an unknown group is 404."""
    session = await log_in(app, "lee", Role.USER)
    assert (await app.http.get(GROUPS)).status_code == 403
    assert (await app.http.post(GROUPS, data={"csrf_token": session.csrf_token, "groupname": "x"})).status_code == 403
    await log_in(app, "boss", Role.ADMIN)
    assert (await app.http.get(f"{GROUPS}/nobody")).status_code == 404


@pytest.mark.slow
@pytest.mark.usefixtures("one_chromium")
@pytest.mark.parametrize("javascript", [True, False])
async def test_a_group_from_its_making_to_its_end(tmp_path: Path, javascript: bool) -> None:
    """Empty list, Add New, members ticked, changed, deleted; each step tells what it did, with script or without."""
    async with open_browser(tmp_path, javascript=javascript) as browser:
        await browser.log_in(Role.ADMIN)
        groups = browser.services.users.groups
        page = await browser.open_page(GROUPS)
        assert "No groups." in await page.locator("main").inner_text()
        if javascript:
            await check_page(page)
            await screenshot(page, "groups-empty")
        await page.get_by_role("link", name="Add New").first.click()
        await page.get_by_label("Name").fill("checkout")
        await page.get_by_label(re.compile("ada", re.IGNORECASE)).check()
        await page.get_by_role("button", name="Create").click()
        await page.get_by_text("The group was created.").wait_for()
        (made,) = await groups.everyone("eggplant")
        assert len(made.members) == 1
        await page.get_by_label("Description").fill("Who minds the checkout")
        await page.get_by_label(re.compile("ada", re.IGNORECASE)).uncheck()
        await page.get_by_role("button", name="Save").click()
        await page.get_by_text("Saved.").wait_for()
        (changed,) = await groups.everyone("eggplant")
        assert (changed.description, changed.members) == ("Who minds the checkout", ())
        await page.locator("summary", has_text="Delete").click()
        await page.get_by_role("button", name="Delete").click()
        await page.get_by_text("Deleted.").wait_for()
        assert await groups.everyone("eggplant") == []

"""The pages of people: as plain HTML over the whole app, and in a real browser."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from melanzana.access.permissions import Role
from melanzana.users.records import NewUser, OpenedSession, User
from support_app import RunningApp, running_app
from support_browser import OpenBrowser, check_page, open_browser, screenshot
from support_people import OPERATOR, PASSWORD

pytestmark = pytest.mark.anyio
XSS = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(tmp_path) as opened:
        yield opened


async def log_in(app: RunningApp, username: str = "boss", role: Role = Role.ADMIN) -> tuple[User, OpenedSession]:
    """Every request from now on carries the cookie of a new person."""
    users = app.services.users
    person = await users.accounts.create("eggplant", NewUser(username=username, role=role, password=PASSWORD), OPERATOR)
    session = await users.open_session(person, "192.0.2.7", "a browser")
    app.http.cookies.set("melanzana", session.token)
    return person, session


async def send(app: RunningApp, session: OpenedSession, path: str, **fields: str) -> httpx.Response:
    return await app.http.post(path, data={"csrf_token": session.csrf_token, **fields})


async def test_an_administrator_makes_a_user(app: RunningApp) -> None:
    """The answer shows a one-time link; with it the person chooses a password and can log in; the link is gone."""
    _, session = await log_in(app)
    made = await send(app, session, "/system/users", username="lee", name="Lee", email="", role="dai:user")
    assert made.status_code == 200 and made.headers["cache-control"] == "no-store"
    path = re.search(r"http://server(/choose-password\?token=[\w-]+)", made.text)
    assert path is not None
    assert path[1] not in (await app.http.get("/system/users")).text
    app.http.cookies.clear()
    token = path[1].partition("=")[2]
    assert "lee" in (await app.http.get(path[1])).text
    form = {"token": token, "password": "another long password", "again": "another long password"}
    assert (await app.http.post("/choose-password", data={**form, "again": "not the same"})).status_code == 422
    chosen = await app.http.post("/choose-password", data=form)
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/login?done=password")
    assert (await app.http.get(path[1])).status_code == 404
    await app.services.users.check_password("eggplant", "lee", "another long password", "")


async def test_an_administrator_changes_a_user(app: RunningApp) -> None:
    """Role, disabling, ending sessions, removing: each leads back by 303."""
    _, session = await log_in(app)
    users = app.services.users
    lee = await users.accounts.create("eggplant", NewUser(username="lee"), OPERATOR)
    path = f"/system/users/{lee.id}"
    answer = await send(app, session, path, name="Lee", email="lee@example.org", role="dai:admin")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}?done=saved")
    changed, _ = await users.accounts.get("eggplant", lee.id)
    assert (changed.name, changed.email, changed.role) == ("Lee", "lee@example.org", Role.ADMIN)
    assert (await send(app, session, path, name="Lee", email="nowhere", role="dai:user")).status_code == 422
    opened = await users.open_session(changed, "192.0.2.8", "their browser")
    assert "their browser" in (await app.http.get(path)).text
    assert (await send(app, session, f"{path}/sessions/{opened.session.id}")).status_code == 303
    assert await users.sessions.list(lee.id) == []
    await users.open_session(changed, "", "")
    assert (await send(app, session, f"{path}/enabled", enabled="no")).status_code == 303
    assert await users.sessions.list(lee.id) == []
    assert (await send(app, session, f"{path}/delete", confirm="lee")).headers["location"] == "/system/users?done=deleted"
    assert (await app.http.get(path)).status_code == 404


async def test_the_last_administrator_is_told_so(app: RunningApp) -> None:
    """409 on the page itself."""
    boss, session = await log_in(app)
    answer = await send(app, session, f"/system/users/{boss.id}/enabled", enabled="no")
    assert answer.status_code == 409 and "last administrator" in answer.text


async def test_a_user_sees_no_users(app: RunningApp) -> None:
    """403; their own account they see."""
    _, session = await log_in(app, "lee", Role.USER)
    assert (await app.http.get("/system/users")).status_code == 403
    assert (await send(app, session, "/system/users", username="eve")).status_code == 403
    assert (await app.http.get("/account")).status_code == 200


async def test_everybody_minds_their_own_account(app: RunningApp) -> None:
    """Name, password and sessions; a new password ends the other sessions and not this one."""
    person, session = await log_in(app, "lee", Role.USER)
    users = app.services.users
    other = await users.open_session(person, "192.0.2.9", "another browser")
    assert (await send(app, session, "/account", name="Lee", email="lee@example.org")).status_code == 303
    assert "lee@example.org" in (await app.http.get("/account")).text
    new = {"password": "another long password", "again": "another long password"}
    wrong = await send(app, session, "/account/password", old="not the old one", **new)
    assert wrong.status_code == 422 and "another long password" not in wrong.text
    assert (await send(app, session, "/account/password", old=PASSWORD, **new)).status_code == 303
    assert [found.id for found in await users.sessions.list(person.id)] == [session.session.id]
    assert await users.live_session("eggplant", other.session.id) is None
    third = await users.open_session(person, "", "")
    assert (await send(app, session, f"/account/sessions/{third.session.id}")).status_code == 303
    await users.open_session(person, "", "")
    assert (await send(app, session, "/account/sessions")).status_code == 303
    assert [found.id for found in await users.sessions.list(person.id)] == [session.session.id]


async def test_nobody_ends_the_session_of_another_from_their_account(app: RunningApp) -> None:
    """404, as if there were none."""
    boss, elsewhere = await log_in(app)
    _, session = await log_in(app, "lee", Role.USER)
    assert (await send(app, session, f"/account/sessions/{elsewhere.session.id}")).status_code == 404
    assert len(await app.services.users.sessions.list(boss.id)) == 1


async def test_59_a_form_that_is_not_ours_changes_nothing(app: RunningApp) -> None:
    """No token, another session's, a wrong one, or sent by another site: 403 on every changing page."""
    _, first = await log_in(app, "eve")
    boss, session = await log_in(app)
    paths = [
        "/account",
        "/account/password",
        "/account/sessions",
        f"/account/sessions/{session.session.id}",
        "/system/users",
        f"/system/users/{boss.id}",
        *(f"/system/users/{boss.id}/{action}" for action in ("enabled", "link", "sessions", "delete")),
    ]
    for path in paths:
        for token in (None, "", "x" * 64, first.csrf_token):
            form = {} if token is None else {"csrf_token": token}
            assert (await app.http.post(path, data=form)).status_code == 403, (path, token)
        evil = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example.org"}
        sent = await app.http.post(path, data={"csrf_token": session.csrf_token}, headers=evil)
        assert sent.status_code == 403, path
    assert len(await app.services.users.accounts.everybody("eggplant")) == 2


async def test_66_the_setup_page_closes(app: RunningApp) -> None:
    """It makes the first administrator and then is 404, for reading and sending."""
    address = await app.services.users.links.setup_address()
    assert address is not None
    path = address.removeprefix("http://server")
    token = path.partition("=")[2]
    assert (await app.http.get("/setup")).status_code == 404
    assert (await app.http.get(path)).status_code == 200
    form = {"token": token, "username": "boss", "name": "", "password": PASSWORD, "again": PASSWORD}
    evil = await app.http.post("/setup", data=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert evil.status_code == 403
    weak = await app.http.post("/setup", data={**form, "password": "short", "again": "short"})
    assert weak.status_code == 422 and "short" not in re.sub(r"<[^>]+>", "", weak.text).replace("shortcuts", "")
    assert (await app.http.post("/setup", data=form)).headers["location"] == "/login?done=account"
    assert (await app.http.get(path)).status_code == (await app.http.post("/setup", data=form)).status_code == 404
    await app.services.users.check_password("eggplant", "boss", PASSWORD, "")


async def test_68_text_of_people_is_text(app: RunningApp) -> None:
    """Names, addresses and browsers with markup stand escaped on every page."""
    boss, session = await log_in(app)
    users = app.services.users
    await send(app, session, f"/system/users/{boss.id}", name=XSS, email="", role="dai:admin")
    await users.open_session(boss, "", XSS)
    refused = await send(app, session, "/system/users", username=XSS, name=XSS, role=XSS)
    pages = [await app.http.get(path) for path in ("/system/users", f"/system/users/{boss.id}", "/account")]
    for answer in (refused, *pages):
        assert "<script>alert" not in answer.text and "<img src=x" not in answer.text
        assert "&lt;script&gt;alert" in answer.text


async def test_pages_without_a_login_lead_to_it(app: RunningApp) -> None:
    """Or say so; none shows anything."""
    for path in ("/system/users", "/system/users/new", "/account"):
        answer = await app.http.get(path)
        assert answer.status_code in {303, 401} and "boss" not in answer.text


@pytest.fixture
async def browser(tmp_path: Path, one_chromium: None) -> AsyncIterator[OpenBrowser]:
    async with open_browser(tmp_path) as opened:
        yield opened


@pytest.mark.slow
async def test_the_first_administrator_in_a_real_browser(browser: OpenBrowser) -> None:
    """The setup page is accessible and makes the administrator; so does the page that chooses a password."""
    users = browser.services.users
    address = await users.links.setup_address()
    assert address is not None
    page = await browser.open_page(address.removeprefix(browser.url))
    await check_page(page)
    await screenshot(page, "setup")
    await page.get_by_label("Username").fill("boss")
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_label("Password again").fill(PASSWORD)
    await page.get_by_role("button", name="Make the administrator").click()
    await page.get_by_role("link", name="Log in").click()
    await page.get_by_label("Username", exact=True).fill("boss")
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await page.get_by_role("link", name="Users").or_(page.get_by_text("boss")).first.wait_for()
    assert len(await users.sessions.list((await users.accounts.by_name("eggplant", "boss")).id)) == 1
    boss = await users.accounts.by_name("eggplant", "boss")
    _, link = await users.links.password_address("eggplant", boss.id, OPERATOR)
    page = await browser.open_page(link.removeprefix(browser.url))
    await check_page(page)

"""Home and about."""

from pathlib import Path

import pytest

from melanzana.access.permissions import Role
from melanzana.version import __version__
from support_app import running_app
from support_browser import check_page, open_browser, screenshot

pytestmark = pytest.mark.anyio


async def test_a_stranger_who_wants_a_page_is_led_to_the_login_and_back(tmp_path: Path) -> None:
    """The address that was wanted comes along, question and all."""
    async with running_app(tmp_path) as app:
        answer = await app.http.get("/system/audit?q=outcome:failure", headers={"Accept": "text/html"})
        assert answer.status_code == 303
        assert answer.headers["location"] == "/login?next=%2Fsystem%2Faudit%3Fq%3Doutcome%3Afailure"
        assert (await app.http.get("/", headers={"Accept": "text/html"})).headers["location"] == "/login"


async def test_about_tells_a_stranger_what_it_is_and_not_what_it_runs_on(tmp_path: Path) -> None:
    """Version and licences are public; the machine is not."""
    async with running_app(tmp_path) as app:
        page = (await app.http.get("/about", headers={"Accept": "text/html"})).text
        assert __version__ in page
        assert "0BSD" in page
        assert "Python" not in page


@pytest.mark.slow
@pytest.mark.usefixtures("one_chromium")
async def test_home_shows_what_this_person_may_open(tmp_path: Path) -> None:
    """An administrator sees System and a hint at the first API client; of these, a user sees systems under test alone."""
    async with open_browser(tmp_path) as browser:
        await browser.log_in(Role.ADMIN)
        page = await browser.open_page("/")
        await page.get_by_role("heading", name="API Access").wait_for()
        assert await page.get_by_text("First steps.").is_visible()
        await check_page(page)
        await screenshot(page, "home-admin")
        await page.locator("summary", has_text="System").click()
        await check_page(page, keyboard=False)
        await screenshot(page, "home-menu")
        await browser.log_out()
        await browser.log_in(Role.USER, "bob")
        page = await browser.open_page("/")
        assert await page.get_by_role("heading", name="API Access").count() == 0
        assert await page.get_by_role("heading", name="Systems Under Test").count() == 1
        await check_page(page)
        await screenshot(page, "home-user")


@pytest.mark.slow
@pytest.mark.usefixtures("one_chromium")
async def test_about_shows_version_licences_and_health_to_people(tmp_path: Path) -> None:
    """What a report of a problem should carry, ready to be copied."""
    async with open_browser(tmp_path) as browser:
        await browser.log_in(Role.USER)
        page = await browser.open_page("/about")
        await page.get_by_text("answers and can be written").wait_for()
        await check_page(page)
        await screenshot(page, "about")


@pytest.mark.slow
@pytest.mark.usefixtures("one_chromium")
async def test_errors_are_pages_too(tmp_path: Path) -> None:
    """No such address, a page that is not for this person, a server that is broken: each is told, without a word of its inside."""
    async with open_browser(tmp_path) as browser:
        await browser.log_in(Role.USER)
        for path, status, says in (
            ("/nowhere", 404, "There is nothing here"),
            ("/system/api-access", 403, "This is not for your account"),
        ):
            page = await browser.open_page(path, status=status)
            assert await page.get_by_role("heading", level=1).inner_text() == says
            await check_page(page)
            await screenshot(page, f"error-{status}")
        await browser.services.database.write(lambda tx: tx.exec_driver_sql("ALTER TABLE user_groups RENAME TO lost"))
        page = await browser.open_page("/account", status=500)
        assert await page.get_by_role("heading", level=1).inner_text() == "Something went wrong on our side"
        shown = await page.content()
        assert "sqlite" not in shown.lower()
        assert "user_groups" not in shown
        await check_page(page)

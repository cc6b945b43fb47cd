"""Logging in and out in a real browser: with a wrong password, by keyboard, without script, by a provider, and back to the page."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page

from melanzana.access.permissions import Role
from melanzana.auth.external import NewProvider
from melanzana.server.services import Services
from melanzana.users.records import NewUser
from support_browser import check_page, open_window, screenshot, serving
from support_people import OPERATOR, PASSWORD
from support_people_login import OPERATOR as ADMINISTRATOR

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
Site = tuple[Services, str]


@pytest.fixture(scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory, one_chromium: None) -> AsyncIterator[Site]:
    """A server that knows one administrator, ada."""
    async with serving(tmp_path_factory.mktemp("login")) as (services, url):
        new = NewUser(username="ada", name="Ada", role=Role.ADMIN, password=PASSWORD)
        await services.users.accounts.create("eggplant", new, OPERATOR)
        yield services, url


async def _send(page: Page, password: str) -> None:
    await page.get_by_label("Username").fill("ada")
    await page.get_by_label("Password", exact=True).fill(password)
    await page.get_by_role("button", name="Log in").click()


async def test_a_wrong_password_is_told_and_the_right_one_leads_to_the_page(site: Site) -> None:
    """The page that was wanted comes after the login; until then each step is accessible, and the name need not be typed again."""
    async with open_window(*site) as window:
        page = await window.open_page("/system/audit?q=outcome:failure")
        assert await page.get_by_role("heading", level=1).inner_text() == "Log in"
        await check_page(page)
        await screenshot(page, "login")
        await _send(page, "not the password")
        assert "Wrong username or password" in await page.get_by_role("alert").inner_text()
        assert await page.get_by_label("Username").input_value() == "ada"
        assert await page.get_by_label("Password", exact=True).evaluate("e => e === document.activeElement")
        await check_page(page)
        await screenshot(page, "login-wrong")
        await page.get_by_role("button", name="Show").click()
        assert await page.get_by_label("Password", exact=True).get_attribute("type") == "text"
        await _send(page, PASSWORD)
        await page.wait_for_url("**/system/audit?q=outcome:failure")


async def test_by_keyboard_alone(site: Site) -> None:
    """The first field has the focus; Tab, Enter, and the menu of the person, end in a log-out."""
    async with open_window(*site) as window:
        page = await window.open_page("/login")
        await page.keyboard.type("ada")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")  # over the button that shows the password
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{window.url}/")
        menu = page.locator(".side summary")
        await menu.focus()
        await page.keyboard.press("Enter")
        await page.get_by_role("button", name="Log out").focus()
        await page.keyboard.press("Enter")
        await page.get_by_label("Username").wait_for()


async def test_without_script(site: Site) -> None:
    """In, and out by the page that other programs lead to; afterwards it says so."""
    async with open_window(*site, javascript=False) as window:
        page = await window.open_page("/login")
        assert await page.get_by_role("button", name="Show").count() == 0
        await _send(page, PASSWORD)
        await page.get_by_role("heading", name="Good to see you, Ada").wait_for()
        await page.goto(f"{window.url}/auth/realms/eggplant/protocol/openid-connect/logout")
        await page.get_by_role("main").get_by_role("button", name="Log out").click()
        await page.goto(f"{window.url}/auth/realms/eggplant/protocol/openid-connect/logout")
        assert await page.get_by_role("heading", level=1).inner_text() == "Logged out"


async def test_a_session_that_was_ended_elsewhere(site: Site) -> None:
    """The next page asks for the login and then leads to where the person was going."""
    services, _ = site
    async with open_window(*site) as window:
        person = await window.log_in(Role.ADMIN, "emmy")
        page = await window.open_page("/account")
        for session in await services.users.sessions.list(person.id):
            await services.users.sessions.revoke(person, session.id, ADMINISTRATOR)
        await page.goto(f"{window.url}/system/users")
        await _send(page, PASSWORD)
        await page.wait_for_url("**/system/users")


async def test_a_provider_has_its_button(site: Site) -> None:
    """Below the form, and no request leaves the server before somebody presses it."""
    services, _ = site
    provider = NewProvider(
        name="company",
        issuer="https://id.example.org",
        audience="melanzana",
        roles={"testers": Role.USER},
        client_id="melanzana",
        client_secret="a secret of ours there",
    )
    await services.logins.issuers.put("eggplant", provider, ADMINISTRATOR)
    async with open_window(*site) as window:
        page = await window.open_page("/login")
        button = page.get_by_role("link", name="Log in with company")
        assert "/login-actions/provider/company?" in str(await button.get_attribute("href"))
        await check_page(page)
        await screenshot(page, "login-provider")
        refused = await window.open_page("/login/callback?error=access_denied", status=400)
        assert await refused.get_by_role("heading", level=1).inner_text() == "The login did not work"
        await check_page(refused)


async def test_choosing_a_password(site: Site) -> None:
    """The one-time link is accessible, tells when the two differ, says when it is done, and is then gone."""
    services, _ = site
    person = await services.users.accounts.create("eggplant", NewUser(username="grace"), OPERATOR)
    _, link = await services.users.links.password_address("eggplant", person.id, OPERATOR)
    async with open_window(*site) as window:
        page = await window.open_page(link.removeprefix(window.url))
        await check_page(page)
        await page.get_by_label("Password", exact=True).fill(PASSWORD)
        await page.get_by_label("Password again").fill("another")
        await page.get_by_role("button", name="Set password").click()
        assert "not the same" in await page.locator(".error").inner_text()
        await check_page(page)
        await page.get_by_label("Password", exact=True).fill(PASSWORD)
        await page.get_by_label("Password again").fill(PASSWORD)
        await page.get_by_role("button", name="Set password").click()
        await page.get_by_role("heading", name="The password is set").wait_for()
        await check_page(page)
        await screenshot(page, "password-set")
        gone = await window.open_page(link.removeprefix(window.url), status=404)
        await check_page(gone)

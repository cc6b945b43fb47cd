"""System > Keys and realms in a real browser: settings, rotation, a compromised key, other realms; works without script."""

from pathlib import Path

import pytest
from playwright.async_api import Page

from melanzana.access.permissions import Role
from melanzana.realms.records import KeyState
from melanzana.users.records import NewUser
from support_browser import OPERATOR, PASSWORD, OpenBrowser, check_page, open_browser, screenshot

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.usefixtures("one_chromium")]
REALMS = "/system/realms"


async def _states(page: Page) -> dict[str, str]:
    """State by key id, as the page shows it."""
    rows = page.locator("section[aria-labelledby=keys-of-realm] tbody tr")
    cells = [await rows.nth(number).locator("td").all_inner_texts() for number in range(await rows.count())]
    return {row[0].strip(): row[1].strip() for row in cells}


async def _confirm(page: Page, label: str, within: str = "main") -> None:
    """Open the question behind that button and answer it."""
    question = page.locator(within).locator("details.confirm").filter(has=page.locator("summary", has_text=label)).first
    await question.locator("summary").click()
    await question.get_by_role("button").click()
    await page.wait_for_load_state("load")


async def _keys(browser: OpenBrowser) -> dict[KeyState, str]:
    return {key.state: key.kid for key in await browser.services.realms.keys("eggplant")}


async def test_the_page(tmp_path: Path) -> None:
    """Accessible in both themes and by keyboard, with every state of a key shown."""
    async with open_browser(tmp_path) as browser:
        await browser.log_in(Role.ADMIN)
        realms = browser.services.realms
        await realms.rotate_key("eggplant")
        await realms.rotate_key("eggplant")
        await realms.disable_key("eggplant", (await realms.keys("eggplant"))[0].kid)
        await realms.ensure_realm("team-a")
        page = await browser.open_page(REALMS)
        assert sorted((await _states(page)).values()) == ["active", "disabled", "next", "passive"]
        await check_page(page)
        await screenshot(page, "realms")
        await page.get_by_role("link", name="team-a").click()
        assert await page.get_by_role("heading", level=1).inner_text() == "Realm team-a"
        await check_page(page)


@pytest.mark.parametrize("javascript", [True, False])
async def test_keys(javascript: bool, tmp_path: Path) -> None:
    """Rotate, then disable the old key, then remove it: each asked again before it is done, with script or without."""
    async with open_browser(tmp_path, javascript=javascript) as browser:
        await browser.log_in(Role.ADMIN)
        before = await _keys(browser)
        page = await browser.open_page(REALMS)
        await _confirm(page, "Rotate key")
        shown = await _states(page)
        assert (shown[before[KeyState.NEXT]], shown[before[KeyState.ACTIVE]]) == ("active", "passive")
        row = f"tr:has-text('{before[KeyState.ACTIVE]}')"
        await _confirm(page, "Disable", row)
        assert (await _states(page))[before[KeyState.ACTIVE]] == "disabled"
        await _confirm(page, "Remove", row)
        assert before[KeyState.ACTIVE] not in await _states(page)
        trail = await browser.services.audit.records("eggplant", limit=3)
        assert [record.entry.action for record in trail] == ["key.change", "key.change", "key.rotate"]
        assert {record.entry.actor.name for record in trail} == {"Ada"}


async def test_settings(tmp_path: Path) -> None:
    """Settings are saved and shown; one that is wrong is told beside its field and nothing changes."""
    async with open_browser(tmp_path, javascript=False) as browser:
        await browser.log_in(Role.ADMIN)
        page = await browser.open_page(REALMS)
        await page.get_by_label("Algorithm").select_option("ES256")
        await page.get_by_label("Type").select_option("at+jwt")
        await page.get_by_label("Lifetime").fill("120")
        await page.get_by_role("button", name="Save").click()
        realm = await browser.services.realms.current("eggplant")
        assert (realm.algorithm, realm.token_type, realm.token_seconds) == ("ES256", "at+jwt", 120)
        assert await page.get_by_label("Lifetime").input_value() == "120"
        await page.get_by_label("Lifetime").evaluate("e => { e.removeAttribute('max'); e.value = '999999'; }")
        await page.get_by_role("button", name="Save").click()
        assert "Must be 30 to 3600 seconds" in await page.locator("main").inner_text()
        assert (await browser.services.realms.current("eggplant")).token_seconds == 120
        assert await page.get_by_label("Lifetime").get_attribute("aria-invalid") == "true"


async def test_log_everybody_out(tmp_path: Path) -> None:
    """The instant of the push stands on the page and in the realm."""
    async with open_browser(tmp_path) as browser:
        await browser.log_in(Role.ADMIN)
        page = await browser.open_page(REALMS)
        await _confirm(page, "Log everybody out")
        assert (await browser.services.realms.current("eggplant")).not_before > 0


async def test_other_realms(tmp_path: Path) -> None:
    """An administrator of the home realm makes a realm, disables and enables it; a bad name is told beside the field."""
    async with open_browser(tmp_path) as browser:
        await browser.log_in(Role.ADMIN)
        page = await browser.open_page(REALMS)
        await page.get_by_label("Name").fill("team a")
        await page.get_by_role("button", name="Create").click()
        assert "realm's name is" in await page.locator("main").inner_text()
        await check_page(page)
        await page.get_by_label("Name").fill("team-a")
        await page.get_by_role("button", name="Create").click()
        await page.wait_for_url(f"**{REALMS}/team-a?done=created")
        row = "section[aria-labelledby=all-realms] tr:has-text('team-a')"
        await _confirm(page, "Disable", row)
        assert (await browser.services.realms.current("team-a")).enabled is False
        await page.locator(row).get_by_role("button", name="Enable").click()
        await page.wait_for_load_state("load")
        assert (await browser.services.realms.current("team-a")).enabled is True
        assert await page.locator("tr:has-text('home') details").count() == 0


async def test_administrator_of_another_realm(tmp_path: Path) -> None:
    """They see and rotate their own keys, find no other realm, and cannot make one."""
    async with open_browser(tmp_path) as browser:
        await browser.services.realms.ensure_realm("tenant")
        new = NewUser(username="eve", name="Eve", role=Role.ADMIN, password=PASSWORD)
        person = await browser.services.users.accounts.create("tenant", new, OPERATOR)
        opened = await browser.services.users.sessions.open(person, "127.0.0.1", "Chromium")
        cookie = {"name": "melanzana", "value": opened.token, "url": browser.url, "httpOnly": True, "sameSite": "Lax"}
        await browser.context.add_cookies([cookie])  # type: ignore[list-item]
        page = await browser.open_page(REALMS)
        assert await page.get_by_role("heading", level=1).inner_text() == "Realm tenant"
        assert await page.locator("#all-realms").count() == 0
        await _confirm(page, "Rotate key")
        assert page.url.endswith(f"{REALMS}/tenant?done=rotated")
        for name in ("eggplant", "nowhere"):
            await browser.open_page(f"{REALMS}/{name}", status=404)

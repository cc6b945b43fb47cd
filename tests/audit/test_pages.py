"""System > Audit in a real browser: found by query, saved as a file, verified; works without script."""

import csv
import io
import json
from pathlib import Path

import pytest
from playwright.async_api import Page

from melanzana.access.permissions import Role
from melanzana.access.records import Actor
from melanzana.audit.records import Action, AuditEntry, Outcome
from support_browser import OpenBrowser, check_page, open_browser, screenshot

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
AUDIT = "/system/audit"
EVE = Actor(kind="nobody", id="<script>alert(1)</script>", name="=cmd|' /C calc'!A0", address="198.51.100.7")


async def _fill(browser: OpenBrowser, count: int = 60) -> None:
    for number in range(count):
        outcome = Outcome.FAILURE if number % 3 else Outcome.SUCCESS
        detail = {"reason": "wrong password"} if number % 3 else {}
        entry = AuditEntry(realm="eggplant", action=Action.LOGIN, actor=EVE, subject=f"s-{number}", outcome=outcome, detail=detail)
        await browser.services.audit.note(entry)


async def _numbers(page: Page) -> list[int]:
    return [int(text) for text in await page.locator("tbody td.number").all_inner_texts()]


async def test_the_page(tmp_path: Path) -> None:
    """Accessible in both themes, by keyboard, under the policy; hostile names are shown as text; older records are a link away."""
    async with open_browser(tmp_path) as browser:
        await browser.log_in(Role.ADMIN)
        await _fill(browser)
        page = await browser.open_page(AUDIT)
        newest = await _numbers(page)
        assert newest == sorted(newest, reverse=True)
        assert len(newest) == 50
        assert await page.locator("tbody tr").first.locator("td").nth(4).get_attribute("title") == EVE.id
            "e => e.closest('tbody').innerHTML.replaceAll('&lt;', '<')"
        )
        assert await page.locator("tbody script").count() == 0
        await check_page(page)
        await screenshot(page, "audit")
        await page.get_by_role("link", name="Older").click()
        older = await _numbers(page)
        assert older == list(range(newest[-1] - 1, 0, -1))
        await check_page(page)


async def test_query(tmp_path: Path) -> None:
    """What is searched stands in the address; files hold what the query finds; a wrong word is told beside the field."""
    async with open_browser(tmp_path) as browser:
        await browser.log_in(Role.ADMIN)
        await _fill(browser, 6)
        page = await browser.open_page(AUDIT)
        await page.get_by_role("searchbox").fill("outcome:failure 198.51.100.7")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/system/audit?q=outcome**")
        assert len(await _numbers(page)) == 4
        assert await page.get_by_role("searchbox").input_value() == "outcome:failure 198.51.100.7"
        for form in ("CSV", "JSON"):
            async with page.expect_download() as saving:
                await page.get_by_role("link", name=f"Save as {form}").click()
            saved = await saving.value
            text = (await saved.path()).read_text("utf-8")
            rows = list(csv.DictReader(io.StringIO(text))) if form == "CSV" else json.loads(text)
            assert saved.suggested_filename == f"audit-eggplant.{form.lower()}"
            assert [row["subject"] for row in rows] == ["s-5", "s-4", "s-2", "s-1"]
        await page.get_by_role("link", name="Failures").click()
        assert len(await _numbers(page)) == 4
        await page.close()
        wrong = await browser.open_page(f"{AUDIT}?q=since:yesterday", status=422)
        assert "since is 30m, 12h, 7d" in await wrong.locator("main").inner_text()
        await check_page(wrong)
        empty = await browser.open_page(f"{AUDIT}?q=nothing-like-this")
        assert "No record answers this question" in await empty.locator("main").inner_text()
        await check_page(empty)
        await screenshot(empty, "audit-empty")


async def test_verification(tmp_path: Path) -> None:
    """One click tells whether the trail is whole and what to keep of it."""
    async with open_browser(tmp_path) as browser:
        await browser.log_in(Role.ADMIN)
        page = await browser.open_page(AUDIT)
        await page.get_by_role("link", name="Verify").click()
        text = await page.locator("main").inner_text()
        head = await browser.services.audit.head("eggplant")
        assert "Every record is there and as it was written." in text
        assert f"melanzana audit verify --expect {head.number}:{head.hash}" in text
        await check_page(page)
        await screenshot(page, "audit-verification")


async def test_without_script(tmp_path: Path) -> None:
    """Search, older records and verification need no script."""
    async with open_browser(tmp_path, javascript=False) as browser:
        await browser.log_in(Role.ADMIN)
        await _fill(browser)
        page = await browser.open_page(AUDIT)
        await page.get_by_role("searchbox").fill("s-7")
        await page.get_by_role("button", name="Search").click()
        assert len(await _numbers(page)) == 1
        await page.goto(f"{browser.url}{AUDIT}")
        await page.get_by_role("link", name="Older").click()
        assert (await _numbers(page))[-1] == 1
        await page.get_by_role("link", name="Verify").click()
        assert "as it was written" in await page.locator("main").inner_text()


async def test_who_may_not(tmp_path: Path) -> None:
    """A person without the permission gets 403 and no link; a stranger is led to the login."""
    async with open_browser(tmp_path) as browser:
        await browser.log_in(Role.USER)
        for path in (AUDIT, f"{AUDIT}.csv", f"{AUDIT}/verification"):
            page = await browser.open_page(path, status=403)
            assert await page.get_by_role("link", name="Audit", exact=True).count() == 0
        await browser.log_out()
        page = await browser.open_page(AUDIT)
        assert "/login" in page.url or "openid-connect/auth" in page.url

"""System > Audit in a real browser: found by query, saved as a file, verified, printed; works without script."""

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Page

from melanzana.access.permissions import Role
from melanzana.access.records import Actor
from melanzana.audit.records import Action, AuditEntry, Outcome
from melanzana.server.services import Services
from support_browser import check_page, open_window, screenshot, serving

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
AUDIT = "/system/audit"
EVE = Actor(kind="nobody", id="<script>alert(1)</script>", name="=cmd|' /C calc'!A0", address="198.51.100.7")
TRIES = 60
FAILURES = 40
#: Records that a page shows.
PAGE = 50

Site = tuple[Services, str]


@pytest.fixture(scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory, one_chromium: None) -> AsyncIterator[Site]:
    """A server whose trail knows sixty tries to log in, two of three in vain."""
    async with serving(tmp_path_factory.mktemp("audit")) as (services, url):
        for number in range(TRIES):
            outcome = Outcome.FAILURE if number % 3 else Outcome.SUCCESS
            detail = {"reason": "wrong password", "note": ""} if number % 3 else {}
            entry = AuditEntry(
                realm="eggplant", action=Action.LOGIN, actor=EVE, subject=f"s-{number}", outcome=outcome, detail=detail
            )
            await services.audit.note(entry)
        yield services, url


async def _numbers(page: Page) -> list[int]:
    return [int(text) for text in await page.locator("tbody td.number").all_inner_texts()]


async def _follow(page: Page, link: str) -> None:
    async with page.expect_navigation():
        await page.get_by_role("link", name=link).click()


async def test_the_page(site: Site) -> None:
    """Accessible in both themes, by keyboard, under the policy; hostile names are text; older records are a link away."""
    async with open_window(*site) as window:
        await window.log_in(Role.ADMIN, "ada")
        page = await window.open_page(AUDIT)
        newest = await _numbers(page)
        assert newest == sorted(newest, reverse=True)
        assert len(newest) == PAGE
        assert await page.get_by_title(EVE.id).first.is_visible()
        assert await page.locator("tbody script").count() == 0
        await check_page(page)
        await screenshot(page, "audit")
        await _follow(page, "Older")
        older = await _numbers(page)
        assert older == list(range(newest[-1] - 1, 0, -1))
        await check_page(page)
        await _follow(page, "Newer")
        assert await _numbers(page) == newest


async def test_query(site: Site, tmp_path: Path) -> None:
    """What is searched stands in the address; the files hold what the query finds; a wrong word is told on the page."""
    async with open_window(*site) as window:
        await window.log_in(Role.ADMIN, "emmy")
        page = await window.open_page(AUDIT)
        await page.get_by_role("searchbox").fill("outcome:failure 198.51.100.7")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/system/audit?q=outcome**")
        assert len(await _numbers(page)) == FAILURES
        assert await page.get_by_role("searchbox").input_value() == "outcome:failure 198.51.100.7"
        for form in ("CSV", "JSON"):
            async with page.expect_download() as saving:
                await page.get_by_role("link", name=f"Save as {form}").click()
            saved = await saving.value
            await saved.save_as(tmp_path / form)
            text = (tmp_path / form).read_text("utf-8")
            rows = list(csv.DictReader(io.StringIO(text))) if form == "CSV" else json.loads(text)
            assert saved.suggested_filename == f"audit-eggplant.{form.lower()}"
            assert len(rows) == FAILURES
            assert rows[0]["subject"] == f"s-{TRIES - 1}"
        await _follow(page, "Failures")
        assert len(await _numbers(page)) == FAILURES
        assert await page.get_by_role("link", name="Failures").get_attribute("aria-current") == "true"
        wrong = await window.open_page(f"{AUDIT}?q=since:yesterday", status=422)
        assert "ince is 30m, 12h, 7d" in await wrong.locator("main").inner_text()
        await check_page(wrong)
        empty = await window.open_page(f"{AUDIT}?q=nothing-like-this")
        assert "No record answers this question" in await empty.locator("main").inner_text()
        await check_page(empty)
        await screenshot(empty, "audit-empty")


async def test_verification(site: Site) -> None:
    """One click tells whether the trail is whole and what to keep of it."""
    async with open_window(*site) as window:
        await window.log_in(Role.ADMIN, "sofia")
        page = await window.open_page(AUDIT)
        await _follow(page, "Verify")
        text = await page.locator("main").inner_text()
        head = await site[0].audit.head("eggplant")
        assert "Every record is there and as it was written." in text
        assert f"melanzana audit verify --expect {head.number}:{head.hash}" in text
        await check_page(page)
        await screenshot(page, "audit-verification")


async def test_on_paper(site: Site) -> None:
    """Records and their exact times, whole within the sheet; nothing that only a screen can use."""
    async with open_window(*site) as window:
        await window.log_in(Role.ADMIN, "mary")
        page = await window.open_page(AUDIT)
        await page.emulate_media(media="print")
        await page.set_viewport_size({"width": 720, "height": 1000})  # A4 with its margins, at 96 dots an inch
        for gone in ("header.top", "footer", "form.query", ".toolbar", ".pager", ".trail"):
            assert await page.locator(gone).locator("visible=true").count() == 0, gone
        assert await page.locator("tbody tr:visible").count() == PAGE
        assert await page.evaluate("document.documentElement.scrollWidth") <= 720
        shown = await page.locator("tbody time").first.evaluate("e => getComputedStyle(e, '::after').content")
        assert str(datetime.now(UTC).year) in shown


async def test_without_script(site: Site) -> None:
    """Search, older records and verification need no script."""
    async with open_window(*site, javascript=False) as window:
        await window.log_in(Role.ADMIN, "hedy")
        page = await window.open_page(AUDIT)
        await page.get_by_role("searchbox").fill("subject:s-7")
        async with page.expect_navigation():
            await page.get_by_role("button", name="Search").click()
        assert len(await _numbers(page)) == 1
        await page.goto(f"{window.url}{AUDIT}")
        await _follow(page, "Older")
        assert (await _numbers(page))[-1] == 1
        await _follow(page, "Verify")
        assert "as it was written" in await page.locator("main").inner_text()


async def test_who_may_not(site: Site) -> None:
    """A person without the permission gets 403 and no link; a stranger is led to the login."""
    async with open_window(*site) as window:
        await window.log_in(Role.USER, "lee")
        for path in (AUDIT, f"{AUDIT}.csv", f"{AUDIT}/verification"):
            page = await window.open_page(path, status=403)
            assert await page.get_by_role("link", name="Audit", exact=True).count() == 0
        await window.log_out()
        page = await window.open_page(AUDIT)
        assert await page.get_by_role("heading", level=1).inner_text() == "Log in"

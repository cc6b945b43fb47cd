"""The page of a run under way, in a real browser: nothing is missing, nothing comes twice, and everybody is served together."""

import asyncio
import json
from pathlib import Path

import pytest
from playwright.async_api import Page

from melanzana.protocol.events import LogWritten, RunPaused, RunResumed
from melanzana.reports.live import Together
from support_browser import OpenBrowser, check_page, open_browser, screenshot
from support_reports import fails_at, walked
from support_runs import DOT, Runs

pytestmark = pytest.mark.anyio
_LINES = "() => [...document.querySelectorAll('[data-log] tr[id]')].map((row) => Number(row.id.slice(5)))"


async def lines(page: Page) -> list[int]:
    """Numbers of the log's lines in the page, in their order."""
    return list(await page.evaluate(_LINES))


async def stored(browser: OpenBrowser, run_id: int) -> list[int]:
    """Numbers of the lines that a page shows: beginnings of steps are left out."""
    events = await browser.services.executions.events("eggplant", run_id)
    return [event.seq for event in events if event.type != "StepStarted"]


async def test_a_live_page_follows_the_run_to_its_end(tmp_path: Path) -> None:
    """Without a reload: lines, figures and the place in the picture come as they happen; through a lost connection and a time
    in the background no line is missing and none comes twice; with the end the button to abort is gone."""
    async with open_browser(tmp_path) as browser:
        await browser.log_in()
        runs = await Runs.of(browser.services)
        await runs.start(perform=True, path="predefined(open, leave)")
        lease = await runs.claim()
        events = walked(lease.snapshot, fails_at("leave"))
        await runs.tell(lease, events[:2])
        page = await browser.open_page(f"/runs/{lease.run_id}")
        await page.get_by_text("Under way").wait_for()
        await runs.tell(lease, events[2:3], 3)
        await page.locator("tr", has_text="open").wait_for()
        assert await page.locator(".row.hit.now").count() == 1
        await _goes_away_and_comes_back(page)
        many = [LogWritten(message=f"note {number}", severity="INFO", step=2) for number in range(40)]
        for number, note in enumerate(many):
            await runs.tell(lease, [note], 4 + number)
        await page.get_by_text("note 39").wait_for()
        await page.context.set_offline(True)
        await runs.tell(lease, [runs.keep("door.png", DOT, "image/png", 2)], 44)
        await page.context.set_offline(False)
        await page.get_by_role("link", name="door.png").wait_for()
        assert await lines(page) == await stored(browser, lease.run_id)
        await check_page(page, keyboard=False)
        await screenshot(page, "run-live")
        await runs.tell(lease, events[3:], 45)
        await page.get_by_text("Under way").wait_for(state="detached")
        await page.get_by_role("button", name="Run again, same seed").wait_for()
        assert await page.get_by_text("Abort").count() == 0
        assert await lines(page) == await stored(browser, lease.run_id)
        await _opens_the_failing_step(page)


async def _goes_away_and_comes_back(page: Page) -> None:
    """What a browser tells the page of a tab that nobody looks at."""
    for hidden in ("true", "false"):
        await page.evaluate(
            f"Object.defineProperty(document, 'hidden', {{value: {hidden}, configurable: true}});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )


async def _opens_the_failing_step(page: Page) -> None:
    """One click from the run."""
    await page.get_by_role("link", name="Open the step").click()
    await page.get_by_role("heading", name="Step 4: leave").wait_for()
    await page.keyboard.press("[")
    await page.get_by_role("heading", name="Step 3").wait_for()


async def test_a_run_is_held_and_let_go_on_from_its_live_page(tmp_path: Path) -> None:
    """Pause, the agent stands still, Continue, it goes on: the buttons change without a reload."""
    async with open_browser(tmp_path) as browser:
        await browser.log_in()
        runs = await Runs.of(browser.services)
        await runs.start(perform=True)
        lease = await runs.claim()
        events = walked(lease.snapshot)
        await runs.tell(lease, events[:2])
        page = await browser.open_page(f"/runs/{lease.run_id}")
        await page.get_by_role("button", name="Pause").click()
        await page.locator("[data-sentence]", has_text="Will pause before its next step").wait_for()
        await runs.tell(lease, [RunPaused(step=1, message="paused on request")], 3)
        await page.locator("[data-sentence]", has_text="Paused on request").wait_for()
        await check_page(page)
        await page.get_by_role("button", name="Continue").click()
        await runs.tell(lease, [RunResumed(step=1)], 4)
        await page.get_by_role("button", name="Pause").wait_for()
        await runs.tell(lease, events[2:], 5)
        await page.get_by_role("button", name="Run again, same seed").wait_for()


async def test_what_many_ask_in_one_moment_is_found_out_once() -> None:
    """The answer goes to each of them, also when one has gone away; asked later, it is found out anew."""
    together, made = Together(), 0

    async def make() -> str:
        nonlocal made
        made += 1
        await asyncio.sleep(0)
        return json.dumps(made)

    asked = [asyncio.create_task(together.ask("run 1", make)) for _ in range(5)]
    await asyncio.sleep(0)
    asked[0].cancel()
    assert await asyncio.gather(*asked[1:]) == ["1"] * 4
    assert await together.ask("run 1", make) == "2"

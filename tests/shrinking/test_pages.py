"""Replay, shrink and compare from the page of a run, in a real browser."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from support_browser import check_page, open_browser, screenshot
from support_runs import REALM
from support_shrinking import LONG, agent_at_work, pays_wrongly_after_add, till

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_a_failure_is_replayed_shrunk_kept_and_compared(tmp_path: Path) -> None:
    """From a red run to a test case of two actions, by buttons alone; each page is accessible in both themes."""
    async with open_browser(tmp_path) as browser:
        await browser.log_in()
        runs = await till(browser.services)
        failed = await runs.run(pays_wrongly_after_add(), perform=True, path=LONG, seed=4)
        async with agent_at_work(runs):
            page = await browser.open_page(f"/runs/{failed.run_id}")
            await screenshot(page, "run-failed")
            await page.get_by_role("button", name="Replay").click()
            await expect(page.get_by_role("heading", name=f"Run {failed.run_id + 1}: Till")).to_be_visible()
            await page.get_by_role("button", name="Run again, same seed").wait_for()
            assert (await browser.services.executions.get(REALM, failed.run_id + 1)).created_by == "Ada"
            await page.get_by_role("button", name="Compare").click()
            await expect(page.get_by_text("They walked the same way to the same verdicts.")).to_be_visible()
            await check_page(page)
            await screenshot(page, "run-compare")
            await page.goto(f"{browser.url}/runs/{failed.run_id}")
            await page.get_by_role("button", name="Shrink").click()
            await expect(page.get_by_text("Fails in 2 actions instead of 10.")).to_be_visible(timeout=60_000)
            await page.reload()
            await check_page(page)
            await screenshot(page, "shrink-search")
            await page.get_by_role("button", name="Keep as test case").click()
            await expect(page.get_by_text("Kept as the test case pay fails.")).to_be_visible()
        cases = await browser.services.catalog.list_test_cases(REALM, runs.model_id)
        assert [(case.name, len(case.case.steps)) for case in cases] == [("pay fails", 2)]

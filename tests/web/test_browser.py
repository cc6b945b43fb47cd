"""The watch that page tests keep sees what it should see."""

from pathlib import Path

import pytest

from support_browser import check_page, open_browser

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


async def test_the_documentation_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    """Swagger UI comes up from our own files, without a console error."""
    async with open_browser(tmp_path) as browser:
        page = await browser.open_page("/docs")
        await page.get_by_text("Model-based test execution").first.wait_for()


async def test_a_page_that_is_not_accessible_is_refused(tmp_path: Path) -> None:
    """A field without a label is found and named."""
    async with open_browser(tmp_path) as browser:
        page = await browser.open_page("/docs")
        await page.set_content("<!doctype html><html lang=en><title>x</title><main><h1>x</h1><input name=lost></main>")
        with pytest.raises(AssertionError, match="lost"):
            await check_page(page)


async def test_a_focus_that_nobody_sees_is_refused(tmp_path: Path) -> None:
    """An element whose focus looks like nothing is named."""
    async with open_browser(tmp_path) as browser:
        page = await browser.open_page("/docs")
        await page.set_content("<!doctype html><html lang=en><title>x</title><main><h1>x</h1><a id=faint href=#x>x</a></main>")
        await page.locator("#faint").evaluate("e => { e.style.outline = 'none'; }")
        with pytest.raises(AssertionError, match="faint"):
            await check_page(page)

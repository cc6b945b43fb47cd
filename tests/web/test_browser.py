"""The watch that page tests keep sees what it should see."""

from pathlib import Path

import pytest

from support_browser import check_page, open_browser

pytestmark = [pytest.mark.slow, pytest.mark.anyio, pytest.mark.usefixtures("one_chromium")]


async def test_a_page_that_breaks_the_rules_is_refused(tmp_path: Path) -> None:
    """A field without a label, a focus that nobody sees, a script that fails and a file from elsewhere are each found and named."""
    async with open_browser(tmp_path) as browser:
        page = await browser.open_page("/about")
        await page.set_content("<!doctype html><html lang=en><title>x</title><main><h1>x</h1><input name=lost></main>")
        with pytest.raises(AssertionError, match="lost"):
            await check_page(page)
        await page.set_content("<!doctype html><html lang=en><title>x</title><main><h1>x</h1><a id=faint href=#x>x</a></main>")
        await page.locator("#faint").evaluate("e => { e.style.outline = 'none'; }")
        with pytest.raises(AssertionError, match="faint"):
            await check_page(page)
        await page.goto(f"{browser.url}/about")
        await page.evaluate(
            "() => { const i = new Image(); i.alt = ''; i.src = 'http://elsewhere.invalid/x.png'; document.body.append(i); }"
        )
        with pytest.raises(AssertionError, match="elsewhere"):
            await check_page(page, keyboard=False)

"""Playwright's trace viewer, served for the traces that runs have kept; a hostile trace runs nothing."""

import io
import zipfile
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, expect

from melanzana.reports import trace_viewer
from support_app import running_app
from support_browser import open_browser, screenshot, watch_of
from support_runs import Runs

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
#: What a page cannot put into a trace by itself, but whoever forges a trace can.
_FORGED = (b'"data-probe":"1"', b'"onerror":"top.document.title=\'taken over\'"')


async def _trace(context: BrowserContext, folder: Path) -> bytes:
    """Of a small page with a button that was pressed; an attribute of it is forged into a script."""
    await context.tracing.start(snapshots=True, screenshots=True)
    page = await context.new_page()
    await page.set_content("<h1>Two lamps</h1><button>Buy</button><img data-probe='1' src='data:,x'>")
    await page.get_by_role("button", name="Buy").click()
    await context.tracing.stop(path=folder / "trace.zip")
    await page.close()
    forged = io.BytesIO()
    with zipfile.ZipFile(folder / "trace.zip") as source, zipfile.ZipFile(forged, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, content.replace(*_FORGED) if name.endswith(".trace") else content)
    assert b"taken over" in b"".join(zipfile.ZipFile(forged).read(name) for name in zipfile.ZipFile(forged).namelist())
    return forged.getvalue()


async def test_a_trace_opens_from_its_run_and_runs_nothing(tmp_path: Path) -> None:
    """One click from the run to the viewer, in our own origin and under its own policy; the snapshot shows the page, and a
    script that somebody forged into it does not run; strangers are sent to the login."""
    async with open_browser(tmp_path) as browser:
        content = await _trace(browser.context, tmp_path)
        await browser.log_in()
        runs = await Runs.of(browser.services)
        run = await runs.run(files=[runs.keep("trace.zip", content, "application/zip")], perform=True)
        page = await browser.open_page(f"/runs/{run.run_id}")
        await page.locator("#kept").get_by_role("link", name="Open trace").click()
        await page.get_by_text("Click", exact=False).first.click()
        frame = page.frame_locator("iframe[name='snapshot']:visible").first
        await expect(frame.get_by_role("heading", name="Two lamps")).to_be_visible()
        assert await page.title() != "taken over"
        watched = watch_of(page)
        assert [error for error in watched.errors if "can escape its sandboxing" not in error] == []  # the viewer's own doing
        assert watched.elsewhere == []
        await screenshot(page, "trace-viewer")
        await browser.log_out()
        strange = await browser.open_page("/trace/")
        await strange.get_by_role("heading", name="Log in").wait_for()


async def test_without_playwright_the_viewer_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named, and what works without it."""
    monkeypatch.setattr(trace_viewer, "_files", dict)
    async with running_app(tmp_path) as app:
        answer = await app.http.get("/trace/sw.bundle.js")
        assert answer.status_code == 404 and "melanzana[page]" in answer.text and "show-trace" in answer.text

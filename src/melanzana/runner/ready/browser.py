"""The fixture `page`: a page of Chromium for the run, driven by Playwright, with a picture before each step and of each failure.

Playwright's own Chromium is taken where it was installed, else the system's. The trace of the whole run, one group a step, is kept
at its end; `playwright show-trace trace.zip` opens it.
"""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from melanzana.runner.authoring import attach, observe
from melanzana.runner.ready.address import base_url

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Playwright

_SYSTEM = ("chromium", "chromium-browser", "google-chrome")
_MISSING = "the fixture `page` needs Playwright: install melanzana[page] where the agent runs"
_NO_BROWSER = "there is no Chromium here: `playwright install chromium`, or install the package chromium"


def page() -> Iterator["Page"]:
    """The page; browser and trace end with the run. Errors: RuntimeError naming what is not installed."""
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415
    except ImportError as error:
        raise RuntimeError(_MISSING) from error
    with sync_playwright() as playwright, TemporaryDirectory() as folder:
        browser = _launched(playwright)
        context = browser.new_context(base_url=base_url() or None)
        context.tracing.start(screenshots=True, snapshots=True)
        opened = context.new_page()
        observe(_Steps(context, opened))
        try:
            yield opened
        finally:
            _close(context, browser, Path(folder) / "trace.zip")


def _launched(playwright: "Playwright") -> "Browser":
    kind = playwright.chromium
    if Path(kind.executable_path).exists():
        return kind.launch()
    program = next(filter(None, map(shutil.which, _SYSTEM)), None)
    if program is None:
        raise RuntimeError(_NO_BROWSER)
    return kind.launch(executable_path=program, args=["--disable-dev-shm-usage"])


def _close(context: "BrowserContext", browser: "Browser", trace: Path) -> None:
    context.tracing.stop(path=trace)
    attach("trace.zip", trace.read_bytes(), "application/zip")
    context.close()
    browser.close()


class _Steps:
    """Takes the pictures and names the groups of the trace."""

    def __init__(self, context: "BrowserContext", opened: "Page") -> None:
        self._context, self._page = context, opened
        self._in_group = False

    def begins(self, name: str) -> None:
        self._context.tracing.group(name)
        self._in_group = True
        self._picture("before.png")

    def ends(self, name: str, passed: bool) -> None:
        if not passed:
            self._picture("failure.png", full_page=True)
            attach("address.txt", f"{name}: {self._page.url}\n", "text/plain")
        if self._in_group:
            self._context.tracing.group_end()
            self._in_group = False

    def _picture(self, name: str, **options: Any) -> None:
        """A page that was closed, or that does not answer, has none."""
        with suppress(Exception):
            if self._page.url != "about:blank":
                attach(name, self._page.screenshot(timeout=5_000, **options), "image/png")

"""The whole server on a real socket, and Debian's Chromium in front of it; page tests of every room use it.

    async with open_browser(tmp_path) as browser:
        await browser.log_in(Role.ADMIN)
        page = await browser.open_page("/system/api-access")
        await check_page(page)

Server, services and browser share the test's event loop, so a test can await a service's verb and then look at the page. Pictures
are written to the folder that MELANZANA_SCREENSHOTS names, else nowhere.
"""

import asyncio
import contextlib
import os
import shutil
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from axe_playwright_python.async_playwright import Axe
from axe_playwright_python.base import AxeResults
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, async_playwright
from starlette.responses import Response

from melanzana.access.permissions import Role
from melanzana.clock import SystemClock
from melanzana.server.app import create_app
from melanzana.server.services import Services, open_services
from melanzana.server.settings import ServerSettings
from melanzana.users.cookies import set_session_cookie
from melanzana.users.records import NewUser, User
from support_people import OPERATOR, PASSWORD

MISSING = "there is no Chromium on this machine: run scripts/setup dev as root, or apt-get install chromium"
WIDE, NARROW, PHONE = 1400, 800, 400
THEMES = ("light", "dark")
#: More focus stops than any page of ours has.
MOST_STOPS = 400

_INTERACTIVE = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']"
_LIST_STOPS = f"""() => {{
  const seen = (e) => e.checkVisibility({{checkVisibilityCSS: true}}) && !e.matches(':disabled') && e.tabIndex >= 0;
  const radios = new Set();
  window.stops = [...document.querySelectorAll("{_INTERACTIVE}")].filter(seen).filter((e) => {{
    if (e.type !== 'radio') return true;
    const group = (e.form?.action ?? '') + e.name;
    return !radios.has(group) && radios.add(group);
  }});
  document.activeElement?.blur();
  return window.stops.map((e) => e.outerHTML.slice(0, 160));
}}"""
_FOCUSED = """() => {
  const e = document.activeElement;
  const style = getComputedStyle(e);
  const ring = (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none';
  let stop = window.stops.indexOf(e);
  if (stop < 0 && e.type === 'radio') stop = window.stops.findIndex((o) => o.type === 'radio' && o.name === e.name);
  return {stop, ring, body: e === document.body, what: e.outerHTML.slice(0, 160)};
}"""


@dataclass
class Watched:
    """What a page did that it should not have done."""

    origin: str
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def on_console(self, message: ConsoleMessage) -> None:
        own_status = "Failed to load resource" in message.text and message.location.get("url") == (message.page or _NO_PAGE).url
        if message.type in {"error", "warning"} and not own_status:
            self.errors.append(f"{message.text} ({message.location.get('url')})")

    def on_request(self, request: Request) -> None:
        if not request.url.startswith((self.origin, "data:", "blob:")):
            self.elsewhere.append(request.url)


class _NoPage:
    url = ""


_NO_PAGE: Any = _NoPage()
_watched: dict[Page, Watched] = {}
_shared: list[Browser] = []


@dataclass
class OpenBrowser:
    """A running server, and a browser that has one person in front of it."""

    services: Services
    url: str
    context: BrowserContext

    async def open_page(self, path: str, *, status: int | None = 200) -> Page:
        """A new tab at that path, watched from its first byte; AssertionError when the answer has another status."""
        page = await self.context.new_page()
        watched = _watched[page] = Watched(self.url)
        page.on("console", watched.on_console)
        page.on("pageerror", lambda error: watched.errors.append(str(error)))
        page.on("request", watched.on_request)
        page.on("close", lambda closed: _watched.pop(closed, None))
        answer = await page.goto(self.url + path)
        assert answer is not None
        assert status is None or answer.status == status, f"{path}: {answer.status}"
        return page

    async def log_in(self, role: Role = Role.ADMIN, username: str = "ada") -> User:
        """A new person of that role is logged in from now on: their session's cookie is set directly."""
        users = self.services.users
        realm = self.services.settings.realm
        new = NewUser(username=username, name=username.title(), role=role, password=PASSWORD)
        person = await users.accounts.create(realm, new, OPERATOR)
        opened = await users.sessions.open(person, "127.0.0.1", "Chromium")
        answer = Response()
        set_session_cookie(answer, opened.token, self.url)
        name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
        await self.context.add_cookies([{"name": name, "value": value, "url": self.url, "httpOnly": True, "sameSite": "Lax"}])
        return person

    async def log_out(self) -> None:
        """Forget every cookie."""
        await self.context.clear_cookies()


@contextlib.asynccontextmanager
async def open_browser(data: Path, *, javascript: bool = True, **settings: Any) -> AsyncIterator[OpenBrowser]:
    """A server over `data` (extra keywords are its settings) and a browser window; both are gone at the end."""
    async with serving(data, **settings) as (services, url), open_window(services, url, javascript=javascript) as window:
        yield window


@contextlib.asynccontextmanager
async def open_window(services: Services, url: str, *, javascript: bool = True) -> AsyncIterator[OpenBrowser]:
    """A browser window of its own, with no cookie yet, in front of a server that runs."""
    async with chromium() as browser:
        context = await browser.new_context(
            viewport={"width": WIDE, "height": 900}, java_script_enabled=javascript, reduced_motion="reduce", base_url=url
        )
        context.set_default_timeout(20_000)
        yield OpenBrowser(services, url, context)
        await context.close()


@contextlib.asynccontextmanager
async def serving(data: Path, **settings: Any) -> AsyncIterator[tuple[Services, str]]:
    """The server in this event loop, on a free port of the loopback address, without agents beside it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        chosen = ServerSettings(**{"data": data, "port": port, "public_url": url, "agent": False, **settings})
        async with _served(chosen, listening) as services:
            yield services, url


@contextlib.asynccontextmanager
async def _served(chosen: ServerSettings, listening: socket.socket) -> AsyncIterator[Services]:
    async with open_services(chosen, SystemClock()) as services:
        app = create_app(chosen, services)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", server_header=False))
        task = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started and not task.done():
            await asyncio.sleep(0.01)
        try:
            yield services
        finally:
            services.release_polls()
            server.should_exit = True
            await task


@contextlib.asynccontextmanager
async def shared_chromium() -> AsyncIterator[None]:
    """As long as this is open, every window of this event loop belongs to one Chromium (fixture `one_chromium`)."""
    async with chromium() as browser:
        _shared.append(browser)
        try:
            yield
        finally:
            _shared.remove(browser)


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Debian's Chromium, the shared one if there is one; AssertionError with one clear line when this machine has none."""
    if _shared:
        yield _shared[-1]
        return
    program = shutil.which("chromium")
    assert program is not None, MISSING
    options = ["--no-sandbox"] if hasattr(os, "getuid") and os.getuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=options)
        try:
            yield browser
        finally:
            await browser.close()


async def check_page(page: Page, *, keyboard: bool = True, ours: bool = True) -> None:
    """Everything that every page of ours keeps: accessible in light and dark, works by keyboard, loads nothing from elsewhere.

    `ours` False leaves only the last: what the page loads, and that nothing in it fails. Raises AssertionError naming what is
    broken and on which element.
    """
    await page.wait_for_load_state("load")
    for theme in THEMES if ours else ():
        await page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        found = await accessibility(page)
        assert not found.violations_count, f"{page.url} ({theme}): {_violations(found)}"
    if keyboard and ours:
        await check_keyboard(page)
    watched = _watched[page]
    assert watched.errors == [], f"{page.url}: {watched.errors}"
    assert watched.elsewhere == [], f"{page.url} asks other hosts: {watched.elsewhere}"


def watch_of(page: Page) -> Watched:
    """What a page did that it should not have done, for tests of pages that are not ours."""
    return _watched[page]


async def accessibility(page: Page) -> AxeResults:
    """What axe-core finds, best practices included."""
    return await Axe().run(page)


def _violations(found: AxeResults) -> str:
    lines = []
    for violation in found.response["violations"]:
        nodes = [f"{node['html'][:160]} [{node.get('failureSummary', '')}]" for node in violation["nodes"][:3]]
        lines.append(f"{violation['id']}: {violation['help']}: {' | '.join(nodes)}")
    return "\n".join(lines)


async def check_keyboard(page: Page) -> None:
    """Tab reaches every interactive element that is shown, and each shows that it has the focus."""
    # What is exchanged while somebody tabs through the page is the same elements anew: here each is to be met once.
    await page.evaluate("for (const live of document.querySelectorAll('[data-live]')) live.removeAttribute('data-live')")
    stops = await page.evaluate(_LIST_STOPS)
    reached: set[int] = set()
    for _ in range(min(len(stops) * 2 + 5, MOST_STOPS)):
        await page.keyboard.press("Tab")
        focused = await page.evaluate(_FOCUSED)
        if not focused["body"]:
            assert focused["ring"], f"{page.url}: nothing shows the focus on {focused['what']}"
        reached.add(focused["stop"])
        if reached >= set(range(len(stops))):
            return
    lost = [stops[index] for index in range(len(stops)) if index not in reached]
    assert lost == [], f"{page.url}: Tab never reaches {lost}"


async def screenshot(page: Page, name: str, widths: tuple[int, ...] = (WIDE, NARROW)) -> None:
    """Pictures of the whole page in each theme and width, when somebody wants to look at them."""
    folder = os.environ.get("MELANZANA_SCREENSHOTS")
    if not folder:
        return
    for theme in THEMES:
        await page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        for width in widths:
            await page.set_viewport_size({"width": width, "height": 900})
            await page.screenshot(path=Path(folder) / f"{name}-{theme}-{width}.png", full_page=True)
    await page.set_viewport_size({"width": WIDE, "height": 900})

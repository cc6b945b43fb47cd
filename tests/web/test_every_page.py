"""What holds for every page of the server, found by walking its route table."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Page

from melanzana.access.permissions import Role
from melanzana.server.services import Services
from melanzana.web.pages import CONTENT_POLICY
from support_app import running_app
from support_browser import PHONE, WIDE, OpenBrowser, check_page, open_window, screenshot, serving
from support_page_routes import FOR_STRANGERS, OTHERS_WORK, PageRoute, addresses, filled, page_routes

pytestmark = pytest.mark.anyio
HTML = {"Accept": "text/html,application/xhtml+xml"}
#: Pages that there are; more are welcome, fewer mean that the walk lost some.
LEAST_PAGES = 20
#: Slashes in the address of a page that is named in the header.
DEEP = 2
#: From this status on an answer is the server's own fault.
ERROR = 500


@pytest.mark.parametrize("public_url", ["http://server", "https://server"])
async def test_62_every_page_carries_the_security_headers(tmp_path: Path, public_url: str) -> None:
    """Policy, sniffing, framing, referrer, storage, opener; by https also that browsers come back by https."""
    async with running_app(tmp_path, public_url=public_url) as app:
        parameters = await addresses(app.services)
        found = page_routes(app.services)
        assert len(found) >= LEAST_PAGES
        for address in [*(filled(route, parameters) for route in found), "/nowhere", "/system/nowhere"]:
            answer = await app.http.get(address, headers=HTML)
            given = answer.headers
            assert answer.status_code < ERROR, address
            assert given["x-content-type-options"] == "nosniff", address
            assert given["x-frame-options"] == "DENY", address
            assert given["referrer-policy"] == "no-referrer", address
            assert given["cross-origin-opener-policy"] == "same-origin", address
            assert given["cross-origin-resource-policy"] == "same-origin", address
            assert ("strict-transport-security" in given) == public_url.startswith("https"), address
            policy = given["content-security-policy"]
            assert "frame-ancestors 'none'" in policy, address
            if "text/html" in given.get("content-type", ""):
                assert address in OTHERS_WORK or policy == CONTENT_POLICY, address
                assert given["cache-control"] == "no-store", address
            assert "unsafe" not in policy.partition("style-src")[0], address


@dataclass(frozen=True)
class Site:
    """One server with one thing of each kind, for every walk of this module."""

    services: Services
    url: str
    parameters: dict[str, str]

    @property
    def for_members(self) -> list[PageRoute]:
        return [route for route in page_routes(self.services) if route.path not in FOR_STRANGERS]

    @property
    def for_strangers(self) -> list[PageRoute]:
        return [route for route in page_routes(self.services) if route.path in FOR_STRANGERS]


@pytest.fixture(scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory, one_chromium: None) -> AsyncIterator[Site]:
    async with serving(tmp_path_factory.mktemp("every-page")) as (services, url):
        yield Site(services, url, await addresses(services))


@pytest.mark.slow
async def test_every_page_works_for_everybody(site: Site) -> None:
    """In Chromium under its policy: accessible in light and dark, by keyboard, without a console error, from this server alone."""
    async with open_window(site.services, site.url) as window:
        wrong = await _problems(window, site.for_strangers, site.parameters)
        await window.log_in(Role.ADMIN, "ada")
        wrong += await _problems(window, site.for_members, site.parameters)
        assert not wrong, "\n\n".join(wrong)


async def _problems(window: OpenBrowser, routes: list[PageRoute], parameters: dict[str, str]) -> list[str]:
    wrong = []
    page = await window.open_page("/about")
    for route in routes:
        answer = await page.goto(window.url + filled(route, parameters))
        try:
            assert answer is not None and answer.status < ERROR, f"{page.url} answers {answer and answer.status}"
            if route.path in OTHERS_WORK:
                await page.get_by_text("Model-based test execution").first.wait_for()
            else:
                assert await _fits(page), f"{page.url} is wider than a small window"
            await check_page(page, ours=route.path not in OTHERS_WORK)
        except AssertionError as error:
            wrong.append(f"{route.path}: {error}")
        await screenshot(page, f"page-{route.slug}")
    await page.close()
    return wrong


async def _fits(page: Page) -> bool:
    """Whether nothing sticks out sideways at 400 pixels; wide tables scroll in their own frame."""
    await page.set_viewport_size({"width": PHONE, "height": 800})
    width = await page.evaluate("document.documentElement.scrollWidth")
    await page.set_viewport_size({"width": WIDE, "height": 900})
    return bool(width <= PHONE)


@pytest.mark.slow
async def test_every_page_can_be_read_without_script(site: Site) -> None:
    """Heading, navigation and content are in the HTML; what only script can do is not shown."""
    async with open_window(site.services, site.url, javascript=False) as window:
        await window.log_in(Role.ADMIN, "emmy")
        page = await window.open_page("/about")
        for route in site.for_members:
            if route.path in OTHERS_WORK:
                continue
            await page.goto(window.url + filled(route, site.parameters))
            assert await page.locator("h1").is_visible(), route.path
            assert await page.locator("main").inner_text(), route.path
            assert await page.locator(".js-only:visible").count() == 0, route.path


@pytest.mark.slow
async def test_every_page_keeps_the_navigation_and_says_where_it_is(site: Site) -> None:
    """Below System: one title for each page, one first heading, and a page below a list leads back to it."""
    async with open_window(site.services, site.url, javascript=False) as window:
        await window.log_in(Role.ADMIN, "sofia")
        page = await window.open_page("/about")
        titles: dict[str, str] = {}
        for route in site.for_members:
            if not route.path.startswith("/system/"):
                continue
            await page.goto(window.url + filled(route, site.parameters))
            assert await page.locator("h1").count() == 1, route.path
            heading = await page.title()
            assert heading.endswith(" · Melanzana"), route.path
            assert titles.setdefault(heading, route.path) == route.path or route.path.endswith("{realm}"), heading
            if route.path.count("/") > DEEP:
                assert await page.locator("nav.trail a").count() == 1, route.path

"""What holds for every page of the server, found by walking its route table."""

from pathlib import Path

import pytest

from melanzana.access.permissions import Role
from melanzana.web.pages import CONTENT_POLICY
from support_app import running_app
from support_browser import OpenBrowser, check_page, open_browser, screenshot
from support_page_routes import FOR_STRANGERS, OTHERS_WORK, PageRoute, addresses, filled, page_routes

pytestmark = pytest.mark.anyio
HTML = {"Accept": "text/html,application/xhtml+xml"}
#: Pages that there are; more are welcome, fewer mean that the walk lost some.
LEAST_PAGES = 15


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


@pytest.mark.slow
async def test_every_page_works_for_everybody(tmp_path: Path) -> None:
    """In Chromium under its policy: accessible in light and dark, by keyboard, without a console error, from this server alone."""
    async with open_browser(tmp_path) as browser:
        setup = await browser.services.users.links.setup_address()
        assert setup is not None
        page = await browser.open_page(setup.removeprefix(browser.url))
        await check_page(page)
        await screenshot(page, "setup")
        await page.close()
        parameters = await addresses(browser.services)
        strangers = [route for route in page_routes(browser.services) if route.path in FOR_STRANGERS]
        wrong = await _problems(browser, strangers, parameters)
        await browser.log_in(Role.ADMIN)
        members = [route for route in page_routes(browser.services) if route.path not in FOR_STRANGERS]
        wrong += await _problems(browser, members, parameters)
        assert not wrong, "\n\n".join(wrong)


async def _problems(browser: OpenBrowser, routes: list[PageRoute], parameters: dict[str, str]) -> list[str]:
    wrong = []
    for route in routes:
        page = await browser.open_page(filled(route, parameters), status=None)
        try:
            if route.path in OTHERS_WORK:
                await page.get_by_text("Model-based test execution").first.wait_for()
            await check_page(page, ours=route.path not in OTHERS_WORK)
        except AssertionError as error:
            wrong.append(f"{route.path}: {error}")
        await screenshot(page, f"page-{route.slug}")
        await page.close()
    return wrong


@pytest.mark.slow
async def test_every_page_can_be_read_without_script(tmp_path: Path) -> None:
    """Heading, navigation and content are in the HTML; what only script can do is not shown."""
    async with open_browser(tmp_path, javascript=False) as browser:
        parameters = await addresses(browser.services)
        await browser.log_in(Role.ADMIN)
        for route in page_routes(browser.services):
            if route.path in OTHERS_WORK | FOR_STRANGERS:
                continue
            page = await browser.open_page(filled(route, parameters), status=None)
            assert await page.locator("h1").is_visible(), route.path
            assert await page.locator("main").inner_text(), route.path
            for hidden in await page.locator(".js-only").all():
                assert not await hidden.is_visible(), route.path
            await page.close()

"""System > API Access in Chromium: from Add New to the first token, and every page of it held to the house's rules."""

import csv
import re
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from playwright.async_api import Dialog, Page, expect

from melanzana.access.permissions import Role
from support_browser import check_page, open_browser, screenshot

pytestmark = [pytest.mark.slow, pytest.mark.anyio, pytest.mark.usefixtures("one_chromium")]
LIST = "/system/api-access"


async def _create(page: Page, name: str, description: str = "") -> None:
    await page.get_by_role("link", name="Add New").first.click()
    await page.get_by_label("Name", exact=True).fill(name)
    await page.get_by_label("Description").fill(description)
    await page.get_by_role("button", name="Create").click()


async def _credentials(page: Page, folder: Path) -> dict[str, str]:
    """Press Download and read the file."""
    async with page.expect_download() as waiting:
        await page.get_by_role("button", name="Download").click()
    download = await waiting.value
    file = folder / download.suggested_filename
    await download.save_as(file)
    (row,) = csv.DictReader(file.read_text("utf-8").splitlines())
    return row


async def _token(row: dict[str, str]) -> httpx.Response:
    fields = {"grant_type": "client_credentials", "client_id": row["client_id"], "client_secret": row["client_secret"]}
    async with httpx.AsyncClient() as http:
        return await http.post(row["token_url"], data=fields)


@pytest.mark.parametrize("javascript", [True, False])
async def test_from_add_new_to_the_first_token(tmp_path: Path, javascript: bool) -> None:
    """With script and without: create, download, get a token with the file, call the API, revoke, and be refused at once."""
    async with open_browser(tmp_path / "data", javascript=javascript) as browser:
        await browser.log_in()
        page = await browser.open_page(LIST)
        await expect(page.get_by_text("No API clients. CI needs one: Add New.")).to_be_visible()
        await _create(page, "nightly run (7)", "Nightly regression")
        await expect(page.get_by_text("This secret is shown once.")).to_be_visible()
        row = await _credentials(page, tmp_path)
        answer = await _token(row)
        assert answer.status_code == 200
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        async with httpx.AsyncClient(base_url=browser.url, headers=headers) as http:
            assert (await http.get("/ai/runs")).status_code == 200
            assert (await http.get("/client_service/api/v1/clients")).status_code == 403
            await page.get_by_role("link", name="Done").click()
            await page.get_by_role("link", name="nightly run (7)").click()
            await page.get_by_text("Revoke", exact=True).first.click()
            await page.get_by_label(re.compile("Type nightly run")).fill("nightly run (7)")
            await page.get_by_role("button", name="Revoke").click()
            await expect(page.get_by_text("Revoked. The client and its access tokens are refused")).to_be_visible()
            assert (await http.get("/ai/runs")).status_code == 401
        assert (await _token(row)).status_code == 401


async def test_every_page_keeps_the_rules(tmp_path: Path) -> None:
    """Table, form, form with an error, result, client: accessible in light and dark, all by keyboard, no console error."""
    async with open_browser(tmp_path / "data") as browser:
        await browser.log_in()
        page = await browser.open_page(LIST)
        await check_page(page)
        await screenshot(page, "api-access-empty")
        await page.get_by_role("link", name="Add New").first.click()
        await page.get_by_text("More options").click()
        await check_page(page)
        await screenshot(page, "api-access-new")
        await page.get_by_label("Name", exact=True).fill("release gate")
        await page.get_by_label("Description").fill("Starts the smoke suite before a release")
        await page.get_by_label("Read only").check()
        await page.get_by_label("Allowed addresses").fill("192.0.2.7/24")
        await page.get_by_role("button", name="Create").click()
        await expect(page.get_by_text("write 192.0.2.0/24")).to_be_visible()
        await check_page(page)
        await screenshot(page, "api-access-wrong")
        await page.get_by_label("Allowed addresses").fill("192.0.2.0/24")
        await page.get_by_role("button", name="Create").click()
        await expect(page.get_by_text("This secret is shown once.")).to_be_visible()
        await check_page(page)
        await screenshot(page, "api-access-secret")
        await _credentials(page, tmp_path)
        await page.get_by_role("link", name="Done").click()
        await check_page(page)
        await screenshot(page, "api-access-table")
        await page.get_by_role("link", name="release gate").click()
        await page.get_by_text("Revoke", exact=True).first.click()
        await page.get_by_text("Regenerate", exact=True).first.click()
        await page.get_by_text("More options").click()
        await check_page(page)
        await screenshot(page, "api-access-client")


async def test_by_keyboard_alone(tmp_path: Path) -> None:
    """A client is made without the mouse: the keys lead to the page, Tab and Enter do the rest."""
    async with open_browser(tmp_path / "data") as browser:
        await browser.log_in()
        page = await browser.open_page("/")
        await page.keyboard.press("g")
        await page.keyboard.press("a")
        await page.wait_for_url(f"**{LIST}")
        await page.get_by_role("link", name="Add New").first.focus()
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**{LIST}/new")
        await page.get_by_label("Name", exact=True).focus()
        await page.keyboard.type("by keyboard")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="Download")).to_be_visible()
        (client,) = await browser.services.clients.list_clients("eggplant")
        assert client.name == "by keyboard"


async def test_the_secret_is_shown_once(tmp_path: Path) -> None:
    """Masked until it is asked for; leaving without having kept it asks; a reload shows the table and makes no second client."""
    async with open_browser(tmp_path / "data") as browser:
        await browser.log_in()
        page = await browser.open_page(LIST)
        await _create(page, "ci")
        secret = page.get_by_label("Client secret", exact=True)
        await expect(secret).to_have_text(re.compile("^•+$"))
        await page.get_by_role("button", name="Show").click()
        await expect(secret).to_have_text(re.compile(r"^mlz_[0-9A-Za-z]{43}$"))
        shown = await secret.text_content()
        assert shown
        asked: list[str] = []

        async def stay(dialog: Dialog) -> None:
            asked.append(dialog.type)
            await dialog.dismiss()

        page.once("dialog", stay)
        await page.get_by_role("link", name="Done").click(no_wait_after=True)
        await expect(secret).to_have_text(shown)
        assert asked == ["beforeunload"]
        page.once("dialog", lambda dialog: dialog.accept())
        await page.reload()
        await expect(page.get_by_role("heading", name="API Access")).to_be_visible()
        assert shown not in await page.content()
        assert len(await browser.services.clients.list_clients("eggplant")) == 1
        await page.go_back()
        assert shown not in await page.content()


async def test_nothing_is_asked_after_the_download(tmp_path: Path) -> None:
    """Whoever has the file may go; a second press finds it gone, and says what to do."""
    async with open_browser(tmp_path / "data") as browser:
        await browser.log_in()
        page = await browser.open_page(LIST)
        await _create(page, "ci")
        await _credentials(page, tmp_path)
        asked: list[str] = []
        page.on("dialog", lambda dialog: asked.append(dialog.type))
        await page.get_by_role("button", name="Download").click()
        await expect(page.get_by_role("heading", name="This file was downloaded")).to_be_visible()
        await check_page(page)
        await page.get_by_role("main").get_by_role("link", name="API Access").click()
        await expect(page.get_by_role("link", name="ci", exact=True)).to_be_visible()
        assert asked == []


async def test_without_script_a_reload_makes_no_second_client(tmp_path: Path) -> None:
    """The browser sends the form again, and the server knows it."""
    async with open_browser(tmp_path / "data", javascript=False) as browser:
        await browser.log_in()
        page = await browser.open_page(LIST)
        await _create(page, "ci")
        await expect(page.get_by_text(re.compile("mlz_"))).to_be_visible()
        await page.reload()
        await expect(page.get_by_text("nothing was done again")).to_be_visible()
        assert len(await browser.services.clients.list_clients("eggplant")) == 1


async def test_no_68_hostile_names_run_nothing(tmp_path: Path) -> None:
    """Names that look like code are text on every page, in the question before revoking too."""
    names = ["<img src=x onerror=alert(1)>", '"><script>alert(1)</script>', "'); alert(1); ('"]
    async with open_browser(tmp_path / "data") as browser:
        await browser.log_in()
        page = await browser.open_page(LIST)
        page.on("dialog", lambda dialog: pytest.fail(f"{dialog.type}: {dialog.message}") if dialog.type == "alert" else None)
        for name in names:
            await _create(page, name, name)
            await _credentials(page, tmp_path)
            await page.get_by_role("link", name="Done").click()
            await expect(page.get_by_role("link", name=name, exact=True)).to_be_visible()
        await check_page(page, keyboard=False)
        client = next(each for each in await browser.services.clients.list_clients("eggplant") if each.name == names[0])
        await page.goto(f"{browser.url}{LIST}/{quote(client.client_id)}")
        await page.get_by_text("Revoke", exact=True).first.click()
        await page.get_by_label(re.compile("Type <img")).fill(names[0])
        await page.get_by_role("button", name="Revoke").click()
        await expect(page.get_by_text("Revoked. The client and its access tokens are refused")).to_be_visible()
        await check_page(page, keyboard=False)


async def test_a_user_does_not_find_the_page(tmp_path: Path) -> None:
    """Without the permission there is no link, and the address answers 403."""
    async with open_browser(tmp_path / "data") as browser:
        await browser.log_in(Role.USER, username="lee")
        page = await browser.open_page(LIST, status=403)
        await expect(page.get_by_role("link", name="API Access")).to_have_count(0)

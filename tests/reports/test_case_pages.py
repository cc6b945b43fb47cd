"""Test cases in the browser: built from what can come next, kept, changed, made of a run, and what is refused."""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from melanzana.access.permissions import Role
from melanzana.graph.formats.text import read_text
from melanzana.users.records import NewUser
from support_app import RunningApp, running_app
from support_browser import check_page, open_browser, screenshot
from support_people import OPERATOR, PASSWORD
from support_reports import fails_at
from support_runs import REALM, Runs

pytestmark = pytest.mark.anyio
SHOP = """
model: Shop
start: Home
variables:
  basket: {type: integer, initial: 0}
states:
  Home: {actions: {search: Results, leave: exit}}
  Results:
    actions:
      add: {when: basket < 2, set: basket = basket + 1}
      pay: {when: basket > 0, to: Receipt}
      back: Home
  Receipt: {actions: {shop on: Home}}
test cases:
  look: {steps: [search, back], tags: [smoke]}
  window: {steps: [search, {action: add, with: {basket: 1}}]}
"""


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(tmp_path) as opened:
        await opened.services.catalog.add_model(REALM, None, None, read_text(SHOP), created_by="ada")
        users = opened.services.users
        person = await users.accounts.create(REALM, NewUser(username="ada", role=Role.USER, password=PASSWORD), OPERATOR)
        opened.http.cookies.set("melanzana", (await users.open_session(person, "192.0.2.7", "a browser")).token)
        yield opened


async def page_of(http: httpx.AsyncClient, path: str, status: int = 200) -> str:
    answer = await http.get(path, headers={"Accept": "text/html"}, follow_redirects=True)
    assert answer.status_code == status, answer.text
    return answer.text


def offers(page: str) -> dict[str, str]:
    """Each action that the page offers next, and where its link leads."""
    found = re.findall(r'<li><a class="button" href="([^"]+)">([^<]+)</a>', page)
    return {unescape(name): unescape(href) for href, name in found}


async def chosen(http: httpx.AsyncClient, page: str, *names: str) -> str:
    for name in names:
        page = await page_of(http, offers(page)[name])
    return page


async def save(http: httpx.AsyncClient, page: str, expect: int = 303, **fields: Any) -> httpx.Response:
    form = page.partition('action="/test-cases"')[2]
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form))
    answer = await http.post("/test-cases", data={**hidden, **fields}, headers={"Accept": "text/html"})
    assert answer.status_code == expect, answer.text
    return answer


async def test_only_what_can_come_next_is_offered(app: RunningApp) -> None:
    """Guards and data decide; the steps stand in the address; saved, the test case is part of the next version."""
    page = await page_of(app.http, "/test-cases/new?model=1")
    assert list(offers(page)) == ["search", "leave"]
    page = await chosen(app.http, page, "search", "add")
    assert list(offers(page)) == ["add", "pay", "back"]
    page = await chosen(app.http, page, "add")
    assert list(offers(page)) == ["pay", "back"]
    page = await chosen(app.http, page, "pay")
    assert "Then the walk is in <strong>Receipt</strong>" in page
    saved = await save(app.http, page, name="buy two", tags="smoke, money", description="Twice.")
    shown = await page_of(app.http, saved.headers["location"])
    assert "kept in version 2" in shown
    case = await app.services.catalog.test_case(REALM, 1, "buy two")
    assert (len(case.case.steps), case.case.tags, case.case.description) == (4, ("smoke", "money"), "Twice.")


async def test_the_way_to_another_action_is_inserted(app: RunningApp) -> None:
    """The shortest one that may be walked; what no path leads to is refused."""
    page = await page_of(app.http, "/test-cases/new?model=1")
    place = re.search(r'<option value="(\d+)">Results: pay</option>', page)
    assert place is not None
    page = await page_of(app.http, f"/test-cases/new?model=1&version=1&steps=&goto={place[1]}")
    assert re.findall(r'<th scope="row" class="breaks">([^<]+)</th>', page) == ["search", "add", "pay"]
    assert "choose an action" in await page_of(app.http, "/test-cases/new?model=1&goto=0.1", 422)


async def test_a_test_case_is_changed_and_keeps_what_steps_say(app: RunningApp) -> None:
    """Its id stays under a new name, and so do the values of a step that stays."""
    case = await app.services.catalog.test_case(REALM, 1, "window")
    page = await page_of(app.http, f"/test-cases/{case.id}")
    assert "basket = 1" in page
    page = await chosen(app.http, page, "pay")
    await save(app.http, page, name="window shopping", tags="", description="")
    kept = await app.services.catalog.test_case(REALM, 1, case.id)
    assert (kept.name, dict(kept.case.steps[1].parameters), len(kept.case.steps)) == ("window shopping", {"basket": 1}, 3)


async def test_what_is_wrong_is_said_beside_it(app: RunningApp) -> None:
    """A name that is taken, no name, no steps, steps that mean nothing, a test case that is not there; nothing is kept."""
    page = await chosen(app.http, await page_of(app.http, "/test-cases/new?model=1"), "search")
    refused = await save(app.http, page, 422, name="look")
    assert "there is a test case &#39;look&#39; already" in refused.text
    assert 'id="field-name-error"' in refused.text
    assert "a name is missing" in (await save(app.http, page, 422, name=" ")).text
    assert "has no steps" in (await save(app.http, page, 422, name="x", steps="")).text
    for path, status in (("new?model=1&steps=77", 422), ("new?model=9", 404), ("99", 404), ("new?run=9", 404)):
        await page_of(app.http, f"/test-cases/{path}", status)
    assert (await app.http.post("/test-cases", data={"name": "x"})).status_code == 403
    assert (await app.services.catalog.get(REALM, 1)).version == 1


async def test_a_gap_and_a_dead_end_are_told(app: RunningApp) -> None:
    """After a change of the model: the first step that cannot follow, and whether a run can close the gap."""
    page = await page_of(app.http, "/test-cases/new?model=1&steps=3")
    assert "Step 1 does not follow directly; a run closes the gap" in page
    assert offers(page) == {}
    changed = SHOP.replace("search: Results, ", "").replace("test cases", "x: 1\ntest cases").partition("x: 1")[0]
    await app.services.catalog.add_model(
        REALM, None, None, read_text(changed + "test cases: {lost: {steps: [pay]}}"), created_by="ada"
    )
    lost = await app.services.catalog.test_case(REALM, 1, "lost")
    assert "Step 1 does not follow directly: step 1" in await page_of(app.http, f"/test-cases/{lost.id}")


async def test_the_list_is_searched_and_cases_are_copied_and_deleted(app: RunningApp) -> None:
    """Name, tag, without a tag, model."""
    for question, names in (
        ("", ["look", "window"]),
        ("tag:smoke", ["look"]),
        ("-tag:smoke", ["window"]),
        ("model:1 WIN", ["window"]),
    ):
        page = await page_of(app.http, f"/test-cases?q={question}")
        assert re.findall(r'<a href="/test-cases/\d+">([^<]+)</a>', page) == names
    assert "No test case answers" in await page_of(app.http, "/test-cases?q=model:9")
    page = await page_of(app.http, "/test-cases/1")
    token = {"csrf_token": re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]}
    copied = await app.http.post("/test-cases/1/duplicate", data=token)
    assert "look copy" in await page_of(app.http, copied.headers["location"])
    assert (await app.http.post("/test-cases/1/delete", data=token)).headers["location"].endswith("done=deleted")
    assert "look copy" in await page_of(app.http, "/test-cases")
    await page_of(app.http, "/test-cases/1", 404)


async def test_the_path_of_a_run_becomes_a_test_case(app: RunningApp) -> None:
    """The actions of its last attempt, in order, ready to be kept."""
    runs = await Runs.of(app.services)
    run = await runs.run(fails_at("leave"), perform=True, test_case="through")
    page = await page_of(app.http, f"/test-cases/new?run={run.run_id}")
    assert re.findall(r'<th scope="row" class="breaks">([^<]+)</th>', page) == ["open", "leave"]
    await save(app.http, page, name="as it failed")
    assert len((await app.services.catalog.test_case(REALM, runs.model_id, "as it failed")).case.steps) == 2


@pytest.mark.slow
async def test_a_person_builds_a_test_case_without_script(tmp_path: Path) -> None:
    """In Chromium, by links and one form; the page is accessible with and without script."""
    async with open_browser(tmp_path) as window:
        await window.services.catalog.add_model(REALM, None, None, read_text(SHOP), created_by="ada")
        await window.log_in(Role.USER, "grace")
        page = await window.open_page("/test-cases/new")
        await page.get_by_role("link", name="Shop").click()
        for name in ("search", "add", "pay"):
            await page.get_by_role("link", name=name, exact=True).click()
        await page.get_by_role("heading", name="Steps").wait_for()
        await check_page(page)
        await screenshot(page, "case-building")
        await page.get_by_label("Name").fill("buy")
        await page.get_by_role("button", name="Save").click()
        await page.get_by_role("status").filter(has_text="kept in version 2").wait_for()
        await check_page(page)
        await screenshot(page, "case-kept")
        await window.open_page("/test-cases")

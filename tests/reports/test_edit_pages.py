"""Editing a model in the browser: by forms alone, by keyboard, by mouse; undo, two editors, and the text that comes of it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Page

from melanzana.access.permissions import Role
from melanzana.catalog import intake
from melanzana.graph.formats.text import read_text
from melanzana.server.services import Services
from melanzana.users.records import NewUser
from support_app import RunningApp, running_app
from support_browser import OpenBrowser, check_page, open_window, screenshot, serving
from support_executions import MODEL_TEXT
from support_people import OPERATOR, PASSWORD
from support_runs import REALM

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("one_chromium")]
EDIT = "/models/1/edit"
DRAWN = """model: Doors
start: Hall

states:
  Hall:
    actions:
      open: Room
  Room:
    actions:
      descend: Cellar
  Cellar:
    actions:
      leave: exit
"""


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(tmp_path) as running:
        await running.services.catalog.save(REALM, intake.read_text(f"# kept\n{MODEL_TEXT}".encode()), "ada")
        users = running.services.users
        person = await users.accounts.create(REALM, NewUser(username="ada", role=Role.USER, password=PASSWORD), OPERATOR)
        running.http.cookies.set("melanzana", (await users.open_session(person, "192.0.2.7", "a browser")).token)
        yield running


async def gesture(http: httpx.AsyncClient, op: str, expect: int = 303, **fields: Any) -> httpx.Response:
    """The form of the page, with the token and the state that it shows now unless others are given."""
    page = (await http.get(EDIT)).text
    shown = {name: page.partition(f'name="{name}" value="')[2].partition('"')[0] for name in ("csrf_token", "seen")}
    answer = await http.post(EDIT, data={**shown, "op": op, **fields})
    assert answer.status_code == expect, answer.text
    return answer


async def text_of(services: Services) -> str:
    version = await services.catalog.version(REALM, 1)
    return str(version.source)


async def test_everything_can_be_edited_by_forms(app: RunningApp) -> None:
    """Name, guard, assignments, code with inputs, weight, limit, tags, targets, variables: as an author would write them."""
    http = app.http
    draft = await app.services.drafts.read(REALM, 1)
    opening = draft.model.states[0].actions[0]
    answer = await gesture(
        http,
        "save",
        element=opening.id,
        name="open the door",
        to=[opening.targets[0]],
        add_to=next(state.id for state in draft.model.states if state.name == "Hall"),
        **{
            "field-when": "tries < 3",
            "field-set": "tries = tries + 1; mode = 'night'",
            "field-do": "doors:open",
            "field-with": "hard: tries > 1\nname: mode",
            "field-weight": "40",
            "field-limit": "2",
            "field-tags": "smoke, door",
            "field-requirements": "",
        },
    )
    assert "select=" in answer.headers["location"]
    await gesture(http, "save", element="", name="Doors", **{"field-variables": "tries: {type: integer, initial: 1}\nmode: text"})
    await gesture(http, "add_state", name="Cellar")
    text = (await http.get(EDIT + "/file")).text
    assert "variables:\n  tries: {type: integer, initial: 1}\n  mode: {type: text}\n" in text
    assert (
        """      open the door:
        to: [Room, Hall]
        when: tries < 3
        do: doors:open
        with: {hard: tries > 1, name: mode}
        set: {tries: tries + 1, mode: "'night'"}
        weight: 40
        limit: 2
        tags: [smoke, door]
"""
        in text
    )
    assert "through: {steps: [open the door, leave]}" in text
    page = (await http.get(EDIT + f"?select={read_text(text).states[0].actions[0].id}")).text
    assert 'value="tries = tries + 1; mode = &#39;night&#39;"' in page
    assert "hard: tries &gt; 1\nname: mode</textarea>" in page


async def test_what_is_wrong_stands_beside_its_field_and_nothing_is_lost(app: RunningApp) -> None:
    """A weight that is no number, code that cannot be read, a name that is taken; a broken guard is kept with its finding."""
    draft = await app.services.drafts.read(REALM, 1)
    action = draft.model.states[0].actions[0]
    sent = {"element": action.id, "select": action.id, "name": "open", "to": list(action.targets), "field-when": "tries < 2"}
    for field, text, words in (
        ("weight", "heavy", "weight is a whole number"),
        ("with", "a: [", "(line 1)"),
        ("with", "a: 1", "beside a single `do`"),
        ("kind", "sideways", "the `kind` of an action"),
    ):
        page = (await gesture(app.http, "save", 422, **sent, **{f"field-{field}": text})).text
        assert f'id="field-field-{field}-error"' in page
        assert words in page
        assert 'value="tries &lt; 2"' in page
    page = (await gesture(app.http, "add_state", 422, name="Hall")).text
    assert "there is a state &#39;Hall&#39; already" in page
    await gesture(app.http, "save", **(sent | {"field-when": "tries <"}))
    page = (await app.http.get(EDIT + f"?select={action.id}")).text
    assert 'id="field-field-when-error"' in page
    assert "1 findings are errors" in page
    refused = await gesture(app.http, "publish", 422)
    assert "Hall/open" in refused.text


async def test_comments_are_spoken_of_before_they_go(app: RunningApp) -> None:
    """The page says so; the version that had them keeps its text; a draft without changes publishes nothing."""
    assert "is a text with comments" in (await app.http.get(EDIT)).text
    await gesture(app.http, "add_state", name="Cellar")
    await gesture(app.http, "undo")
    assert "done=same" in (await gesture(app.http, "publish")).headers["location"]
    assert (await text_of(app.services)).startswith("# kept")


async def test_a_stranger_to_the_form_is_refused(app: RunningApp) -> None:
    """Without the session's token nothing is changed; with a wrong operation 422."""
    answer = await app.http.post(EDIT, data={"op": "add_state", "name": "Cellar", "seen": "*"})
    assert answer.status_code == 403
    assert "there is no operation" in (await gesture(app.http, "paint", 422)).text
    assert not (await app.services.drafts.read(REALM, 1)).is_open


@pytest.fixture(scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory, one_chromium: None) -> AsyncIterator[tuple[Services, str]]:
    async with serving(tmp_path_factory.mktemp("editing")) as served:
        yield served


async def begin(window: OpenBrowser, name: str) -> Page:
    """A new model with its first state, as people make it."""
    page = await window.open_page("/models/new")
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("First state").fill("Hall")
    await page.get_by_role("button", name="Draw it").click()
    await page.wait_for_url("**/edit*")
    return page


async def exported(page: Page) -> str:
    """The draft as text."""
    address = page.url.partition("?")[0] + "/file"
    return await (await page.request.get(address)).text()


async def typed(page: Page, key: str, *texts: str) -> None:
    """A key goes to a field; what is typed there is entered."""
    await page.locator("h1").click()
    await page.keyboard.press(key)
    for text in texts:
        await page.keyboard.type(text)
    await page.keyboard.press("Enter")


@pytest.mark.slow
async def test_three_states_are_drawn_by_keyboard(site: tuple[Services, str]) -> None:
    """Keys alone: states, actions, targets, undo and redo, rename; then publish. The text is what an author would write."""
    async with open_window(*site) as window:
        await window.log_in(Role.USER, "ada")
        page = await begin(window, "Doors")
        await typed(page, "n", "Room")
        await page.locator(".name", has_text="Room").wait_for()
        await typed(page, "n", "Basement")
        await page.locator(".name", has_text="Basement").wait_for()
        for state, action, target in (("Hall", "open", "Room"), ("Room", "descend", "Basement"), ("Basement", "leave", "exit")):
            await page.get_by_role("link", name=f"tate {state},").focus()
            await page.keyboard.press("Enter")
            await page.locator(".state.chosen .name", has_text=state).wait_for()
            await page.locator("h1").click()
            await page.keyboard.press("a")
            await page.keyboard.type(action)
            await page.get_by_label("Leads to").select_option(target)
            await page.keyboard.press("Enter")
            await page.locator(".row text", has_text=action).wait_for()
        await page.get_by_role("link", name="State Basement,").focus()
        await page.keyboard.press("Enter")
        await page.locator(".state.chosen .name", has_text="Basement").wait_for()
        await typed(page, "F2", "Cellar")
        await page.locator(".name", has_text="Cellar").wait_for()
        assert await exported(page) == DRAWN
        await page.locator("h1").click()
        await page.keyboard.press("Control+z")
        await page.locator(".name", has_text="Basement").wait_for()
        await page.keyboard.press("Control+Shift+Z")
        await page.locator(".name", has_text="Cellar").wait_for()
        assert await exported(page) == DRAWN
        await check_page(page)
        await screenshot(page, "edit-drawn")
        await page.get_by_role("button", name="Publish version 2").click()
        await page.wait_for_url("**/models/*?done=published")
        assert "version 2" in (await page.locator("main").inner_text()).lower()


@pytest.mark.slow
async def test_three_states_are_drawn_by_mouse(site: tuple[Services, str]) -> None:
    """Double click, drag a dot to an empty spot and to a card, drag a card; Esc lets go; a drag is no part of the text."""
    async with open_window(*site) as window:
        await window.log_in(Role.USER, "emmy")
        page = await begin(window, "Mouse doors")
        canvas = page.locator("#canvas")
        frame = await canvas.bounding_box()
        assert frame is not None
        await page.mouse.dblclick(frame["x"] + 500, frame["y"] + 60)
        await page.locator("#element input[name=name]").and_(page.locator("[value='State 1']")).wait_for()
        await page.keyboard.type("Room")
        await page.keyboard.press("Enter")
        await page.locator(".name", has_text="Room").wait_for()
        await page.get_by_label("Name", exact=True).nth(1).fill("descend")
        await page.get_by_role("button", name="Add action").click()
        await page.locator(".row").wait_for()
        await drag(page, ".row .handle", (frame["x"] + 500, frame["y"] + 420), release=False)
        await page.locator(".ghost").wait_for(state="attached")
        await page.keyboard.press("Escape")
        await page.mouse.up()
        assert await page.locator(".ghost").count() == 0
        await drag(page, ".row .handle", (frame["x"] + 500, frame["y"] + 420))
        await page.locator(".name", has_text="State 1").wait_for()
        hall = await page.locator(".state.start .title").bounding_box()
        assert hall is not None
        await drag(page, ".row .handle", (hall["x"] + 60, hall["y"] + 8))
        await page.locator("path.arrow").nth(1).wait_for(state="attached")
        before = await exported(page)
        assert "descend: [State 1, Hall]" in before
        card = page.locator(".state:has(.name:text-is('State 1'))")
        x = float(await card.get_attribute("data-x") or 0)
        await drag(page, ".state:has(.name:text-is('State 1')) .title", (frame["x"] + 300, frame["y"] + 500))
        await page.locator(f".state:has(.name:text-is('State 1')):not([data-x='{x:.0f}']):not([transform])").wait_for()
        assert await exported(page) == before
        await check_page(page)


async def drag(page: Page, start: str, end: tuple[float, float], *, release: bool = True) -> None:
    box = await page.locator(start).first.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await page.mouse.down()
    await page.mouse.move(end[0] - 20, end[1] - 20, steps=3)
    await page.mouse.move(*end, steps=3)
    if release:
        await page.mouse.up()


@pytest.mark.slow
async def test_two_editors_are_told_of_each_other(site: tuple[Services, str]) -> None:
    """The second one's gesture is refused with the first one's name, shown the difference, and made when they insist."""
    services, url = site
    async with open_window(services, url) as one, open_window(services, url) as other:
        await one.log_in(Role.USER, "grace")
        await other.log_in(Role.USER, "sofia")
        first = await begin(one, "Shared doors")
        second = await other.open_page(first.url.removeprefix(url).partition("?")[0])
        await typed(first, "n", "Attic")
        await first.locator(".name", has_text="Attic").wait_for()
        await typed(second, "n", "Cellar")
        alert = second.get_by_role("alert")
        await alert.wait_for()
        assert "Grace changed the model just now" in await alert.inner_text()
        await check_page(second)
        await screenshot(second, "edit-conflict")
        changes = await other.open_page(str(await second.get_by_role("link", name="Show what has changed").get_attribute("href")))
        assert "Attic" in await changes.locator("main").inner_text()
        await second.get_by_role("button", name="Do it all the same").click()
        await second.locator(".name", has_text="Cellar").wait_for()
        assert {"Attic", "Cellar"} <= {state.name for state in read_text(await exported(second)).states}


@pytest.mark.slow
async def test_the_outline_is_a_peer_without_script(site: tuple[Services, str]) -> None:
    """Without script: a state, an action and its target are added, changed and deleted from the outline."""
    async with open_window(*site, javascript=False) as window:
        await window.log_in(Role.USER, "lise")
        page = await begin(window, "Plain doors")
        await page.get_by_role("link", name="Outline").click()
        await page.get_by_label("Name of a new state").fill("Room")
        await page.get_by_role("button", name="Add state").click()
        await page.get_by_role("region", name="Model").get_by_role("link", name="Hall", exact=True).click()
        await page.locator("#new-action").fill("open")
        await page.get_by_label("Leads to").select_option("Room")
        await page.get_by_role("button", name="Add action").click()
        await page.get_by_label("When").fill("1 < 2")
        await page.get_by_role("button", name="Save", exact=True).click()
        assert "open: {to: Room, when: 1 < 2}" in await exported(page)
        await page.get_by_role("button", name="Delete").click()
        await page.get_by_role("button", name="Undo").click()
        assert "open: {to: Room, when: 1 < 2}" in await exported(page)
        assert await page.locator(".js-only:visible").count() == 0


async def test_versions_are_compared_in_sentences(app: RunningApp) -> None:
    """The last change when nothing is asked; any two by their numbers; a version that is not there is 404."""
    await gesture(app.http, "add_state", name="Cellar")
    assert "state &#39;Cellar&#39; is new" in (await app.http.get(EDIT + "/changes")).text
    await gesture(app.http, "publish")
    page = (await app.http.get("/models/1/versions")).text
    assert "From version 1 to version 2" in page and "state &#39;Cellar&#39; is new" in page
    assert "state &#39;Cellar&#39; is gone" in (await app.http.get("/models/1/versions?from=2&to=1")).text
    assert "Both mean the same" in (await app.http.get("/models/1/versions?from=2&to=2")).text
    assert (await app.http.get("/models/1/versions?from=9&to=1")).status_code == 404


@pytest.mark.slow
async def test_a_dropped_file_is_uploaded(site: tuple[Services, str]) -> None:
    """Anywhere on the page of models."""
    async with open_window(*site) as window:
        await window.log_in(Role.USER, "mary")
        page = await window.open_page("/models")
        text = MODEL_TEXT.replace("Doors", "Dropped doors")
        data = await page.evaluate_handle(
            "(text) => { const d = new DataTransfer(); d.items.add(new File([text], 'doors.yaml')); return d; }", text
        )
        await page.dispatch_event("h1", "dragover", {"dataTransfer": data})
        await page.dispatch_event("h1", "drop", {"dataTransfer": data})
        await page.wait_for_url("**/models/*?done=added")
        assert await page.locator("h1").inner_text() == "Dropped doors"

"""`/ai/models/{id}/draft`, `/layout` and test cases over HTTP: gestures, undo, two editors, publishing, and what is refused."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from melanzana.graph.formats.text import read_text
from support_app import SOMEBODY, RunningApp, running_app
from support_executions import MODEL_TEXT

pytestmark = pytest.mark.anyio
DRAFT = "/ai/models/1/draft"
CASES = "/ai/models/1/testcases"
COMMENTED = "# kept\n" + MODEL_TEXT


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[RunningApp]:
    """One model, and the token of an API client called `tests`."""
    async with running_app(tmp_path) as running:
        await running.sign_in()
        answer = await running.http.post("/ai/models", json={"modeljson": COMMENTED})
        assert answer.status_code == 201, answer.text
        yield running


async def call(http: httpx.AsyncClient, method: str, path: str, expect: int = 200, **kwargs: Any) -> dict[str, Any]:
    """With the newest ETag unless `etag` says another."""
    etag = kwargs.pop("etag", None) or (await http.get(DRAFT)).headers["ETag"]
    answer = await http.request(method, path, headers={"If-Match": etag}, **kwargs)
    assert answer.status_code == expect, answer.text
    return dict(answer.json()) if answer.content else {}


async def edit(http: httpx.AsyncClient, *edits: dict[str, Any], expect: int = 200, **kwargs: Any) -> dict[str, Any]:
    return await call(http, "POST", DRAFT + "/edits", expect, json={"edits": list(edits)}, **kwargs)


async def test_a_model_is_edited_taken_back_and_published(app: RunningApp) -> None:
    """Gestures make a draft; undo and redo are exact; publishing makes a version, and runs see nothing before."""
    http = app.http
    begun = (await http.get(DRAFT)).json()
    assert (begun["open"], begun["base_version"], begun["undo"]) == (False, 1, None)
    states = [begun["document"]]
    for name in ("Cellar", "Attic"):
        states.append((await edit(http, {"op": "add_state", "name": name}))["document"])
    assert (await http.get(DRAFT)).json()["undo"] == "added state 'Attic'"
    for document in states[1::-1]:
        assert (await call(http, "POST", DRAFT + "/undo"))["document"] == document
    assert (await call(http, "POST", DRAFT + "/undo", 409))["detail"] == "there is nothing to take back"
    for document in states[1:]:
        assert (await call(http, "POST", DRAFT + "/redo"))["document"] == document
    assert (await http.get("/ai/models/1")).json()["version"] == 1
    published = await call(http, "POST", DRAFT + "/publish")
    assert (published["open"], published["latest_version"]) == (False, 2)
    assert [one["version"] for one in (await http.get("/ai/models/1/versions")).json()] == [2, 1]
    assert "# kept" in (await http.get("/ai/models/1?version=1&format=text")).text
    assert read_text((await http.get("/ai/models/1?format=text")).text).states[2].name == "Cellar"


async def test_a_gesture_after_an_undo_ends_the_redo(app: RunningApp) -> None:
    """What was taken back and drawn over is gone."""
    await edit(app.http, {"op": "add_state", "name": "Cellar"})
    await call(app.http, "POST", DRAFT + "/undo")
    after = await edit(app.http, {"op": "add_state", "name": "Attic"})
    assert (after["undo"], after["redo"]) == ("added state 'Attic'", None)
    assert "Cellar" not in after["document"]["states"]


async def test_two_editors_do_not_overwrite_each_other(app: RunningApp) -> None:
    """Without a condition 428; with an old one 412, who changed it and when; the model keeps the first change."""
    seen = (await app.http.get(DRAFT)).headers["ETag"]
    await edit(app.http, {"op": "add_state", "name": "Cellar"}, etag=seen)
    refused = await edit(app.http, {"op": "add_state", "name": "Attic"}, etag=seen, expect=412)
    assert refused["code"] == "edit_conflict"
    assert refused["changed_by"].startswith("client:")
    assert refused["changed_at"].startswith("20")
    assert refused["etag"] == (await app.http.get(DRAFT)).headers["ETag"]
    without = await app.http.post(DRAFT + "/edits", json={"edits": [{"op": "add_state", "name": "Attic"}]})
    assert (without.status_code, without.json()["code"]) == (428, "condition_missing")
    assert "Attic" not in (await edit(app.http, {"op": "add_state", "name": "Loft"}, etag="*"))["document"]["states"]
    wrong = await edit(app.http, {"op": "add_state", "name": "Attic"}, etag="12", expect=422)
    assert wrong["detail"][0]["loc"] == ["body", "If-Match"]


async def test_all_edits_of_a_gesture_or_none(app: RunningApp) -> None:
    """The second one is wrong: the first one is not made; the answer names the field."""
    wrong = await edit(app.http, {"op": "add_state", "name": "Cellar"}, {"op": "add_state", "name": "Hall"}, expect=422)
    assert wrong["detail"][0]["loc"] == ["body", "name"]
    assert (await app.http.get(DRAFT)).json()["open"] is False


async def test_a_draft_may_be_wrong_and_a_version_may_not(app: RunningApp) -> None:
    """A broken guard is kept with its finding, and refused when it is published."""
    told = await edit(app.http, {"op": "change", "element": "Hall/open", "fields": {"when": "tries <"}})
    assert [one["field"] for one in told["findings"] if one["severity"] == "error"] == ["when"]
    refused = await call(app.http, "POST", DRAFT + "/publish", 422)
    assert refused["code"] == "model_invalid"
    assert (await app.http.get("/ai/models/1")).json()["version"] == 1


async def test_a_version_made_meanwhile_is_not_overwritten_unasked(app: RunningApp) -> None:
    """412 names who made it; `overwrite` publishes all the same."""
    await edit(app.http, {"op": "add_state", "name": "Cellar"})
    changed = await app.http.put("/ai/models/1", json={"modeljson": MODEL_TEXT.replace("leave", "go")})
    assert changed.json()["version"] == 2
    refused = await call(app.http, "POST", DRAFT + "/publish", 412)
    assert "made version 2 since this draft began from version 1" in refused["detail"]
    published = await call(app.http, "POST", DRAFT + "/publish", json={"overwrite": True})
    assert published["latest_version"] == 3
    assert "Cellar" in published["document"]["states"]


async def test_an_unchanged_model_keeps_its_text(app: RunningApp) -> None:
    """A draft that came back to what it was makes no version; the author's comments stay."""
    await edit(app.http, {"op": "add_state", "name": "Cellar"})
    await edit(app.http, {"op": "delete", "element": "Cellar"})
    assert (await call(app.http, "POST", DRAFT + "/publish"))["latest_version"] == 1
    assert "# kept" in (await app.http.get("/ai/models/1?format=text")).text


async def test_the_whole_model_is_replaced_or_discarded(app: RunningApp) -> None:
    """PUT takes any format, DELETE goes back to the newest version."""
    etag = (await app.http.get(DRAFT)).headers["ETag"]
    answer = await app.http.put(
        DRAFT, content=MODEL_TEXT.replace("Room", "Chamber"), headers={"If-Match": etag, "Content-Type": "application/yaml"}
    )
    assert "Chamber" in answer.json()["document"]["states"]
    assert answer.json()["modeluuid"] == (await app.http.get("/ai/models/1")).json()["modeluuid"]
    await call(app.http, "DELETE", DRAFT, 204)
    back = (await app.http.get(DRAFT)).json()
    assert (back["open"], "Chamber" in back["document"]["states"]) == (False, False)


async def test_the_layout_is_no_part_of_the_model(app: RunningApp) -> None:
    """Moving a card makes no version and no line of text; it follows a renamed state, and an undo takes it back."""
    moved = await call(app.http, "PUT", "/ai/models/1/layout", json={"boxes": {"Hall": [10, 20], "Room": [300, 0]}})
    assert moved["boxes"] == {"Hall": [10.0, 20.0], "Room": [300.0, 0.0]}
    await edit(app.http, {"op": "rename", "element": "Hall", "name": "Lobby"})
    assert (await app.http.get("/ai/models/1/layout")).json()["boxes"]["Lobby"] == [10.0, 20.0]
    assert "layout" not in (await app.http.get(DRAFT)).json()["document"]
    await call(app.http, "POST", DRAFT + "/undo")
    await call(app.http, "POST", DRAFT + "/undo")
    assert (await app.http.get("/ai/models/1/layout")).json()["boxes"] == {}
    wrong = await call(app.http, "PUT", "/ai/models/1/layout", 422, json={"boxes": {"Nowhere": [1, 2]}})
    assert wrong["detail"][0]["loc"] == ["body", "boxes"]


async def test_test_cases_are_added_changed_and_deleted(app: RunningApp) -> None:
    """In the words of the original product; each change is a version, and an open draft gets it, too."""
    await edit(app.http, {"op": "add_state", "name": "Cellar"})
    made = await app.http.post(
        CASES, json={"testcaseName": "out", "testcase": 'State "Hall", State "Room", Action "leave"', "tags": "smoke, door"}
    )
    assert made.status_code == 201, made.text
    assert [step["action"] for step in made.json()["steps"]] == ["open", "leave"]
    assert (made.json()["tags"], made.json()["testcase"]) == (["smoke", "door"], 'Action "open", Action "leave"')
    number = made.json()["id"]
    renamed = await app.http.put(f"{CASES}/{number}", json={"name": "in and out", "description": "Both doors.", "tags": []})
    assert (renamed.json()["id"], renamed.json()["name"], renamed.json()["tags"]) == (number, "in and out", [])
    draft = (await app.http.get(DRAFT)).json()
    assert (draft["base_version"], list(draft["document"]["test cases"])) == (3, ["through", "in and out"])
    assert "Cellar" in draft["document"]["states"]
    assert (await app.http.delete(f"{CASES}/{number}")).status_code == 204
    assert [one["name"] for one in (await app.http.get(CASES)).json()] == ["through"]


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"testcase": 'Action "open"'}, "testcaseName", "is missing"),
        ({"name": "x"}, "testcase", "has no steps"),
        ({"name": "through", "testcase": 'Action "open"'}, "name", "already"),
        ({"name": "x", "testcase": "open, leave"}, "testcase", "term 1 cannot be read"),
        ({"name": "x", "testcase": 'Action "opne"'}, "testcase", "no action is called"),
        ({"name": "x", "testcase": 'State "Exit"'}, "testcase", "no action leads from Hall to 'Exit'"),
        ({"name": "x", "steps": ["open", {"action": "fly"}]}, "steps", "no action is called"),
    ],
)
async def test_a_wrong_test_case_names_the_field(app: RunningApp, body: dict[str, Any], field: str, words: str) -> None:
    """422 with the field and the way out; no version is made."""
    answer = await app.http.post(CASES, json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"][0]["loc"] == ["body", field]
    assert words in answer.json()["detail"][0]["msg"]
    assert (await app.http.get("/ai/models/1")).json()["version"] == 1


async def test_reading_is_not_writing(app: RunningApp) -> None:
    """A token for reading sees the draft and changes nothing."""
    client = await app.services.clients.create_client("eggplant", "reader", actor=SOMEBODY, scopes=frozenset({"models:read"}))
    app.http.headers["Authorization"] = f"Bearer {await app.token(client.client_id, client.client_secret)}"
    assert (await app.http.get(DRAFT)).status_code == 200
    for method, path in (("POST", DRAFT + "/edits"), ("PUT", DRAFT), ("POST", CASES), ("PUT", "/ai/models/1/layout")):
        answer = await app.http.request(method, path, json={"edits": [{"op": "add_state"}], "boxes": {}}, headers={"If-Match": "*"})
        assert answer.status_code == 403, path

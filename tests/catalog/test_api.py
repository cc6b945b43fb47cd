"""`/ai/models` over HTTP: uploads in every form, versions, conditions, and answers that say what was wrong."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from melanzana.catalog.api import MAX_BODY
from melanzana.graph.formats.dai import write_dai
from melanzana.graph.formats.document import to_document
from melanzana.server.limits import BodyLimits
from support_executions import MODEL_TEXT, doors
from support_reports import House

pytestmark = pytest.mark.anyio

CHANGED_TEXT = MODEL_TEXT.replace("leave: {to: exit}", "leave: {to: exit}\n      stay: {}")


async def add(http: httpx.AsyncClient, modeljson: Any = MODEL_TEXT, expect: int = 201, **fields: Any) -> dict[str, Any]:
    answer = await http.post("/ai/models", json={"modeljson": modeljson, **fields})
    assert answer.status_code == expect, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize(
    ("modeljson", "source_format"),
    [
        (MODEL_TEXT, "text"),
        (to_document(doors()), "document"),
        (json.dumps(to_document(doors())), "document"),
        (write_dai(doors()), "dai"),
        (write_dai(doors())["definition"], "dai"),
        (json.dumps(write_dai(doors())), "dai"),
    ],
    ids=["text", "document", "document in a string", "DAI export", "bare DAI definition", "DAI in a string"],
)
async def test_every_form_of_a_model_is_taken(http: httpx.AsyncClient, modeljson: Any, source_format: str) -> None:
    """The same model comes in as text, document, DAI export or DAI definition, as an object or in a string."""
    body = await add(http, modeljson)
    assert (body["id"], body["name"], body["version"], body["created"]) == (1, "Doors", 1, True)
    assert body["modeluuid"] == doors().id
    assert isinstance(body["findings"], list)
    shown = (await http.get("/ai/models/1")).json()
    assert shown["source_format"] == source_format
    assert shown["document"] == to_document(doors()) or source_format == "dai"


async def test_a_graphwalker_file_is_taken(http: httpx.AsyncClient) -> None:
    """A GraphWalker model becomes a model of ours."""
    vertices = [{"id": "v0", "name": "Hall"}, {"id": "v1", "name": "Room"}]
    edges = [
        {"id": "e0", "name": "open", "sourceVertexId": "v0", "targetVertexId": "v1"},
        {"id": "e1", "name": "leave", "sourceVertexId": "v1", "targetVertexId": "v0"},
    ]
    model = {
        "name": "Walker",
        "generator": "random(edge_coverage(100))",
        "startElementId": "v0",
        "vertices": vertices,
        "edges": edges,
    }
    body = await add(http, {"name": "Walkers", "models": [model]})
    assert (await http.get(f"/ai/models/{body['id']}")).json()["source_format"] == "graphwalker"


async def test_a_text_body_is_a_model(http: httpx.AsyncClient) -> None:
    """YAML may be sent as it is; GET gives the same text back, comments and all."""
    text = "# ours\n" + MODEL_TEXT
    answer = await http.post("/ai/models", content=text, headers={"Content-Type": "application/yaml"})
    assert answer.status_code == 201
    shown = await http.get(f"/ai/models/{answer.json()['id']}?format=text")
    assert shown.headers["content-type"].startswith("application/yaml")
    assert shown.text == text


async def test_name_and_group_of_the_call_win(http: httpx.AsyncClient) -> None:
    """A name beside the model replaces the one in it, in the text too."""
    body = await add(http, name="Gates", group="shop")
    assert (body["name"], body["group"]) == ("Gates", "shop")
    assert "model: Gates" in (await http.get(f"/ai/models/{body['id']}?format=text")).text


async def test_the_same_model_again_is_200(http: httpx.AsyncClient) -> None:
    """An upload that adds nothing answers 200 with the version that is there."""
    first = await add(http)
    again = await add(http, expect=200)
    assert (again["id"], again["version"], again["created"]) == (first["id"], 1, False)


async def test_a_changed_model_is_the_next_version(http: httpx.AsyncClient) -> None:
    """The same uuid with other logic is version 2; both can be read."""
    first = await add(http)
    second = await add(http, CHANGED_TEXT)
    assert (second["id"], second["version"]) == (first["id"], 2)
    old = (await http.get(f"/ai/models/{first['id']}?version=1")).json()
    assert (old["version"], old["latest_version"], old["model_hash"]) == (1, 2, first["model_hash"])
    versions = (await http.get(f"/ai/models/{first['modeluuid']}/versions")).json()
    assert [item["version"] for item in versions] == [2, 1]


async def test_an_invalid_model_answers_every_finding_with_its_line(http: httpx.AsyncClient) -> None:
    """A text with two broken rules is refused with both, each with its place in the text."""
    text = MODEL_TEXT.replace("open: {to: Room}", "open: {to: Room, when: tries + }").replace(
        "leave: {to: exit}", "leave: {to: exit, when: nobody > 1}"
    )
    answer = await http.post("/ai/models", json={"modeljson": text})
    assert answer.status_code == 422, answer.text
    body = answer.json()
    assert body["code"] == "model_invalid"
    lines = text.splitlines()
    found = {lines[finding["line"] - 1].strip().partition(":")[0] for finding in body["findings"] if finding["severity"] == "error"}
    assert found == {"open", "leave"}
    assert {item["msg"] for item in body["detail"]} == {finding["message"] for finding in body["findings"]}
    assert (await http.get("/ai/models")).json() == []


async def test_a_text_that_cannot_be_read_says_where(http: httpx.AsyncClient) -> None:
    """A target that does not exist is refused with line, column and what was probably meant."""
    answer = await http.post("/ai/models", json={"modeljson": MODEL_TEXT.replace("to: Room", "to: Romo")})
    assert answer.status_code == 422
    body = answer.json()
    assert (body["code"], body["suggestion"]) == ("model_format", "Room")
    assert "Romo" in MODEL_TEXT.replace("to: Room", "to: Romo").splitlines()[body["line"] - 1]


async def test_an_error_in_an_object_has_no_line(http: httpx.AsyncClient) -> None:
    """An object has no lines that the client wrote: the error tells its place by path."""
    document = to_document(doors())
    document["states"]["Hall"]["actions"]["open"] = "Romo"
    body = await add(http, document, expect=422)
    assert "line" not in body
    assert body["path"].startswith("/states/Hall")


WRONG_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({}, "modeljson"),
    ({"modeljson": None}, "modeljson"),
    ({"modeljson": 7}, "modeljson"),
    ({"modeljson": MODEL_TEXT, "id": 7}, "id"),
    ({"modeljson": MODEL_TEXT, "name": 7}, "name"),
    ({"modeljson": MODEL_TEXT, "name": " "}, "name"),
    ({"modeljson": MODEL_TEXT, "group": "a\nb"}, "group"),
    ({"modeljson": MODEL_TEXT, "group": "x" * 201}, "group"),
]


async def test_a_wrong_field_is_named(http: httpx.AsyncClient) -> None:
    """A missing, unknown or badly typed field beside the model is 422 and named."""
    for body, field in WRONG_FIELDS:
        answer = await http.post("/ai/models", json=body)
        assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", field])


MALFORMED_BODIES = [
    b"",
    b"[]",
    b'"text"',
    b"{",
    b'{"modeljson": {}, "modeljson": {}}',
    b'{"modeljson": NaN}',
    b'{"modeljson": "\xff"}',
    b'{"modeljson": "\\ud800"}',
    b'{"modeljson": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    b'{"modeljson": {"elements": ' + b"1" * 5_000 + b"}}",
    b'{"modeljson": ""}',
    b'{"modeljson": "\\u0000"}',
]


async def test_a_malformed_body_is_422(http: httpx.AsyncClient) -> None:
    """Whatever JSON leaves open, and what is no JSON, is refused with a message and no model."""
    for content in MALFORMED_BODIES:
        answer = await http.post("/ai/models", content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422, (content[:80], answer.text)
        assert answer.json()["detail"][0]["msg"]
    assert (await http.get("/ai/models")).json() == []


async def test_another_content_type_is_415(http: httpx.AsyncClient) -> None:
    """A body that is neither JSON nor YAML is refused before it is read."""
    for headers in ({"Content-Type": "text/plain"}, {}):
        assert (await http.post("/ai/models", content=b"model: x", headers=headers)).status_code == 415


async def test_an_endless_body_is_cut(http: httpx.AsyncClient) -> None:
    """A body without a declared length is read only as far as its limit."""
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 4 * MAX_BODY:
            sent += 65_536
            yield b" " * 65_536

    answer = await http.post("/ai/models", content=chunks(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert answer.json()["maximum"] == MAX_BODY


async def test_a_limit_around_the_route_is_heard(house: House) -> None:
    """When the server's own limit ends a body, its 413 is the answer and nothing is logged as unexpected."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b" " * 1_000

    headers = {"Authorization": f"Bearer {await house.auth.token()}", "Content-Type": "application/json"}
    limited = httpx.ASGITransport(BodyLimits(house.app, lambda _path: 1_500))
    async with httpx.AsyncClient(transport=limited, base_url="http://test") as http:
        answer = await http.post("/ai/models", content=chunks(), headers=headers)
    assert (answer.status_code, answer.json()["maximum"]) == (413, 1_500)


async def test_get_gives_dai_and_document(http: httpx.AsyncClient) -> None:
    """GET shows the model as a DAI export that reads back as the same model, and as our document."""
    body = await add(http)
    shown = (await http.get(f"/ai/models/{body['id']}")).json()
    assert shown["document"] == to_document(doors())
    assert (await add(http, shown["modeljson"], expect=200))["version"] == 1
    assert "document" not in (await http.get(f"/ai/models/{body['id']}?format=dai")).json()
    assert "modeljson" not in (await http.get(f"/ai/models/{body['id']}?format=document")).json()


async def test_what_get_gave_may_be_put_back(http: httpx.AsyncClient) -> None:
    """The answer of GET is a body for PUT: unchanged it changes nothing, with another modeljson it is a new version."""
    body = await add(http)
    url = f"/ai/models/{body['id']}"
    shown = (await http.get(url)).json()
    same = await http.put(url, json=shown)
    assert (same.status_code, same.json()["version"]) == (200, 1)
    assert (await http.get(url)).json() == shown
    shown["modeljson"] = CHANGED_TEXT
    assert (await http.put(url, json=shown)).json()["version"] == 2


async def test_put_of_an_older_version_is_409(http: httpx.AsyncClient) -> None:
    """A body made from version 1 does not overwrite version 2."""
    body = await add(http)
    shown = (await http.get(f"/ai/models/{body['id']}")).json()
    await add(http, CHANGED_TEXT)
    assert (await http.put(f"/ai/models/{body['id']}", json=shown)).status_code == 409


async def test_what_is_ours_cannot_be_changed(http: httpx.AsyncClient) -> None:
    """A PUT that sends another id, author or an unknown field is 422 and names it."""
    body = await add(http)
    for change in ({"id": 9}, {"modeluuid": "x"}, {"created_by": "me"}, {"document": {}}, {"owner": "me"}):
        answer = await http.put(f"/ai/models/{body['id']}", json=change)
        assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", *change])


async def test_a_rename_keeps_model_and_element_ids(http: httpx.AsyncClient) -> None:
    """PUT with a name alone is a new version of the same model with the same test case."""
    body = await add(http)
    cases = (await http.get(f"/ai/models/{body['id']}/testcases")).json()
    answer = await http.put(f"/ai/models/{body['id']}", json={"name": "Gates"})
    assert (answer.json()["name"], answer.json()["modeluuid"], answer.json()["version"]) == ("Gates", body["modeluuid"], 2)
    assert (await http.get(f"/ai/models/{body['id']}/testcases")).json() == cases


async def test_a_group_alone_makes_no_version(http: httpx.AsyncClient) -> None:
    """Moving a model to another group changes its ETag and not its version."""
    body = await add(http)
    before = (await http.get(f"/ai/models/{body['id']}")).headers["etag"]
    answer = await http.put(f"/ai/models/{body['id']}", json={"group": "shop"})
    assert (answer.json()["group"], answer.json()["version"]) == ("shop", 1)
    assert answer.headers["etag"] != before


async def test_the_id_in_the_path_wins(http: httpx.AsyncClient) -> None:
    """A PUT of a document with another uuid changes the model in the path and makes no second one."""
    body = await add(http)
    other = {**to_document(doors()), "id": "11111111-2222-4333-8444-555555555555"}
    answer = await http.put(f"/ai/models/{body['id']}", json={"modeljson": other})
    assert (answer.status_code, answer.json()["modeluuid"]) == (200, body["modeluuid"])
    assert len((await http.get("/ai/models")).json()) == 1


async def test_if_match_guards_a_change(http: httpx.AsyncClient) -> None:
    """With the ETag that GET gave a change goes through once; a second one with it is 409 and tells the state."""
    body = await add(http)
    url = f"/ai/models/{body['id']}"
    headers = {"If-Match": (await http.get(url)).headers["etag"]}
    assert (await http.put(url, json={"group": "a"}, headers=headers)).status_code == 200
    stale = await http.put(url, json={"group": "b"}, headers=headers)
    assert (stale.status_code, stale.json()["code"], stale.json()["state"]) == (409, "conflict", 2)
    assert (await http.delete(url, headers=headers)).status_code == 409
    assert (await http.put(url, json={"group": "b"}, headers={"If-Match": "nonsense"})).status_code == 422
    assert (await http.delete(url, headers={"If-Match": "*"})).status_code == 204


async def test_a_deleted_model_is_gone(http: httpx.AsyncClient) -> None:
    """DELETE answers 204 once and 404 from then on, and the list is empty."""
    body = await add(http)
    url = f"/ai/models/{body['id']}"
    assert (await http.delete(url)).status_code == 204
    assert (await http.delete(url)).status_code == 404
    assert (await http.get(url)).status_code == 404
    assert (await http.get("/ai/models")).json() == []


async def test_the_list_is_a_bare_array(http: httpx.AsyncClient) -> None:
    """Items have id, name and modeluuid; the number on all pages stands in a header."""
    await add(http)
    await add(http, {**to_document(doors()), "model": "Gates"})
    answer = await http.get("/ai/models?limit=1&offset=1")
    assert [(item["id"], item["name"]) for item in answer.json()] == [(2, "Gates")]
    assert answer.headers["x-total-count"] == "2"
    assert set(answer.json()[0]) == {
        *("id", "name", "modeluuid", "group", "version", "created_at", "created_by", "updated_at", "updated_by"),
    }
    assert [item["name"] for item in (await http.get("/ai/models?name=Doors")).json()] == ["Doors"]


async def test_test_cases_are_listed_and_read(http: httpx.AsyncClient) -> None:
    """A test case can be read by integer id, uuid and name, and shows its steps by name."""
    body = await add(http)
    (case,) = (await http.get(f"/ai/models/{body['id']}/testcases")).json()
    assert case["testcaseName"] == "through"
    assert [(step["state"], step["action"]) for step in case["steps"]] == [("Hall", "open"), ("Room", "leave")]
    for ref in (case["id"], case["uuid"], case["name"]):
        assert (await http.get(f"/ai/models/{body['id']}/testcases/{ref}")).json() == case
    assert (await http.get(f"/ai/models/{body['id']}/testcases/nothing")).status_code == 404


async def test_a_malformed_id_is_422(http: httpx.AsyncClient) -> None:
    """What can be no id is 422 on every route with one."""
    for ref in ("0", "-1", "1.5", "x", "9" * 19, "11111111222243338444555555555555", "a'--", "%00"):
        for path in (f"/ai/models/{ref}", f"/ai/models/{ref}/versions", f"/ai/models/{ref}/testcases"):
            assert (await http.get(path)).status_code == 422, path


async def test_an_unknown_id_is_404(http: httpx.AsyncClient) -> None:
    """A well-formed id of nothing is 404, whichever method asks."""
    for ref in ("7", "9" * 18, "11111111-2222-4333-8444-555555555555"):
        assert (await http.get(f"/ai/models/{ref}")).status_code == 404
        assert (await http.put(f"/ai/models/{ref}", json={})).status_code == 404
        assert (await http.delete(f"/ai/models/{ref}")).status_code == 404


async def test_a_wrong_query_is_422(http: httpx.AsyncClient) -> None:
    """Page sizes out of bounds and parameters nobody knows are refused."""
    for query in ("limit=0", "limit=-1", "limit=abc", "limit=1000000000", "offset=-1", "sort=name", "offset=1e400"):
        assert (await http.get(f"/ai/models?{query}")).status_code == 422, query


async def test_another_realm_sees_nothing(house: House, http: httpx.AsyncClient) -> None:
    """A model of another realm is 404, exactly as one that does not exist, and stays as it is."""
    body = await add(http)
    async with await house.stranger() as stranger:
        for ref in (body["id"], body["modeluuid"]):
            missing = await stranger.get("/ai/models/99")
            hidden = await stranger.get(f"/ai/models/{ref}")
            assert hidden.status_code == missing.status_code == 404
            assert hidden.text.replace(str(ref), "") == missing.text.replace("99", "")
            for path in ("versions", "testcases", "testcases/1"):
                assert (await stranger.get(f"/ai/models/{ref}/{path}")).status_code == 404
            assert (await stranger.put(f"/ai/models/{ref}", json={"group": "x"})).status_code == 404
            assert (await stranger.delete(f"/ai/models/{ref}")).status_code == 404
        assert (await stranger.get("/ai/models")).json() == []
    assert (await http.get(f"/ai/models/{body['id']}")).json()["group"] == ""


async def test_no_route_without_a_token(house: House) -> None:
    """Every route of the room is 401 without a token and 403 with one that lacks the scope."""
    token = await house.auth.token(scope="agents:read")
    async with await house.http("nonsense") as nobody, await house.http(token) as narrow:
        for path, methods in house.app.openapi()["paths"].items():
            url = path.replace("{model_id}", "1").replace("{test_case_id}", "1").replace("{run_id}", "1")
            for method in methods:
                assert (await nobody.request(method, url)).status_code == 401, (method, path)
                assert (await narrow.request(method, url)).status_code == 403, (method, path)


async def test_a_write_needs_its_own_scope(house: House) -> None:
    """With models:read alone models can be read and not changed."""
    async with await house.http(await house.auth.token(scope="models:read")) as reader:
        assert (await reader.get("/ai/models")).status_code == 200
        answer = await reader.post("/ai/models", json={"modeljson": MODEL_TEXT})
        assert (answer.status_code, answer.json()["scope"]) == (403, "models:write")

"""Systems under test over REST: their records, secrets, status and errors."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from melanzana.audit.records import AuditFilter
from support_app import RunningApp, running_app

SUTS = "/sut_service/api/v1/suts"
VNC = {
    "connection_type": "VNC",
    "host": "till-1.example.org",
    "port": 5900,
    "username": "",
    "scale_ratio": 1,
    "password": "canary-7261-vnc",
}
BAD_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"name": " "}, "name"),
    ({"name": "a", "criteria": [""]}, "criteria"),
    ({"name": "a", "connections": [{"connection_type": "Smoke"}]}, "connection_type"),
    ({"name": "a", "connections": [{"connection_type": "VNC"}]}, "host"),
    ({"name": "a", "connections": [{**VNC, "host": "a b"}]}, "host"),
    ({"name": "a", "connections": [{**VNC, "port": 0}]}, "port"),
    ({"name": "a", "connections": [{**VNC, "scale_ratio": 0}]}, "scale_ratio"),
    ({"name": "a", "connections": [{**VNC, "uuid": "none"}]}, "uuid"),
    ({"name": "a", "connections": [{"connection_type": "HTTP", "url": "file:///etc/passwd"}]}, "url"),
    ({"name": "a", "connections": [{"connection_type": "HTTP", "url": "http://[::1"}]}, "url"),
    ({"name": "a", "connections": [{"connection_type": "WebDriver", "url": "http://me:pw@grid/"}]}, "url"),
    ({"name": "a", "connections": [{"connection_type": "Free", "name": "x", "settings": {"a": "b" * 40_000}}]}, "connections"),
    ({"name": "a", "execution_environments": ["nobody"]}, "execution_environments"),
]
HOSTILE = [
    '{"name": "a", "connections": [{"connection_type": "Free", "name": "\\ud800"}]}',
    '{"name": "a", "connections": [{"connection_type": "Free", "name": "b", "secrets": {"\\ud800": 1}}]}',
    '{"name": "a", "connections": [{"connection_type": "Free", "name": "b", "settings": {"x": NaN}}]}',
    '{"name": "a", "connections": [{"connection_type": "VNC", "host": "b", "port": true}]}',
    '{"name": "a", "connections": [{"connection_type": "VNC", "host": "b", "scale_ratio": 1e999}]}',
    '{"name": "a\\u0000", "connections": []}',
    '{"name": "a", "connections": [{"connection_type": "VNC", "host": "b", "uuid": {}}]}',
    '{"name": "a", "connections": [{"connection_type": "Free", "name": "b", "settings": '
    + '{"a":' * 3000
    + "1"
    + "}" * 3000
    + "}]}",
]


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(tmp_path) as running:
        await running.sign_in()
        yield running


async def make(app: RunningApp, name: str = "till-1", **more: Any) -> dict[str, Any]:
    answer = await app.http.post(SUTS, json={"name": name, **more})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


@pytest.mark.anyio
async def test_the_call_of_the_original_product_makes_one(app: RunningApp) -> None:
    """The body that scripts send to the original is taken field by field, the environment by its name; the list has `items`."""
    await app.http.post("/ai/agents", json={"name": "lab-1"})
    made = await make(app, enabled=True, connections=[VNC], execution_environments=["lab-1"])
    assert (made["status"], made["execution_environments"], made["ignored_fields"]) == ("Unlocked", ["lab-1"], [])
    (connection,) = made["connections"]
    assert {name: connection[name] for name in ("connection_type", "host", "port")} == {
        name: VNC[name] for name in ("connection_type", "host", "port")
    }
    listed = (await app.http.get(SUTS)).json()
    assert ([item["name"] for item in listed["items"]], listed["total_count"]) == (["till-1"], 1)
    assert (await app.http.get(f"{SUTS}/{made['id']}")).json() == listed["items"][0]


@pytest.mark.anyio
async def test_a_secret_is_in_no_answer_and_not_in_the_database(app: RunningApp, tmp_path: Path) -> None:
    """What comes in as a secret is sealed: neither an answer nor a byte of the data folder holds it."""
    secrets = {"connection_type": "Free", "name": "badge", "secrets": {"pin": "canary-7262-free"}}
    http = {"connection_type": "HTTP", "url": "https://shop.example.org", "secret_headers": {"X-Key": "canary-7263-http"}}
    made = await make(app, connections=[VNC, secrets, http])
    assert [item["has_secrets"] for item in made["connections"]] == [["password"], ["secrets"], ["secret_headers"]]
    answers = [json.dumps(made), (await app.http.get(SUTS)).text, (await app.http.put(f"{SUTS}/{made['id']}", json=made)).text]
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"till-1.example.org" in stored
    assert not [text for text in answers if "canary-726" in text]
    assert b"canary-726" not in stored


@pytest.mark.anyio
async def test_a_connection_with_its_uuid_keeps_its_secrets(app: RunningApp) -> None:
    """An answer that is changed and sent back loses no password; null forgets it; without `uuid` the connection is a new one."""
    made = await make(app, connections=[VNC])
    place = f"{SUTS}/{made['id']}"
    renamed = (await app.http.put(place, json={**made, "name": "till-2", "enabled": False})).json()
    assert (renamed["name"], renamed["status"], renamed["ignored_fields"]) == ("till-2", "Disabled", [])
    assert renamed["connections"] == made["connections"]
    one = {name: value for name, value in made["connections"][0].items() if name != "has_secrets"}
    forgotten = (await app.http.put(place, json={"name": "till-2", "connections": [{**one, "password": None}]})).json()
    assert forgotten["connections"][0]["has_secrets"] == []
    fresh = (await app.http.put(place, json={"name": "till-2", "connections": [{**VNC, "password": ""}]})).json()
    assert fresh["connections"][0]["uuid"] != one["uuid"]


@pytest.mark.anyio
async def test_a_bad_field_is_refused_by_its_name(app: RunningApp) -> None:
    """422 says where the mistake is, and nothing is kept."""
    for body, field in BAD_FIELDS:
        answer = await app.http.post(SUTS, json=body)
        assert answer.status_code == 422, answer.text
        assert field in str(answer.json()["detail"][0]["loc"])
    assert (await app.http.get(SUTS)).json()["total_count"] == 0


@pytest.mark.anyio
async def test_unknown_fields_are_named_and_not_kept(app: RunningApp) -> None:
    """A field that nobody knows might be a secret: the answer names it, and nothing keeps it."""
    made = await make(app, colour="red", connections=[{**VNC, "passphrase": "canary"}])
    assert made["ignored_fields"] == ["colour", "connections.0.passphrase"]
    assert "canary" not in (await app.http.get(SUTS)).text


@pytest.mark.anyio
async def test_names_are_unique_and_errors_name_the_thing(app: RunningApp) -> None:
    """A second one of a name is a conflict, also by renaming; one that is not there is 404."""
    first, second = await make(app, "a"), await make(app, "b")
    assert (await app.http.post(SUTS, json={"name": "a"})).status_code == 409
    assert (await app.http.put(f"{SUTS}/{second['id']}", json={"name": "a"})).status_code == 409
    assert (await app.http.delete(f"{SUTS}/{first['id']}")).status_code == 204
    for method, more in (("GET", ""), ("DELETE", ""), ("DELETE", "/lock")):
        assert (await app.http.request(method, f"{SUTS}/{first['id']}{more}")).status_code == 404
    assert (await app.http.put(f"{SUTS}/{first['id']}", json={"name": "c"})).status_code == 404


@pytest.mark.anyio
async def test_the_list_is_narrowed_by_status(app: RunningApp) -> None:
    """`status` takes the words of the original's page."""
    await make(app, "on")
    await make(app, "off", enabled=False)
    for word, names in (("All", ["off", "on"]), ("Available", ["on"]), ("Disabled", ["off"]), ("Locked", [])):
        found = (await app.http.get(SUTS, params={"status": word})).json()
        assert [item["name"] for item in found["items"]] == names


@pytest.mark.anyio
async def test_a_realm_sees_its_own_only(app: RunningApp) -> None:
    """One of another realm is 404, and not in the list."""
    made = await make(app)
    await app.services.realms.ensure_realm("other")
    assert await app.services.suts.list("other") == ()
    with pytest.raises(Exception, match="there is no system under test"):
        await app.services.suts.get("other", made["id"])


@pytest.mark.anyio
async def test_every_change_is_in_the_audit_trail(app: RunningApp) -> None:
    """Making, changing and deleting are recorded with who did it."""
    made = await make(app)
    await app.http.put(f"{SUTS}/{made['id']}", json={"name": "b"})
    await app.http.delete(f"{SUTS}/{made['id']}")
    found = await app.services.audit.records("eggplant", AuditFilter(action="sut"))
    assert [record.entry.action for record in reversed(found)] == ["sut.create", "sut.change", "sut.delete"]
    assert {record.entry.subject for record in found} == {made["id"]}
    assert {record.entry.actor.name for record in found} == {"tests"}


@pytest.mark.anyio
async def test_hostile_bodies_are_refused(app: RunningApp) -> None:
    """Text that is no text, numbers that are none and depth without end are 4xx, never 500."""
    for body in HOSTILE:
        answer = await app.http.post(SUTS, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in {400, 422}, (body[:200], answer.text)


@pytest.mark.anyio
async def test_an_unknown_name_that_is_no_text_is_no_fault(app: RunningApp) -> None:
    """A field whose very name cannot be written is named in escaped form or refused, never 500."""
    for body in (
        '{"name": "a", "\\ud800": 1}',
        '{"name": "b", "connections": [{"connection_type": "ADB", "host": "c", "\\ud800": 1}]}',
    ):
        answer = await app.http.post(SUTS, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in {201, 400, 422}, answer.text

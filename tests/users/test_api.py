"""`/ai/users` and `/ai/groups` over the whole app."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from melanzana.access.permissions import Role
from melanzana.users.records import NewUser
from support_app import RunningApp, running_app
from support_people import OPERATOR, PASSWORD

pytestmark = pytest.mark.anyio


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[RunningApp]:
    """An API client is signed in."""
    async with running_app(tmp_path) as opened:
        await opened.sign_in()
        yield opened


async def test_the_life_of_a_user(app: RunningApp) -> None:
    """201, 200, 200, 204, 404, in the shapes that the original's client reads."""
    http = app.http
    made = await http.post("/ai/users", json={"username": "lee", "password": PASSWORD, "license": "any", "role": "user"})
    assert made.status_code == 201
    item = made.json()
    assert (item["username"], item["name"], item["role"], item["enabled"], item["groups"]) == ("lee", "lee", "dai:user", True, [])
    assert "password" not in made.text
    path = f"/ai/users/{item['id']}"
    assert (await http.get(path)).json() == item
    assert (await http.get("/ai/users")).json() == [item]
    changed = await http.put(path, json={"name": "Lee", "enabled": False})
    assert (changed.status_code, changed.json()["name"], changed.json()["enabled"]) == (200, "Lee", False)
    deleted = await http.delete(path)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert (await http.get(path)).status_code == 404


async def test_the_life_of_a_group(app: RunningApp) -> None:
    """The same for groups, with members by name."""
    http = app.http
    await http.post("/ai/users", json={"username": "lee"})
    made = await http.post("/ai/groups", json={"groupname": "checkout", "members": ["lee"]})
    assert made.status_code == 201
    item = made.json()
    path = f"/ai/groups/{item['id']}"
    assert (await http.get("/ai/groups")).json() == [item] == [(await http.get(path)).json()]
    assert (await http.get("/ai/users")).json()[0]["groups"] == ["checkout"]
    assert (await http.put(path, json={"members": []})).json()["members"] == []
    assert (await http.delete(path)).status_code == 204
    assert (await http.get("/ai/groups")).json() == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "username"),
        ({"username": "a b"}, "username"),
        ({"username": "lee", "password": "short"}, "password"),
        ({"username": "lee", "role": "owner"}, "role"),
        ({"username": "lee", "email": "nowhere"}, "email"),
        ({"username": "lee", "groups": ["nowhere"]}, "groups"),
        ({"username": "lee", "password": "lee\x00"}, "password"),
    ],
)
async def test_a_wrong_field_is_named(app: RunningApp, body: dict[str, object], field: str) -> None:
    """422, and the password is not in the answer."""
    answer = await app.http.post("/ai/users", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][-1] == field
    assert "short" not in answer.text or field != "password"


async def test_an_api_client_has_no_power_over_administrators(app: RunningApp) -> None:
    """403 with the reason, or an API client could make API clients by a detour."""
    boss = await app.services.users.accounts.create("eggplant", NewUser(username="boss", role=Role.ADMIN), OPERATOR)
    path = f"/ai/users/{boss.id}"
    answers = [
        await app.http.post("/ai/users", json={"username": "eve", "password": PASSWORD, "role": "dai:admin"}),
        await app.http.put(path, json={"password": PASSWORD}),
        await app.http.put(path, json={"enabled": False}),
        await app.http.delete(path),
    ]
    assert [answer.status_code for answer in answers] == [403] * 4
    assert all("administrator" in answer.json()["detail"] for answer in answers)
    assert (await app.services.users.accounts.get("eggplant", boss.id))[0] == boss


async def test_67_a_cookie_opens_no_api_and_no_other_site_may_read(app: RunningApp) -> None:
    """The REST API takes the Authorization header alone; no answer allows another origin."""
    users = app.services.users
    boss = await users.accounts.create("eggplant", NewUser(username="boss", role=Role.ADMIN, password=PASSWORD), OPERATOR)
    session = await users.open_session(boss, "", "")
    del app.http.headers["Authorization"]
    app.http.cookies.set("melanzana", session.token)
    for csrf in ({}, {"X-CSRF-Token": session.csrf_token}):
        answer = await app.http.post("/ai/users", json={"username": "eve"}, headers={"Origin": "https://evil.example.org", **csrf})
        assert answer.status_code == 401
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    preflight = {"Origin": "https://evil.example.org", "Access-Control-Request-Method": "POST"}
    for path in ("/ai/users", "/auth/realms/eggplant/protocol/openid-connect/token", "/system/users"):
        answer = await app.http.options(path, headers=preflight)
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]

"""Realms and keys over REST: the own realm for everybody who may, every realm from the home realm."""

from pathlib import Path

import pytest

from melanzana.access.permissions import Scope
from support_app import SOMEBODY, RunningApp, running_app

pytestmark = pytest.mark.anyio
REALMS = "/realm_service/api/v1/realms"


async def _as_client_of(app: RunningApp, realm: str, scopes: frozenset[str] | None = None) -> dict[str, str]:
    """Headers of a new API client of that realm."""
    await app.services.realms.ensure_realm(realm)
    client = await app.services.clients.create_client(realm, "tests", actor=SOMEBODY, scopes=scopes)
    form = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": client.client_secret}
    answer = await app.http.post(f"/auth/realms/{realm}/protocol/openid-connect/token", data=form)
    return {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}


async def test_life_of_a_realm(tmp_path: Path) -> None:
    """Made, listed, changed, disabled and enabled from the home realm."""
    async with running_app(tmp_path) as app:
        await app.sign_in()
        made = await app.http.post(REALMS, json={"name": "team-a"})
        assert (made.status_code, made.json()["issuer"]) == (201, "http://server/auth/realms/team-a")
        assert (await app.http.post(REALMS, json={"name": "team-a"})).status_code == 409
        assert [realm["name"] for realm in (await app.http.get(REALMS)).json()] == ["eggplant", "team-a"]
        changed = await app.http.patch(f"{REALMS}/team-a", json={"enabled": False, "token_seconds": 60})
        assert (changed.json()["enabled"], changed.json()["token_seconds"]) == (False, 60)
        assert (await app.http.patch(f"{REALMS}/team-a", json={"enabled": True})).json()["enabled"] is True
        home = await app.http.patch(f"{REALMS}/eggplant", json={"enabled": False})
        assert (home.status_code, home.json()["code"]) == (409, "conflict")


async def test_wrong_bodies(tmp_path: Path) -> None:
    """A name or setting that is wrong is 422 with its field."""
    async with running_app(tmp_path) as app:
        await app.sign_in()
        for name in ("", "-a", "a b", "a/b", "x" * 64, "é", "a\n"):
            answer = await app.http.post(REALMS, json={"name": name})
            assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", "name"]), name
        for field, value in (
            ("token_type", "jwt"),
            ("algorithm", "none"),
            ("token_seconds", 1),
            ("not_before", -1),
            ("not_before", True),
            ("not_before", "later"),
            ("name", "b"),
        ):
            answer = await app.http.patch(f"{REALMS}/eggplant", json={field: value})
            assert (answer.status_code, answer.json()["detail"][0]["loc"][:2]) == (422, ["body", field]), field


async def test_callers_of_another_realm(tmp_path: Path) -> None:
    """They see and change their own realm; others are 404, and neither making nor disabling one is theirs."""
    async with running_app(tmp_path) as app:
        headers = await _as_client_of(app, "tenant")
        assert [realm["name"] for realm in (await app.http.get(REALMS, headers=headers)).json()] == ["tenant"]
        assert (await app.http.post(REALMS, json={"name": "mine"}, headers=headers)).status_code == 403
        assert (await app.http.patch(f"{REALMS}/tenant", json={"enabled": False}, headers=headers)).status_code == 403
        assert (await app.http.patch(f"{REALMS}/tenant", json={"token_seconds": 90}, headers=headers)).status_code == 200
        kid = (await app.services.realms.keys("eggplant"))[0].kid
        for method, path, body in (
            ("GET", "", None),
            ("PATCH", "", {"not_before": "now"}),
            ("GET", "/keys", None),
            ("POST", "/keys", None),
            ("POST", f"/keys/{kid}/disable", None),
            ("DELETE", f"/keys/{kid}", None),
        ):
            foreign = await app.http.request(method, f"{REALMS}/eggplant{path}", json=body, headers=headers)
            unknown = await app.http.request(method, f"{REALMS}/nowhere{path}", json=body, headers=headers)
            assert foreign.status_code == unknown.status_code == 404, (method, path)
            assert foreign.json() == unknown.json()
        assert (await app.http.delete(f"{REALMS}/tenant/keys/{kid}", headers=headers)).status_code == 404
        assert [key.kid for key in await app.services.realms.keys("eggplant")].count(kid) == 1


async def test_permission(tmp_path: Path) -> None:
    """Without `realms:manage` every route is 403."""
    async with running_app(tmp_path) as app:
        headers = await _as_client_of(app, "eggplant", frozenset({Scope.MODELS_READ.value}))
        for method, path in (("GET", ""), ("POST", ""), ("GET", "/eggplant"), ("PATCH", "/eggplant"), ("POST", "/eggplant/keys")):
            answer = await app.http.request(method, f"{REALMS}{path}", json={"name": "a"}, headers=headers)
            assert (answer.status_code, answer.json()["scope"]) == (403, "realms:manage"), (method, path)


async def test_keys(tmp_path: Path) -> None:
    """Rotate, disable, remove; the caller's own token ends with the key that signed it."""
    async with running_app(tmp_path) as app:
        await app.sign_in()
        path = f"{REALMS}/eggplant/keys"
        first = {key["state"]: key["kid"] for key in (await app.http.get(path)).json()}
        assert (await app.http.delete(f"{path}/{first['active']}")).status_code == 409
        rotated = await app.http.post(path)
        states = {key["kid"]: key["state"] for key in rotated.json()}
        assert (rotated.status_code, states[first["next"]], states[first["active"]]) == (201, "active", "passive")
        assert (await app.http.post(f"{path}/short/disable")).status_code == 422
        assert (await app.http.post(f"{path}/{'x' * 43}/disable")).status_code == 404
        disabled = await app.http.post(f"{path}/{first['active']}/disable")
        assert disabled.json()["state"] == "disabled"
        assert (await app.http.get(path)).status_code == 401
        await app.sign_in()
        assert (await app.http.post(f"{path}/{first['active']}/disable")).status_code == 409
        assert (await app.http.delete(f"{path}/{first['active']}")).status_code == 204
        assert first["active"] not in {key["kid"] for key in (await app.http.get(path)).json()}
        assert "sealed" not in (await app.http.get(path)).text


async def test_log_everybody_out(tmp_path: Path) -> None:
    """`not_before: now` ends the token that asked for it, too."""
    async with running_app(tmp_path) as app:
        await app.sign_in()
        assert (await app.http.patch(f"{REALMS}/eggplant", json={"not_before": "now"})).status_code == 200
        assert (await app.http.get(REALMS)).status_code == 401

"""`/client_service/api/v1/clients`: people manage API clients, API clients do not."""

import json
from datetime import timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey

from melanzana.clients.records import Credentials
from melanzana.errors import OAuthError
from support_auth import SOMEBODY, Auth
from support_clients import CLIENTS, faces

pytestmark = pytest.mark.anyio
EVERY_ROUTE = [
    ("GET", CLIENTS),
    ("POST", CLIENTS),
    ("GET", CLIENTS + "/{id}"),
    ("PATCH", CLIENTS + "/{id}"),
    ("POST", CLIENTS + "/{id}/regenerate"),
    ("DELETE", CLIENTS + "/{id}"),
]


@pytest.mark.parametrize(("method", "path"), EVERY_ROUTE)
async def test_no_16_an_api_client_cannot_manage_api_clients(auth: Auth, method: str, path: str) -> None:
    """Its token is good and does not allow this: 403 with the reason, and nothing is changed."""
    before = await auth.clients.list_clients("eggplant")
    async with faces(auth).http(await auth.token()) as http:
        answer = await http.request(method, path.format(id=auth.client.client_id), json={"name": "mine"})
    assert answer.status_code == 403
    body = answer.json()
    assert (body["code"], body["scope"]) == ("insufficient_scope", "clients:manage")
    assert body["detail"] == "API clients cannot manage API clients; an admin does that under System > API Access"
    assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="clients:manage"'
    after = await auth.clients.list_clients("eggplant")
    assert [(client.client_id, client.generation, client.revoked_at) for client in after] == [
        (client.client_id, client.generation, client.revoked_at) for client in before
    ]


@pytest.mark.parametrize(("method", "path"), EVERY_ROUTE)
async def test_no_16_neither_can_an_agent_or_a_user(auth: Auth, method: str, path: str) -> None:
    """Without the permission no kind of caller is let through."""
    agent = await auth.agent_client()
    for token in (await auth.token(agent), "user"):
        async with faces(auth).http(token) as http:
            answer = await http.request(method, path.format(id=auth.client.client_id), json={"name": "mine"})
        assert answer.status_code == 403, token


async def test_a_client_is_made_with_its_secret_once(auth: Auth) -> None:
    """201 with the credentials, never to be cached; they work; the secret is in no later answer."""
    async with faces(auth).http() as http:
        answer = await http.post(CLIENTS, json={"name": "nightly", "description": "build 7"})
        assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
        made = answer.json()
        assert list(made) == ["client_id", "client_secret", "token_url", "name"]
        listed = (await http.get(CLIENTS)).text
        one = (await http.get(f"{CLIENTS}/{made['client_id']}")).json()
    assert made["client_secret"] not in listed
    assert "digest" not in listed
    assert (one["name"], one["description"], one["status"], one["created_by"]) == ("nightly", "build 7", "active", "ada")
    assert (one["scopes"], one["expires_at"], one["allowed_addresses"], one["has_secret"]) == (None, None, [], True)
    await auth.clients.authenticate(
        "eggplant", Credentials(client_id=made["client_id"], client_secret=made["client_secret"]), "192.0.2.1"
    )


async def test_a_list_has_items_and_their_count(auth: Auth) -> None:
    """API clients only, oldest first, each in its state; a question for a state gives those."""
    auth.clock.move(1)
    await auth.agent_client()
    late = await auth.clients.create_client("eggplant", "late", actor=SOMEBODY, expires_at=auth.clock.now() + timedelta(seconds=5))
    auth.clock.move(5)
    async with faces(auth).http() as http:
        body = (await http.get(CLIENTS)).json()
        assert [item["client_id"] for item in body["items"]] == [auth.client.client_id, late.client_id]
        assert body["total_count"] == 2
        expired = (await http.get(CLIENTS, params={"status": "expired"})).json()
        assert [item["name"] for item in expired["items"]] == ["late"]
        assert (await http.get(CLIENTS, params={"status": "gone"})).status_code == 422


async def test_a_change_sets_what_it_names(auth: Auth) -> None:
    """Fields that are left out stay; null takes a limit away."""
    path = f"{CLIENTS}/{auth.client.client_id}"
    async with faces(auth).http() as http:
        answer = await http.patch(
            path, json={"scopes": ["models:read"], "expires_at": "2027-01-31T01:00:00+01:00", "allowed_addresses": ["192.0.2.7"]}
        )
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert (body["scopes"], body["expires_at"], body["allowed_addresses"]) == (
            ["models:read"],
            "2027-01-31T00:00:00Z",
            ["192.0.2.7/32"],
        )
        assert (body["name"], body["description"]) == ("ci", "nightly runs")
        renamed = (await http.patch(path, json={"name": "renamed", "scopes": None})).json()
        assert (renamed["name"], renamed["scopes"], renamed["allowed_addresses"]) == ("renamed", None, ["192.0.2.7/32"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"description": "\u202e"}, "description"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["clients:manage"]}, "scopes"),
        ({"scopes": ["nonsense"]}, "scopes"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2030-01-01T00:00:00"}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-12:00"}, "expires_at"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"allowed_addresses": ["192.0.2.7/24"]}, "allowed_addresses"),
        ({"allowed_addresses": ["x"] * 51}, "allowed_addresses"),
        ({"public_keys": {"kty": "oct", "k": "AAAA"}}, "public_keys"),
        ({"public_keys": "-----BEGIN PRIVATE KEY-----"}, "public_keys"),
        ({"secret": "chosen"}, "secret"),
        ({"client_secret": "chosen"}, "client_secret"),
    ],
)
async def test_wrong_fields_are_named(auth: Auth, body: dict[str, Any], field: str) -> None:
    """422 names the field, for a new client and for a change; nothing is made or changed."""
    before = await auth.clients.list_clients("eggplant")
    async with faces(auth).http() as http:
        answers = [
            await http.post(CLIENTS, json={"name": "new", **body}),
            await http.patch(f"{CLIENTS}/{auth.client.client_id}", json=body),
        ]
    for answer in answers:
        assert answer.status_code == 422, answer.text
        assert field in answer.json()["detail"][0]["loc"]
    assert await auth.clients.list_clients("eggplant") == before


async def test_no_18_19_regenerate_and_delete_act_at_the_next_request(auth: Auth) -> None:
    """A new secret ends the old one unless it is given time; DELETE ends the client, twice is as once, and keeps the row."""
    path = f"{CLIENTS}/{auth.client.client_id}"
    old = Credentials(client_id=auth.client.client_id, client_secret=auth.client.client_secret)
    async with faces(auth).http() as http:
        answer = await http.post(f"{path}/regenerate", json={"grace_seconds": 3600})
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        await auth.clients.authenticate("eggplant", old, "192.0.2.1")
        assert (await http.get(path)).json()["old_secret_until"] == "2026-03-01T13:00:00Z"
        renewed = (await http.post(f"{path}/regenerate")).json()
        for secret in (auth.client.client_secret, answer.json()["client_secret"]):
            with pytest.raises(OAuthError):
                await auth.clients.authenticate(
                    "eggplant", Credentials(client_id=auth.client.client_id, client_secret=secret), "192.0.2.1"
                )
        assert (await http.post(f"{path}/regenerate", json={"grace_seconds": 86_401})).status_code == 422
        assert [(await http.delete(path)).status_code for _ in range(2)] == [204, 204]
        assert (await http.get(path)).json()["status"] == "revoked"
        assert (await http.post(f"{path}/regenerate")).status_code == 409
        assert (await http.patch(path, json={"name": "x"})).status_code == 409
    with pytest.raises(OAuthError):
        await auth.clients.authenticate(
            "eggplant", Credentials(client_id=auth.client.client_id, client_secret=renewed["client_secret"]), "192.0.2.1"
        )


@pytest.mark.parametrize(("method", "path"), EVERY_ROUTE[2:])
async def test_what_is_not_there(auth: Auth, method: str, path: str) -> None:
    """Unknown ids, agents' clients and clients of other realms are 404 alike."""
    await auth.realms.ensure_realm("other")
    agent = await auth.agent_client()
    for token, client_id in (("admin", "client:none"), ("admin", agent.client_id), ("other", auth.client.client_id)):
        async with faces(auth).http(token) as http:
            answer = await http.request(method, path.format(id=client_id), json={} if method in {"PATCH", "POST"} else None)
        assert answer.status_code == 404, (token, client_id)


async def test_a_client_that_proves_itself_by_a_key(auth: Auth) -> None:
    """A public key is registered at the making, beside the secret or instead of it, and shown without secrets."""
    jwk = ECKey.generate_key("P-256").as_dict(private=False)
    async with faces(auth).http() as http:
        made = (await http.post(CLIENTS, json={"name": "by key", "public_keys": jwk, "with_secret": False})).json()
        assert made["client_secret"] is None
        one = (await http.get(f"{CLIENTS}/{made['client_id']}")).json()
        assert (one["has_secret"], one["public_keys"]["keys"][0]["x"]) == (False, jwk["x"])
        assert (await http.post(f"{CLIENTS}/{made['client_id']}/regenerate")).status_code == 409
        assert (await http.post(CLIENTS, json={"name": "neither", "with_secret": False})).status_code == 422


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "=cmd|' /C calc'!A0", "{{7*7}}", "${jndi:ldap://x}", "' OR 1=1 --"])
async def test_no_68_hostile_text_is_text(auth: Auth, text: str) -> None:
    """A name or description that looks like code comes back as it was, as JSON."""
    async with faces(auth).http() as http:
        made = (await http.post(CLIENTS, json={"name": text, "description": text})).json()
        answer = await http.get(f"{CLIENTS}/{made['client_id']}")
    assert answer.headers["content-type"] == "application/json"
    assert (json.loads(answer.text)["name"], json.loads(answer.text)["description"]) == (text, text)

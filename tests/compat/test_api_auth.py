"""`/api/v1/auth` and `/api/v2/auth`: the original product's public API."""

from typing import Any

import jwt
import pytest

from support_older import PASSWORD, Older

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("path", ["/api/v1/auth", "/api/v2/auth"])
async def test_id_and_secret_give_a_token_for_ten_minutes(older: Older, path: str) -> None:
    """Exactly two fields are answered; the token says the same lifetime and is let in."""
    sent = {"client_id": older.client.client_id, "client_secret": older.client.client_secret}
    answer = await older.http.post(path, json=sent)
    body = answer.json()
    assert (answer.status_code, list(body), body["expires_in"]) == (200, ["access_token", "expires_in"], 600)
    assert answer.headers["cache-control"] == "no-store"
    claims = jwt.decode(body["access_token"], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 600
    assert await older.status(body["access_token"]) == 200


async def test_a_wrong_secret_is_a_problem_with_401(older: Older) -> None:
    """In the shape of all our problems; the trail has the refusal."""
    answer = await older.http.post("/api/v2/auth", json={"client_id": older.client.client_id, "client_secret": "mlz_wrong"})
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert (await older.actions())[0][:2] == ("token.grant", "failure")


async def test_a_person_gets_no_token_here(older: Older) -> None:
    """A username and password are no client."""
    answer = await older.http.post("/api/v1/auth", json={"client_id": "ada", "client_secret": PASSWORD})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "body", [{}, {"client_id": "x"}, {"clientId": "x", "clientSecret": "y"}, {"client_id": 1, "client_secret": "y"}, ["x"]]
)
async def test_a_body_of_another_shape_is_422_with_the_field(older: Older, body: Any) -> None:
    """`detail` is the list that clients of the original read; nothing that was sent is repeated."""
    answer = await older.http.post("/api/v1/auth", json=body)
    assert answer.status_code == 422
    assert {"loc", "msg", "type"} == set(answer.json()["detail"][0])


async def test_guessing_secrets_is_slowed_down(older: Older) -> None:
    """After twenty wrong secrets within a minute: 429, and when to come again."""
    sent = {"client_id": older.client.client_id, "client_secret": "mlz_wrong"}
    statuses = [(await older.http.post("/api/v2/auth", json=sent)).status_code for _ in range(20)]
    assert statuses == [401] * 20
    answer = await older.http.post("/api/v2/auth", json=sent)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0

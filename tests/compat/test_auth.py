"""`/auth`: versions 4 and 5 of the original product."""

import httpx
import pytest

from support_older import PASSWORD, Older

pytestmark = pytest.mark.anyio

GOOD = {"username": "ada", "password": PASSWORD}


async def test_json_and_form_give_the_token_under_both_of_its_names(older: Older) -> None:
    """`access_token` and `access_type` are the same token, for an hour, with the person's id."""
    for sent in (await older.http.post("/auth", json=GOOD), await older.http.post("/auth", data=GOOD)):
        body = sent.json()
        assert list(body) == ["access_token", "expires_in", "token_type", "user_id", "access_type"]
        assert (body["expires_in"], body["token_type"], body["user_id"]) == (3600, "bearer", older.user.id)
        assert body["access_type"] == body["access_token"]
        assert sent.headers["cache-control"] == "no-store"
        assert await older.status(body["access_token"]) == 200


async def test_a_client_may_log_in_here_too(older: Older) -> None:
    """`user_id` is then the client's id."""
    sent = {"username": older.client.client_id, "password": older.client.client_secret}
    body = (await older.http.post("/auth", json=sent)).json()
    assert body["user_id"] == older.client.client_id
    assert await older.status(body["access_token"]) == 200


async def test_a_wrong_password_is_401(older: Older) -> None:
    """As at `/ai/auth`."""
    answer = await older.http.post("/auth", json=GOOD | {"password": "wrong"})
    assert (answer.status_code, answer.json()["code"]) == (401, "login_refused")


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"username": "ada"}', "application/json", 422),
        (b'{"username": "ada", "password": 7}', "application/json", 422),
        (b'{"username": "ada", "username": "eve", "password": "x"}', "application/json", 422),
        (b"{", "application/json", 422),
        (b"username=ada", "application/x-www-form-urlencoded", 422),
        (b"username=ada&username=eve&password=x", "application/x-www-form-urlencoded", 422),
        (b"username=%ff&password=x", "application/x-www-form-urlencoded", 422),
        (b"ada", "text/plain", 415),
        (b"", "", 415),
    ],
)
async def test_what_cannot_be_read_is_refused(older: Older, content: bytes, kind: str, status: int) -> None:
    """A field is missing, twice or no text: 422. Neither JSON nor a form: 415."""
    answer = await older.http.post("/auth", content=content, headers={"Content-Type": kind} if kind else {})
    assert answer.status_code == status


async def test_the_address_does_not_hide_the_realms_below_it(older: Older) -> None:
    """`/auth/realms/eggplant` is what it was, and GET `/auth` is 405."""
    found: httpx.Response = await older.http.get("/auth/realms/eggplant")
    assert found.json()["realm"] == "eggplant"
    assert (await older.http.get("/auth")).status_code == 405

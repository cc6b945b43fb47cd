"""`/ai/auth`: the form of the original's Python client."""

import jwt
import pytest

from melanzana.access.permissions import SCOPES_OF_ROLE, Role
from melanzana.access.records import Actor
from melanzana.users.records import UserChange
from melanzana.users.rules import operator
from support_older import OPERATOR, PASSWORD, Older

pytestmark = pytest.mark.anyio


async def log_in(older: Older, username: str, password: str) -> tuple[int, dict[str, object]]:
    answer = await older.http.post("/ai/auth", data={"username": username, "password": password})
    return answer.status_code, answer.json()


async def token_of(older: Older, username: str, password: str) -> str:
    status, body = await log_in(older, username, password)
    assert status == 200, body
    return str(body["access_token"])


async def test_a_name_and_password_give_an_ordinary_token_for_an_hour(older: Older) -> None:
    """It is believed by the API, says who the person is, and has the permissions of the person's role."""
    answer = await older.http.post("/ai/auth", data={"username": "ada", "password": PASSWORD})
    body = answer.json()
    assert (answer.status_code, body["expires_in"], body["token_type"]) == (200, 3600, "bearer")
    assert answer.headers["cache-control"] == "no-store"
    claims = jwt.decode(body["access_token"], options={"verify_signature": False})
    assert (claims["sub"], claims["preferred_username"]) == (older.user.id, "Ada")
    assert claims["exp"] - claims["iat"] == 3600
    assert set(claims["scope"].split()) == set(SCOPES_OF_ROLE[Role.USER])
    assert await older.status(body["access_token"]) == 200
    assert await older.status(body["access_token"], "/ai/users") == 403


async def test_a_client_id_and_secret_stand_where_name_and_password_do(older: Older) -> None:
    """A script gets along without a person's password, and its token is the client's."""
    token = await token_of(older, older.client.client_id, older.client.client_secret)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["client_id"], claims["exp"] - claims["iat"]) == (older.client.client_id, 3600)
    assert await older.status(token) == 200


@pytest.mark.parametrize(
    ("username", "password"),
    [("Ada", "mlz_or_whatever"), ("nobody", PASSWORD), ("client:dai:api:integration:x", "mlz_x"), ("Ada", "x" * 5000)],
)
async def test_whatever_is_wrong_the_refusal_is_401(older: Older, username: str, password: str) -> None:
    """Unknown names and wrong passwords look alike, and repeat nothing."""
    status, body = await log_in(older, username, password)
    assert (status, body["code"]) == (401, "login_refused")
    assert password not in str(body)


async def test_a_wrong_secret_of_a_client_that_exists_looks_like_an_unknown_client(older: Older) -> None:
    """The same words for both."""
    known = await log_in(older, older.client.client_id, "mlz_wrong")
    unknown = await log_in(older, f"{older.client.client_id[:-1]}x", "mlz_wrong")
    assert known == unknown


@pytest.mark.parametrize("form", [{}, {"username": "ada"}, {"password": "x"}, {"username": "", "password": ""}])
async def test_a_form_without_name_or_password_is_422(older: Older, form: dict[str, str]) -> None:
    """The answer names the field."""
    answer = await older.http.post("/ai/auth", data=form)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "body"


async def test_guessing_is_slowed_down_as_at_the_login_page(older: Older) -> None:
    """After many wrong passwords even the right one has to wait: the delays are those of logins."""
    for _ in range(10):
        await log_in(older, "ada", "wrong")
    assert (await log_in(older, "ada", PASSWORD))[0] == 401


async def test_login_and_grant_are_in_the_audit_trail(older: Older) -> None:
    """The newest two records are the login and the grant, both by the person."""
    await token_of(older, "ada", PASSWORD)
    assert (await older.actions())[:2] == [("token.grant", "success", "Ada"), ("login", "success", "Ada")]


async def test_the_script_stands_among_the_sessions_and_ends_with_its_session(older: Older) -> None:
    """The person sees where the token came from; ending the session ends the token at the next request."""
    token = await token_of(older, "ada", PASSWORD)
    (session,) = await older.app.services.users.sessions.list(older.user.id)
    assert session.user_agent == "script over /ai/auth"
    assert (session.expires_at - session.created_at).total_seconds() == 3600
    await older.app.services.users.end_session(session.id, Actor(kind="user", id=older.user.id, name="Ada"))
    assert await older.status(token) == 401


async def test_a_disabled_account_ends_the_token(older: Older) -> None:
    """What ends a person's access ends it here, too."""
    token = await token_of(older, "ada", PASSWORD)
    await older.app.services.users.accounts.change("eggplant", older.user.id, UserChange(enabled=False), operator(OPERATOR))
    assert await older.status(token) == 401


async def test_delete_ends_the_token_of_a_person_and_its_session(older: Older) -> None:
    """204, and the token is not let in any more; sent again it is 401."""
    token = await token_of(older, "ada", PASSWORD)
    header = {"Authorization": f"Bearer {token}"}
    assert (await older.http.delete("/ai/auth", headers=header)).status_code == 204
    assert await older.status(token) == 401
    assert await older.app.services.users.sessions.list(older.user.id) == []
    assert (await older.http.delete("/ai/auth", headers=header)).status_code == 401


async def test_delete_ends_the_token_of_a_client_and_no_other_one(older: Older) -> None:
    """The client's next token, and one that it had besides, are good."""
    first = await token_of(older, older.client.client_id, older.client.client_secret)
    other = await token_of(older, older.client.client_id, older.client.client_secret)
    assert (await older.http.delete("/ai/auth", headers={"Authorization": f"Bearer {first}"})).status_code == 204
    assert [await older.status(first), await older.status(other)] == [401, 200]


async def test_delete_without_a_token_is_401(older: Older) -> None:
    """There is nothing to end."""
    answer = await older.http.delete("/ai/auth")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")

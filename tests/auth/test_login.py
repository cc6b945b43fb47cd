"""From the login form to tokens, and what ends them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from melanzana.access.permissions import SCOPES_OF_ROLE, Role
from melanzana.auth.user_tokens import at_hash
from melanzana.users.records import UserChange
from melanzana.users.rules import operator
from support_people_login import CLI_REDIRECT, ISSUER, OPERATOR, REALM_PATH, TOKEN, LoginSite, answered, login_site
from support_storage import rows

pytestmark = pytest.mark.anyio


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[LoginSite]:
    """A server with one administrator, ada."""
    async with login_site(tmp_path) as opened:
        yield opened


async def _verified(site: LoginSite, token: str, audience: str) -> dict[str, Any]:
    """The claims, as an independent library believes them."""
    async with site.browser() as http:
        keys = jwt.PyJWKSet.from_dict((await http.get(f"{REALM_PATH}/protocol/openid-connect/certs")).json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    options: Any = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
    return jwt.decode(token, key, ["RS256"], audience=audience, issuer=ISSUER, options=options)


async def _granted(site: LoginSite, **changes: Any) -> dict[str, Any]:
    answer = await site.redeem(await site.code(**changes))
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_the_answer_to_a_code(site: LoginSite) -> None:
    """A code gives an access token good at the API, an ID token and a refresh token, all of the same login."""
    body = await _granted(site)
    assert list(body)[:2] == ["access_token", "expires_in"]
    assert (body["token_type"], body["refresh_expires_in"]) == ("Bearer", 30 * 86_400)
    access = await _verified(site, body["access_token"], "melanzana")
    assert access["azp"] == "melanzana-cli"
    assert access["realm_access"] == {"roles": ["dai:admin"]}
    assert (access["preferred_username"], access["email"], access["typ"]) == ("ada", "ada@example.org", "Bearer")
    assert set(access["scope"].split()) == {"openid", "profile", "email", *SCOPES_OF_ROLE[Role.ADMIN]}
    assert access["sid"] == body["session_state"]
    identity = await _verified(site, body["id_token"], "melanzana-cli")
    assert (identity["nonce"], identity["typ"], identity["sub"], identity["sid"]) == ("a nonce", "ID", access["sub"], access["sid"])
    assert identity["at_hash"] == at_hash(body["access_token"], "RS256")
    assert identity["auth_time"] == int(site.clock.now().timestamp())
    assert await site.api_status(body["access_token"]) == 200
    assert await site.api_status(body["id_token"]) == 401


async def test_58_state_and_issuer_come_back(site: LoginSite) -> None:
    """The client gets its state as it sent it, and the issuer (RFC 9207)."""
    state = 'a "state" <b>&\u00e4%20+/='
    answer = answered(await site.log_in(site.browser(), state=state))
    assert answer.keys() == {"code", "state", "iss"}
    assert (answer["state"], answer["iss"]) == (state, ISSUER)


async def test_scope_of_a_user(site: LoginSite) -> None:
    """A user's token has a user's permissions, and only those asked for when some are named; never more than the role's."""
    await site.person("bob", Role.USER)
    whole = await _granted(site, username="bob")
    assert "users:manage" not in whole["scope"]
    narrow = await _granted(site, username="bob", scope="openid models:read users:manage")
    assert narrow["scope"] == "openid models:read"


async def test_no_id_token_without_openid(site: LoginSite) -> None:
    """An ID token is given to those who ask for one."""
    assert "id_token" not in await _granted(site, scope="models:read")


@pytest.mark.parametrize(
    ("changes", "description"),
    [
        ({"code_verifier": None}, "PKCE code verifier not specified"),
        ({"code_verifier": "w" * 43}, "PKCE verification failed"),
        ({"code_verifier": ""}, "PKCE code verifier not specified"),
        ({"code_verifier": "v" * 10_000}, "PKCE verification failed"),
        ({"redirect_uri": "http://127.0.0.1:4712/callback"}, "Incorrect redirect_uri"),
        ({"redirect_uri": None}, "Incorrect redirect_uri"),
        ({"client_id": "melanzana-web"}, "Auth error"),
    ],
)
async def test_56_57_code_in_wrong_hands(changes: dict[str, str | None], description: str, site: LoginSite) -> None:
    """Without the verifier, at another address or by another client a code is worth nothing, and nothing afterwards."""
    code = await site.code()
    refused = await site.redeem(code, **changes)
    assert (refused.status_code, refused.json()) == (400, {"error": "invalid_grant", "error_description": description})
    assert (await site.redeem(code)).json()["error"] == "invalid_grant"


async def test_57_code_used_twice(site: LoginSite) -> None:
    """The second use of a code is refused and ends what the first one gave."""
    code = await site.code()
    first = (await site.redeem(code)).json()
    assert await site.api_status(first["access_token"]) == 200
    second = await site.redeem(code)
    assert second.json() == {"error": "invalid_grant", "error_description": "Code not valid"}
    assert await site.api_status(first["access_token"]) == 401
    assert (await site.refresh(first["refresh_token"])).status_code == 400
    assert ("token.revoke", "failure") in [(action, outcome) for action, outcome, _ in await site.actions()]


async def test_57_code_after_a_minute(site: LoginSite) -> None:
    """A code lives 60 seconds."""
    early, late = await site.code(), await site.code()
    site.clock.move(59)
    assert (await site.redeem(early)).status_code == 200
    site.clock.move(1)
    assert (await site.redeem(late)).json()["error"] == "invalid_grant"


async def test_57_code_of_another_realm(site: LoginSite) -> None:
    """A code of one realm is unknown in the others."""
    await site.services.realms.ensure_realm("other")
    code = await site.code()
    form = {"grant_type": "authorization_code", "client_id": "melanzana-cli", "code": code, "redirect_uri": CLI_REDIRECT}
    async with site.browser() as http:
        answer = await http.post(TOKEN.replace("eggplant", "other"), data={**form, "code_verifier": "v" * 43})
    assert answer.json()["error"] == "invalid_grant"


async def test_code_after_the_login_ended(site: LoginSite) -> None:
    """A code is worth nothing once the person logged out or was disabled."""
    code = await site.code()
    ada = await site.services.users.accounts.by_name("eggplant", "ada")
    (session,) = await site.services.users.sessions.list(ada.id)
    await site.services.users.end_session(session.id, OPERATOR)
    assert (await site.redeem(code)).json() == {"error": "invalid_grant", "error_description": "Code not valid"}


async def test_refresh_tokens_follow_each_other(site: LoginSite) -> None:
    """A refresh gives a new access and refresh token of the same login."""
    first = await _granted(site)
    site.clock.move(200)
    second = (await site.refresh(first["refresh_token"])).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["session_state"] == first["session_state"]
    assert await site.api_status(second["access_token"]) == 200
    third = await site.refresh(second["refresh_token"])
    assert third.status_code == 200


async def test_refresh_token_used_twice(site: LoginSite) -> None:
    """A refresh token that comes again ends its whole family, the newest tokens too."""
    first = await _granted(site)
    second = (await site.refresh(first["refresh_token"])).json()
    again = await site.refresh(first["refresh_token"])
    assert again.json()["error"] == "invalid_grant"
    assert (await site.refresh(second["refresh_token"])).json()["error"] == "invalid_grant"
    assert await site.api_status(second["access_token"]) == 401
    assert any(detail.get("why") == "a refresh token came twice" for _, _, detail in await site.actions())


async def test_refresh_token_of_another_client(site: LoginSite) -> None:
    """A refresh token is good for the client that got it, and trying it elsewhere does it no harm."""
    first = await _granted(site)
    assert (await site.refresh(first["refresh_token"], "melanzana-web")).json()["error"] == "invalid_grant"
    assert (await site.refresh(first["refresh_token"])).status_code == 200


async def test_61_refresh_token_dies_unused_and_at_last(site: LoginSite) -> None:
    """The command line's login ends after 30 days without use, and after 180 days however it is used."""
    unused = await _granted(site)
    site.clock.move(30 * 86_400)
    assert (await site.refresh(unused["refresh_token"])).json()["error"] == "invalid_grant"
    token = (await _granted(site))["refresh_token"]
    for _ in range(8):
        site.clock.move(22 * 86_400)
        token = (await site.refresh(token)).json()["refresh_token"]
    site.clock.move(5 * 86_400)
    assert (await site.refresh(token)).json()["error"] == "invalid_grant"


async def test_disabled_person(site: LoginSite) -> None:
    """Disabling somebody ends access and refresh tokens at the next request."""
    bob = await site.person("bob", Role.USER)
    body = await _granted(site, username="bob")
    await site.services.users.accounts.change("eggplant", bob.id, UserChange(enabled=False), operator(OPERATOR))
    assert await site.api_status(body["access_token"]) == 401
    assert (await site.refresh(body["refresh_token"])).json()["error"] == "invalid_grant"


async def test_command_line_outlives_the_browser(site: LoginSite) -> None:
    """The command line's login is a session of its own: the browser's end does not end it, its own logout does."""
    browser = site.browser()
    body = (await site.redeem(await site.code(browser))).json()
    sessions = await site.services.users.sessions.list((await site.services.users.accounts.by_name("eggplant", "ada")).id)
    assert sorted(one.user_agent for one in sessions)[0] == "Melanzana command line"
    browsers = next(one for one in sessions if one.id != body["session_state"])
    await site.services.users.end_session(browsers.id, OPERATOR)
    assert await site.api_status(body["access_token"]) == 200
    async with site.browser() as http:
        form = {"client_id": "melanzana-cli", "refresh_token": body["refresh_token"]}
        left = await http.post(f"{REALM_PATH}/protocol/openid-connect/logout", data=form)
    assert left.status_code == 204, left.text
    assert await site.api_status(body["access_token"]) == 401


async def test_revoking_the_refresh_token(site: LoginSite) -> None:
    """RFC 7009: a public client revokes its refresh token, and the access token ends with it."""
    body = await _granted(site)
    async with site.browser() as http:
        form = {"client_id": "melanzana-cli", "token": body["refresh_token"]}
        answer = await http.post(f"{REALM_PATH}/protocol/openid-connect/revoke", data=form)
    assert answer.status_code == 200, answer.text
    assert await site.api_status(body["access_token"]) == 401
    assert (await site.refresh(body["refresh_token"])).status_code == 400


async def test_grants_of_people_are_not_for_programs(site: LoginSite) -> None:
    """An API client is told that these grants are not its; a wrong secret, or one of a public client, is just refused."""
    client = await site.services.clients.create_client("eggplant", "ci", actor=OPERATOR)
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": client.client_id}
    async with site.browser() as http:
        told = await http.post(TOKEN, data={**form, "client_secret": client.client_secret})
        wrong = await http.post(TOKEN, data={**form, "client_secret": "wrong"})
        public = await http.post(TOKEN, data={**form, "client_id": "melanzana-cli", "client_secret": "guess"})
        credentials = await http.post(TOKEN, data={"grant_type": "client_credentials", "client_id": "melanzana-cli"})
    assert (told.status_code, told.json()["error"]) == (400, "unauthorized_client")
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert (public.status_code, public.json()["error"]) == (401, "invalid_client")
    assert credentials.status_code in {400, 401}


async def test_29_a_parameter_twice(site: LoginSite) -> None:
    """A form with a parameter twice gives nothing and uses nothing up."""
    code = await site.code()
    body = f"grant_type=authorization_code&client_id=melanzana-cli&code={code}&code={code}&redirect_uri=x&code_verifier=y"
    async with site.browser() as http:
        refused = await http.post(TOKEN, content=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert refused.json() == {"error": "invalid_request", "error_description": "duplicated parameter"}
    assert (await site.redeem(code)).status_code == 200


async def test_41_no_secret_is_stored(site: LoginSite) -> None:
    """Neither code nor tokens nor password stand in the database or in the audit trail."""
    code = await site.code()
    body = (await site.redeem(code)).json()
    tables = ("login_codes", "refresh_tokens", "sessions", "audit", "users")
    dump = ""
    for table in tables:
        dump += str(await site.services.database.read(rows(f"SELECT * FROM {table}")))
    for secret in (code, body["access_token"], body["refresh_token"], body["id_token"], "a long enough password"):
        assert secret not in dump


async def test_74_login_and_grants_are_recorded(site: LoginSite) -> None:
    """Login, grant by code, and renewal stand in the audit trail with their client."""
    body = await _granted(site)
    await site.refresh(body["refresh_token"])
    recorded = [(action, outcome, detail.get("grant_type")) for action, outcome, detail in await site.actions()]
    assert ("login", "success", None) in recorded
    assert ("token.grant", "success", "authorization_code") in recorded
    assert ("token.grant", "success", "refresh_token") in recorded

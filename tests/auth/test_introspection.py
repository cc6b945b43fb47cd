"""Asking about a token, ending it, and what it tells of its owner. Numbers are those of the list of attacks."""

from typing import Any

import httpx
import pytest

from melanzana.audit.records import AuditFilter
from melanzana.clients.records import CreatedClient
from melanzana.errors import InvalidTokenError
from support_auth import REALM, SOMEBODY, TOKEN_URL, Auth, form, open_rooms

pytestmark = pytest.mark.anyio

INTROSPECT = f"{TOKEN_URL}/introspect"
REVOKE = f"{REALM}/protocol/openid-connect/revoke"
USERINFO = f"{REALM}/protocol/openid-connect/userinfo"


def proof(client: CreatedClient) -> dict[str, str]:
    return {"client_id": client.client_id, "client_secret": client.client_secret}


async def post(auth: Auth, url: str, **fields: str) -> httpx.Response:
    async with auth.http() as http:
        return await http.post(url, data=fields)


async def active(auth: Auth, token: str, client: CreatedClient | None = None) -> bool:
    answer = await post(auth, INTROSPECT, token=token, **proof(client or auth.client))
    assert answer.status_code == 200, answer.text
    return bool(answer.json()["active"])


async def test_a_good_token_is_told_with_all_it_says(auth: Auth) -> None:
    """RFC 7662: the claims, the kind, whose it is, and `active` last, as Keycloak orders them; nobody may keep the answer."""
    token = await auth.token(scope="models:read")
    answer = await post(auth, INTROSPECT, token=token, **proof(auth.client))
    told: dict[str, Any] = answer.json()
    assert (told["active"], told["token_type"], told["client_id"]) == (True, "Bearer", auth.client.client_id)
    assert (told["scope"], told["iss"]) == ("models:read", REALM)
    assert told["username"].startswith("service-account-")
    assert list(told)[-1] == "active"
    assert answer.headers["cache-control"] == "no-store"
    assert "generation" not in told


@pytest.mark.parametrize("who", ["nobody", "a wrong secret", "an unknown client", "the token itself"])
async def test_48_only_a_client_that_proves_itself_may_ask(auth: Auth, who: str) -> None:
    """Without credentials, with wrong ones, or with only the token: 401, and no word of the token."""
    token = await auth.token()
    credentials: dict[str, dict[str, str]] = {
        "nobody": {},
        "a wrong secret": {"client_id": auth.client.client_id, "client_secret": "mlz_wrong"},
        "an unknown client": {"client_id": "client:dai:api:integration:none", "client_secret": auth.client.client_secret},
        "the token itself": {},
    }
    headers = {"Authorization": f"Bearer {token}"} if who == "the token itself" else {}
    async with auth.http() as http:
        answer = await http.post(INTROSPECT, data={"token": token, **credentials[who]}, headers=headers)
    assert answer.status_code in {400, 401}
    assert set(answer.json()) <= {"error", "error_description"}


async def test_48_a_public_client_may_not_ask(auth: Auth) -> None:
    """It has nothing to prove itself with: 403."""
    answer = await post(auth, INTROSPECT, token=await auth.token(), client_id="melanzana-cli")
    assert answer.status_code == 403


async def test_49_a_token_of_another_client_is_not_told(auth: Auth) -> None:
    """Whoever is not in its audience learns nothing more than of garbage; so does a client of another realm."""
    other = await auth.clients.create_client("eggplant", "another", actor=SOMEBODY)
    token = await auth.token(other)
    answer = await post(auth, INTROSPECT, token=token, **proof(auth.client))
    assert answer.json() == (await post(auth, INTROSPECT, token="garbage", **proof(auth.client))).json() == {"active": False}
    assert await active(auth, token, other)


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "a.b.c.d.e", "\x00", "é", "a" * 60_000], ids=range(7))
async def test_garbage_is_not_active(auth: Auth, token: str) -> None:
    """Whatever is no token is inactive, or missing; never an error of ours."""
    answer = await post(auth, INTROSPECT, token=token, **proof(auth.client))
    assert answer.status_code in {200, 400}
    assert answer.json().get("active", False) is False


async def test_17_a_revoked_token_is_refused_everywhere_at_once(auth: Auth) -> None:
    """In this process, in another one on the same database, and after a restart; the client's other tokens live."""
    token, spared = await auth.token(), await auth.token()
    elsewhere = await open_rooms(auth.database, auth.clock)
    await elsewhere.service.verify_token(token)
    answer = await post(auth, REVOKE, token=token, **proof(auth.client))
    assert (answer.status_code, answer.content) == (200, b"")
    restarted = await open_rooms(auth.database, auth.clock)
    for service in (auth.service, elsewhere.service, restarted.service):
        with pytest.raises(InvalidTokenError):
            await service.verify_token(token)
        await service.verify_token(spared)
    assert not await active(auth, token)
    (record,) = await auth.audit.records("eggplant", AuditFilter(action="token.revoke"))
    assert record.entry.actor.id == auth.client.client_id


async def test_22_a_clock_that_is_set_back_revives_no_token(auth: Auth) -> None:
    """What was past its end stays past it; new tokens are good, and `expires_in` is never negative."""
    old = await auth.token()
    auth.clock.move(400)
    with pytest.raises(InvalidTokenError):
        await auth.service.verify_token(old)
    auth.clock.set_back(600)
    with pytest.raises(InvalidTokenError):
        await auth.service.verify_token(old)
    answer = (await post(auth, TOKEN_URL, **form(auth.client))).json()
    assert answer["expires_in"] == 300
    await auth.service.verify_token(answer["access_token"])


async def test_50_a_token_of_another_client_stays_alive(auth: Auth) -> None:
    """The refusal says so, and the token works."""
    other = await auth.clients.create_client("eggplant", "another", actor=SOMEBODY)
    token = await auth.token(other)
    answer = await post(auth, REVOKE, token=token, **proof(auth.client))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert await active(auth, token, other)


@pytest.mark.parametrize("token", ["garbage", "a.b.c", "eyJhbGciOiJSUzI1NiJ9.e30.AAAA"])
async def test_51_what_is_no_token_is_answered_with_200(auth: Auth, token: str) -> None:
    """RFC 7009 section 2.2: the caller wanted it gone, and it is."""
    assert (await post(auth, REVOKE, token=token, **proof(auth.client))).status_code == 200


async def test_51_an_expired_token_is_answered_with_200(auth: Auth) -> None:
    """And so is one that was revoked before."""
    token = await auth.token()
    assert (await post(auth, REVOKE, token=token, **proof(auth.client))).status_code == 200
    assert (await post(auth, REVOKE, token=token, **proof(auth.client))).status_code == 200
    late = await auth.token()
    auth.clock.move(400)
    assert (await post(auth, REVOKE, token=late, **proof(auth.client))).status_code == 200


@pytest.mark.parametrize("hint", ["refresh_token", "access_token", "nonsense", ""])
async def test_51_a_wrong_hint_does_not_save_a_token(auth: Auth, hint: str) -> None:
    """The hint is only a hint."""
    token = await auth.token()
    assert (await post(auth, REVOKE, token=token, token_type_hint=hint, **proof(auth.client))).status_code == 200
    assert not await active(auth, token)


async def test_a_token_is_needed(auth: Auth) -> None:
    """Neither question nor revocation goes without one."""
    for url in (INTROSPECT, REVOKE):
        answer = await post(auth, url, **proof(auth.client))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_52_a_client_has_no_person_behind_it(auth: Auth) -> None:
    """Userinfo of a client's token names its service account and nothing else."""
    token = await auth.token(scope="openid profile email")
    async with auth.http() as http:
        answer = await http.get(USERINFO, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert set(answer.json()) <= {"sub", "email_verified", "preferred_username"}
    assert answer.json()["preferred_username"].startswith("service-account-")
    assert answer.headers["cache-control"] == "no-store"


async def test_52_userinfo_needs_a_token_for_it(auth: Auth) -> None:
    """None is 401 with a bare challenge; one without `openid` is 403."""
    async with auth.http() as http:
        bare = await http.get(USERINFO)
        other = await http.get(USERINFO, headers={"Authorization": f"Bearer {await auth.token(scope='models:read')}"})
    assert (bare.status_code, "error=" in bare.headers["www-authenticate"]) == (401, False)
    assert (other.status_code, other.json()["error"]) == (403, "insufficient_scope")

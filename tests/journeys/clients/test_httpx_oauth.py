"""httpx-oauth: the full login of a person, from discovery to revocation, with pages read and forms sent as a browser would."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from httpx_oauth.clients.openid import OpenID
from httpx_oauth.oauth2 import GetAccessTokenError, RefreshTokenError
from keycloak import KeycloakOpenID
from keycloak.exceptions import KeycloakError

from support_login import Person, create_user
from support_site import Site

pytestmark = [pytest.mark.slow, pytest.mark.anyio]

CLIENT_ID, CALLBACK = "melanzana-cli", "http://127.0.0.1:43210/callback"
USERNAME = "Ada.Login"


@pytest.fixture(scope="module")
def username(site: Site) -> str:
    create_user(site.server.data, USERNAME, "user")
    return USERNAME


@pytest.fixture
def person(site: Site) -> Iterator[Person]:
    with Person(site.url) as somebody:
        yield somebody


@pytest.fixture
def client(site: Site) -> OpenID:
    """A public client: the library sends Basic with an empty secret."""
    return OpenID(CLIENT_ID, "", f"{site.issuer}/.well-known/openid-configuration", base_scopes=["openid", "profile"])


@pytest.fixture
def verifier() -> str:
    return token_urlsafe(48)


async def address_of(client: OpenID, verifier: str) -> str:
    """Where the client sends the person."""
    challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return await client.get_authorization_url(CALLBACK, "state 1&2", code_challenge=challenge, code_challenge_method="S256")


async def code_of(client: OpenID, person: Person, username: str, verifier: str) -> dict[str, str]:
    """Log in there; what stands in the redirect back to the client."""
    away = person.log_in(await address_of(client, verifier), username)
    target = urlsplit(away.headers["location"])
    assert f"{target.scheme}://{target.netloc}{target.path}" == CALLBACK
    return {name: values[0] for name, values in parse_qs(target.query).items()}


async def test_a_person_logs_in_and_the_client_gets_refreshes_and_revokes_tokens(
    site: Site, client: OpenID, person: Person, username: str, verifier: str
) -> None:
    """Discovery, login page, code, tokens, userinfo, the API, a new token for the refresh token, and the end of them all."""
    back = await code_of(client, person, username, verifier)
    assert (back["state"], back["iss"]) == ("state 1&2", site.issuer)
    token = await client.get_access_token(back["code"], CALLBACK, verifier)
    assert not token.is_expired()
    profile = await client.get_profile(token["access_token"])
    assert profile["preferred_username"] == username
    assert status_at_api(site, token) == 200
    renewed = await client.refresh_token(token["refresh_token"])
    assert renewed["refresh_token"] != token["refresh_token"]
    assert status_at_api(site, renewed) == 200
    assert introspect(site, renewed) == {"active": False}
    await client.revoke_token(renewed["refresh_token"], "refresh_token")
    assert status_at_api(site, renewed) == 401
    with pytest.raises(RefreshTokenError):
        await client.refresh_token(renewed["refresh_token"])


async def test_the_id_token_is_for_the_client_and_opens_nothing(
    site: Site, client: OpenID, person: Person, username: str, verifier: str
) -> None:
    """PyJWT believes the ID token for this client; the API does not take it for an access token."""
    back = await code_of(client, person, username, verifier)
    token = await client.get_access_token(back["code"], CALLBACK, verifier)
    key = jwt.PyJWKClient(client.openid_configuration["jwks_uri"]).get_signing_key_from_jwt(token["id_token"])
    claims = jwt.decode(token["id_token"], key, algorithms=["RS256"], audience=CLIENT_ID, issuer=site.issuer)
    assert claims["preferred_username"] == username
    assert status_at_api(site, {"access_token": token["id_token"]}) == 401


async def test_a_code_without_its_verifier_is_worth_nothing(client: OpenID, person: Person, username: str, verifier: str) -> None:
    """A stolen code gives no token, and is used up."""
    back = await code_of(client, person, username, verifier)
    with pytest.raises(GetAccessTokenError):
        await client.get_access_token(back["code"], CALLBACK, token_urlsafe(48))
    with pytest.raises(GetAccessTokenError):
        await client.get_access_token(back["code"], CALLBACK, verifier)


async def test_a_code_that_comes_twice_ends_what_it_gave(
    site: Site, client: OpenID, person: Person, username: str, verifier: str
) -> None:
    """The second use is refused, and the token of the first is not let in any more."""
    back = await code_of(client, person, username, verifier)
    token = await client.get_access_token(back["code"], CALLBACK, verifier)
    with pytest.raises(GetAccessTokenError):
        await client.get_access_token(back["code"], CALLBACK, verifier)
    assert status_at_api(site, token) == 401


async def test_python_keycloak_logs_a_person_out_by_refresh_token(
    site: Site, client: OpenID, person: Person, username: str, verifier: str
) -> None:
    """Keycloak's back channel: the session ends, and with it both tokens."""
    back = await code_of(client, person, username, verifier)
    token = await client.get_access_token(back["code"], CALLBACK, verifier)
    keycloak = KeycloakOpenID(f"{site.url}/auth/", "eggplant", CLIENT_ID)
    fresh = keycloak.refresh_token(token["refresh_token"])
    assert status_at_api(site, fresh) == 200
    keycloak.logout(fresh["refresh_token"])
    assert status_at_api(site, fresh) == 401
    with pytest.raises(KeycloakError):
        keycloak.refresh_token(fresh["refresh_token"])
    await keycloak.connection.aclose()


async def test_a_wrong_password_stays_on_the_login_page(client: OpenID, person: Person, username: str, verifier: str) -> None:
    """No redirect and no code."""
    page = person.log_in(await address_of(client, verifier), username, "wrong password here")
    assert not page.has_redirect_location
    assert "password" in page.text


def status_at_api(site: Site, token: dict[str, Any]) -> int:
    return httpx.get(site.models, headers={"Authorization": f"Bearer {token['access_token']}"}).status_code


def introspect(site: Site, token: dict[str, Any]) -> dict[str, Any]:
    """What an API client is told about a person's token: nothing, since it is not in its audience."""
    answer = httpx.post(
        f"{site.endpoints}/token/introspect",
        data={"token": token["access_token"]},
        auth=(site.client.client_id, site.client.client_secret),
    )
    shown: dict[str, Any] = answer.raise_for_status().json()
    return shown

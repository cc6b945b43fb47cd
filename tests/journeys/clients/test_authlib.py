"""Authlib's clients, on requests and on httpx: fetching, fetching again in time, introspection, revocation."""

import time
import warnings

import pytest
from authlib.deprecate import AuthlibDeprecationWarning
from authlib.integrations.requests_client import OAuth2Session

from support_site import Site

with warnings.catch_warnings():
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)  # the library would rather be used with httpx's successor
    from authlib.integrations.httpx_client import AsyncOAuth2Client

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("without_tls")]


def session_of(site: Site, **options: object) -> OAuth2Session:
    return OAuth2Session(site.client.client_id, site.client.client_secret, token_endpoint=site.client.token_url, **options)


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_session_on_requests_fetches_a_token_and_calls_the_api(site: Site, method: str) -> None:
    """Either way to send the secret gives a token that is let in."""
    with session_of(site, token_endpoint_auth_method=method) as session:
        token = session.fetch_token(grant_type="client_credentials")
        assert token["expires_at"] > time.time()
        assert session.get(site.models).status_code == 200


def test_a_session_fetches_anew_when_its_token_has_expired(site: Site) -> None:
    """With an expired token in hand, the next call is preceded by a new grant."""
    with session_of(site, grant_type="client_credentials") as session:
        first = dict(session.fetch_token(grant_type="client_credentials"))
        session.token = {**first, "expires_at": int(time.time()) - 10}
        assert session.get(site.models).status_code == 200
        assert session.token["access_token"] != first["access_token"]


def test_a_session_introspects_and_revokes_its_token(site: Site) -> None:
    """Introspection says active with the client's id; after revocation it says inactive and the API refuses."""
    with session_of(site) as session:
        token = session.fetch_token(grant_type="client_credentials")["access_token"]
        shown = session.introspect_token(f"{site.endpoints}/token/introspect", token=token).json()
        assert (shown["active"], shown["client_id"]) == (True, site.client.client_id)
        assert session.revoke_token(f"{site.endpoints}/revoke", token=token).status_code == 200
        assert session.introspect_token(f"{site.endpoints}/token/introspect", token=token).json() == {"active": False}
        assert session.get(site.models).status_code == 401


@pytest.mark.anyio
async def test_a_client_on_httpx_fetches_a_token_and_calls_the_api(site: Site) -> None:
    """The asynchronous client does the same."""
    async with AsyncOAuth2Client(
        site.client.client_id, site.client.client_secret, token_endpoint=site.client.token_url, grant_type="client_credentials"
    ) as client:
        first = dict(await client.fetch_token(grant_type="client_credentials"))
        assert (await client.get(site.models)).status_code == 200
        client.token = {**first, "expires_at": int(time.time()) - 10}
        assert (await client.get(site.models)).status_code == 200
        assert client.token["access_token"] != first["access_token"]

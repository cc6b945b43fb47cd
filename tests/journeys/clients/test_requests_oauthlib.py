"""requests-oauthlib, and oauthlib alone: the client credentials grant as their documentation shows it."""

import httpx
import pytest
from oauthlib.oauth2 import BackendApplicationClient, InvalidClientError
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from support_site import Site

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("without_tls")]


@pytest.fixture
def session(site: Site) -> OAuth2Session:
    return OAuth2Session(client=BackendApplicationClient(client_id=site.client.client_id))


def test_a_session_fetches_a_token_and_calls_the_api(site: Site, session: OAuth2Session) -> None:
    """`fetch_token` with id and secret (it sends them by Basic) fills the session, whose next call is let in."""
    token = session.fetch_token(site.client.token_url, client_id=site.client.client_id, client_secret=site.client.client_secret)
    assert token["token_type"] == "Bearer"
    assert token["expires_at"] > 0
    assert session.get(site.models).status_code == 200


def test_a_session_may_send_the_secret_in_the_form(site: Site, session: OAuth2Session) -> None:
    """`include_client_id` puts id and secret into the body."""
    token = session.fetch_token(site.client.token_url, client_secret=site.client.client_secret, include_client_id=True)
    assert token["expires_in"] == 300


def test_a_session_may_send_header_and_form_together(site: Site, session: OAuth2Session) -> None:
    """`auth` and `include_client_id` at once send equal credentials twice, which is let pass."""
    basic = HTTPBasicAuth(site.client.client_id, site.client.client_secret)
    assert session.fetch_token(site.client.token_url, auth=basic, include_client_id=True)["access_token"]


def test_a_session_that_asks_for_a_scope_gets_that_scope_and_no_warning(site: Site) -> None:
    """oauthlib raises when the scope of the answer differs from the one asked for; ours does not."""
    client = BackendApplicationClient(client_id=site.client.client_id, scope=["models:read", "reports:read"])
    with OAuth2Session(client=client) as session:
        token = session.fetch_token(site.client.token_url, client_secret=site.client.client_secret)
        assert set(token["scope"]) == {"models:read", "reports:read"}
        assert session.get(site.models).status_code == 200
        assert session.get(f"{site.url}/ai/agents").status_code == 403


def test_a_wrong_secret_is_the_error_that_oauthlib_knows(site: Site, session: OAuth2Session) -> None:
    """The refusal is read as `invalid_client`."""
    with pytest.raises(InvalidClientError):
        session.fetch_token(site.client.token_url, client_id=site.client.client_id, client_secret="mlz_wrong")


def test_oauthlib_alone_prepares_the_request_and_reads_the_answer(site: Site) -> None:
    """The pure library makes address, header and body; any HTTP client sends them."""
    client = BackendApplicationClient(client_id=site.client.client_id)
    url, headers, body = client.prepare_token_request(
        site.client.token_url, client_secret=site.client.client_secret, include_client_id=True
    )
    answer = httpx.post(url, headers=headers, content=body)
    token = client.parse_request_body_response(answer.text)
    assert token["token_type"] == "Bearer"
    address, with_token, _ = client.add_token(site.models)
    assert httpx.get(address, headers=with_token).status_code == 200


def test_oauthlib_alone_prepares_a_revocation(site: Site) -> None:
    """A token that was revoked (RFC 7009) is not let in again."""
    client = BackendApplicationClient(client_id=site.client.client_id)
    _, headers, body = client.prepare_token_request(
        site.client.token_url, client_secret=site.client.client_secret, include_client_id=True
    )
    token = client.parse_request_body_response(httpx.post(site.client.token_url, headers=headers, content=body).text)
    url, headers, body = client.prepare_token_revocation_request(f"{site.endpoints}/revoke", token["access_token"])
    basic = (site.client.client_id, site.client.client_secret)
    assert httpx.post(url, headers=headers, content=body, auth=basic).status_code == 200
    address, with_token, _ = client.add_token(site.models)
    assert httpx.get(address, headers=with_token).status_code == 401

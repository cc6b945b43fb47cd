"""httpx-auth: a client of httpx that gets its tokens by itself."""

from collections.abc import Iterator

import httpx
import pytest
from httpx_auth import InvalidGrantRequest, OAuth2, OAuth2ClientCredentials

from support_site import Site

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def fresh_cache() -> Iterator[None]:
    """The library keeps tokens for the whole process."""
    OAuth2.token_cache.clear()
    yield
    OAuth2.token_cache.clear()


def test_the_first_call_gets_a_token_and_the_next_ones_keep_it(site: Site) -> None:
    """Three calls to the API, one grant."""
    auth = OAuth2ClientCredentials(site.client.token_url, site.client.client_id, site.client.client_secret)
    with httpx.Client(auth=auth) as http:
        tokens = {http.get(site.models).raise_for_status().request.headers["Authorization"] for _ in range(3)}
    assert len(tokens) == 1


def test_a_scope_limits_the_token(site: Site) -> None:
    """A client that asks for `models:read` may read models and nothing else."""
    auth = OAuth2ClientCredentials(site.client.token_url, site.client.client_id, site.client.client_secret, scope=["models:read"])
    with httpx.Client(auth=auth) as http:
        assert http.get(site.models).status_code == 200
        assert http.get(f"{site.url}/ai/agents").status_code == 403


def test_a_wrong_secret_is_an_error_that_the_library_can_read(site: Site) -> None:
    """The refusal carries `invalid_client` and a description."""
    auth = OAuth2ClientCredentials(site.client.token_url, site.client.client_id, "mlz_wrong")
    with httpx.Client(auth=auth) as http, pytest.raises(InvalidGrantRequest, match="Invalid client"):
        http.get(site.models)

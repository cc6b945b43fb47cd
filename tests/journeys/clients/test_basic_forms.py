"""The forms in which clients put id and secret into a Basic header, and the habits of Keycloak's own adapter."""

import shutil
import subprocess
from base64 import b64encode
from urllib.parse import quote

import httpx
import pytest

from support_site import Site

pytestmark = pytest.mark.slow


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{client_id}:{secret}".encode()).decode()}


@pytest.mark.parametrize("encode", [str, lambda text: quote(text, safe=""), lambda text: "".join(f"%{ord(c):02x}" for c in text)])
def test_a_raw_and_a_percent_encoded_header_name_the_same_client(site: Site, encode: object) -> None:
    """curl, requests and httpx send id and secret raw, openid-client and oauth4webapi encoded: both get a token."""
    assert callable(encode)
    header = basic(encode(site.client.client_id), encode(site.client.client_secret))
    answer = httpx.post(site.client.token_url, data={"grant_type": "client_credentials"}, headers=header)
    assert answer.status_code == 200


def test_header_and_body_with_the_same_credentials_may_introspect(site: Site) -> None:
    """Keycloak's adapter for Node sends both to the introspection endpoint; equal ones are let pass, different ones refused."""
    form = {"client_id": site.client.client_id, "client_secret": site.client.client_secret}
    header = basic(site.client.client_id, site.client.client_secret)
    token = httpx.post(site.client.token_url, data={"grant_type": "client_credentials", **form}).json()["access_token"]
    url = f"{site.endpoints}/token/introspect"
    shown = httpx.post(url, data={"token": token, **form}, headers=header)
    assert (shown.status_code, shown.json()["active"]) == (200, True)
    differing = httpx.post(url, data={"token": token, **form, "client_secret": "mlz_other"}, headers=header)
    assert (differing.status_code, differing.json()["error"]) == (400, "invalid_request")


#: The request of the original product's page, with nothing but id, secret and address filled in.
PRODUCT_PAGE = """
curl --silent --show-error --fail-with-body --request POST "$TOKEN_URL" \\
  --header 'Content-Type: application/x-www-form-urlencoded' \\
  --data-urlencode 'grant_type=client_credentials' \\
  --data-urlencode "client_id=$CLIENT_ID" \\
  --data-urlencode "client_secret=$CLIENT_SECRET"
"""


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl on the path")
def test_the_script_of_the_products_page_gets_a_token_with_curl(site: Site) -> None:
    """The shell lines as documented print the seven fields."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "TOKEN_URL": site.client.token_url,
        "CLIENT_ID": site.client.client_id,
        "CLIENT_SECRET": site.client.client_secret,
    }
    ended = subprocess.run(["sh", "-c", PRODUCT_PAGE], env=environment, capture_output=True, text=True, check=True)
    fields = ("access_token", "expires_in", "refresh_expires_in", "token_type", "not-before-policy", "session_state", "scope")
    assert [name for name in fields if f'"{name}":' in ended.stdout] == list(fields)

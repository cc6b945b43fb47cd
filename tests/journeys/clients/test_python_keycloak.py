"""python-keycloak, in its synchronous and asynchronous methods, as if the server were a Keycloak."""

import jwt
import pytest
from keycloak import KeycloakOpenID
from keycloak.exceptions import KeycloakAuthenticationError

from support_site import Site

pytestmark = pytest.mark.slow


@pytest.fixture
def keycloak(site: Site) -> KeycloakOpenID:
    return KeycloakOpenID(
        server_url=f"{site.url}/auth/",
        realm_name="eggplant",
        client_id=site.client.client_id,
        client_secret_key=site.client.client_secret,
    )


def test_it_gets_a_token_and_decodes_it(site: Site, keycloak: KeycloakOpenID) -> None:
    """It always asks for the scope `openid`; with the keys of `certs` it believes what it gets."""
    token = keycloak.token(grant_type="client_credentials")
    claims = keycloak.decode_token(token["access_token"])
    assert (claims["iss"], claims["client_id"]) == (site.issuer, site.client.client_id)
    assert {key["use"] for key in keycloak.certs()["keys"]} == {"sig"}


def test_its_public_key_verifies_a_token(site: Site, keycloak: KeycloakOpenID) -> None:
    """The realm's document carries the key without its armour, which the client's user adds."""
    pem = f"-----BEGIN PUBLIC KEY-----\n{keycloak.public_key()}\n-----END PUBLIC KEY-----"
    token = keycloak.token(grant_type="client_credentials")["access_token"]
    assert jwt.decode(token, pem, algorithms=["RS256"], audience="melanzana", issuer=site.issuer)


def test_it_introspects_a_token_and_reads_who_that_is(site: Site, keycloak: KeycloakOpenID) -> None:
    """Introspection names the client; userinfo names its service account and nobody's e-mail address."""
    token = keycloak.token(grant_type="client_credentials")["access_token"]
    shown = keycloak.introspect(token)
    assert (shown["active"], shown["client_id"], shown["token_type"]) == (True, site.client.client_id, "Bearer")
    who = keycloak.userinfo(token)
    assert isinstance(who, dict)
    assert who["sub"] == shown["sub"]
    assert who["preferred_username"] == f"service-account-{site.client.client_id}"
    assert "email" not in who


def test_its_well_known_document_names_addresses_below_the_issuer(site: Site, keycloak: KeycloakOpenID) -> None:
    """Every endpoint of the discovery document belongs to the issuer."""
    document = keycloak.well_known()
    assert document["issuer"] == site.issuer
    endpoints = [value for name, value in document.items() if name.endswith("_endpoint")]
    assert len(endpoints) >= 3
    assert all(address.startswith(f"{site.issuer}/") for address in endpoints)


def test_a_wrong_secret_is_an_authentication_error(site: Site) -> None:
    """401 becomes the library's own error."""
    wrong = KeycloakOpenID(f"{site.url}/auth/", "eggplant", site.client.client_id, client_secret_key="mlz_wrong")
    with pytest.raises(KeycloakAuthenticationError):
        wrong.token(grant_type="client_credentials")


@pytest.mark.anyio
async def test_its_asynchronous_methods_do_the_same(site: Site, keycloak: KeycloakOpenID) -> None:
    """Token, decoding, introspection, userinfo, keys and discovery, each awaited."""
    token = (await keycloak.a_token(grant_type="client_credentials"))["access_token"]
    claims = await keycloak.a_decode_token(token)
    shown = await keycloak.a_introspect(token)
    who = await keycloak.a_userinfo(token)
    assert isinstance(who, dict)
    assert claims["sub"] == shown["sub"] == who["sub"]
    assert (await keycloak.a_well_known())["issuer"] == site.issuer
    assert await keycloak.a_public_key() == keycloak.public_key()
    assert await keycloak.a_certs() == keycloak.certs()
    await keycloak.connection.aclose()

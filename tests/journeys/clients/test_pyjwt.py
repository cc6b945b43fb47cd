"""PyJWT, a verifier that shares no code with ours, believes our tokens by what the realm publishes."""

from typing import Any

import httpx
import jwt
import pytest

from support_site import Site

pytestmark = pytest.mark.slow


def token_of(site: Site) -> str:
    form = {"grant_type": "client_credentials", "client_id": site.client.client_id, "client_secret": site.client.client_secret}
    answer = httpx.post(site.client.token_url, data=form)
    token: str = answer.raise_for_status().json()["access_token"]
    return token


@pytest.fixture
def metadata(site: Site) -> dict[str, Any]:
    answer = httpx.get(f"{site.issuer}/.well-known/openid-configuration")
    document: dict[str, Any] = answer.raise_for_status().json()
    return document


def verify(site: Site, metadata: dict[str, Any], token: str, **options: Any) -> dict[str, Any]:
    key = jwt.PyJWKClient(metadata["jwks_uri"]).get_signing_key_from_jwt(token)
    wanted = {"issuer": site.issuer, "audience": "melanzana", "algorithms": ["RS256"]} | options
    return jwt.decode(token, key, options={"require": ["exp", "iat", "iss", "aud", "sub", "jti"]}, **wanted)


def test_discovery_leads_to_the_keys_that_verify_a_token(site: Site, metadata: dict[str, Any]) -> None:
    """Issuer, audience, expiry and signature hold, and the claims are those of the client."""
    assert metadata["issuer"] == site.issuer
    claims = verify(site, metadata, token_of(site))
    assert (claims["azp"], claims["client_id"], claims["typ"]) == (site.client.client_id, site.client.client_id, "Bearer")
    assert claims["exp"] - claims["iat"] == 300


@pytest.mark.parametrize("wrong", [{"issuer": "http://elsewhere"}, {"audience": "another"}, {"algorithms": ["ES256"]}])
def test_what_is_not_ours_is_refused_by_pyjwt(site: Site, metadata: dict[str, Any], wrong: dict[str, Any]) -> None:
    """A verifier that expects another issuer, audience or algorithm does not believe the token."""
    with pytest.raises(jwt.InvalidTokenError):
        verify(site, metadata, token_of(site), **wrong)


def test_a_changed_token_is_refused_by_pyjwt_and_by_us(site: Site, metadata: dict[str, Any]) -> None:
    """One character of the payload is enough, for either verifier."""
    head, payload, signature = token_of(site).split(".")
    forged = f"{head}.{payload[:-2]}{'A' if payload[-2] != 'A' else 'B'}{payload[-1]}.{signature}"
    with pytest.raises(jwt.InvalidTokenError):
        verify(site, metadata, forged)
    assert httpx.get(site.models, headers={"Authorization": f"Bearer {forged}"}).status_code == 401

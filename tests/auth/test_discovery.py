"""What the realm says of itself is true and holds nothing private."""

import base64
import re

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from melanzana.access.records import PrincipalKind
from melanzana.clients.credentials import new_client_id, new_client_secret
from support_auth import REALM, TOKEN_URL, Auth, form

pytestmark = pytest.mark.anyio
CERTS = f"{REALM}/protocol/openid-connect/certs"


async def test_keys(auth: Auth) -> None:
    """The key set has public members only, distinct ids, and may be cached for five minutes."""
    await auth.realms.rotate_key("eggplant")
    async with auth.http() as http:
        answer = await http.get(CERTS)
    keys = answer.json()["keys"]
    assert [set(key) for key in keys] == [{"kid", "kty", "alg", "use", "n", "e"}] * 3
    assert {(key["kty"], key["alg"], key["use"], key["e"]) for key in keys} == {("RSA", "RS256", "sig", "AQAB")}
    assert len({key["kid"] for key in keys}) == 3
    assert answer.headers["cache-control"] == "public, max-age=300"


async def test_key_set_is_not_sent_twice(auth: Auth) -> None:
    """Who has the current key set gets 304; after a rotation the tag is another one."""
    async with auth.http() as http:
        first = await http.get(CERTS)
        again = await http.get(CERTS, headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        await auth.realms.rotate_key("eggplant")
        changed = await http.get(CERTS, headers={"if-none-match": first.headers["etag"]})
        assert changed.status_code == 200


async def test_metadata(auth: Auth) -> None:
    """The metadata name the configured issuer and only addresses that answer."""
    async with auth.http() as http:
        document = (await http.get(f"{REALM}/.well-known/openid-configuration")).json()
        assert document["issuer"] == REALM
        assert (await http.get(document["jwks_uri"])).status_code == 200
        assert (await http.post(document["token_endpoint"], data=form(auth.client))).status_code == 200
    endpoints = {name for name in document if name.endswith("_endpoint")}
    assert endpoints == {"token_endpoint", "introspection_endpoint", "userinfo_endpoint", "revocation_endpoint"}
    assert document["grant_types_supported"] == ["client_credentials"]
    methods = ["client_secret_basic", "client_secret_post", "private_key_jwt"]
    assert document["token_endpoint_auth_methods_supported"] == methods


async def test_realm_document(auth: Auth) -> None:
    """The realm's document carries the key that signs."""
    async with auth.http() as http:
        document = (await http.get(REALM)).json()
        published = (await http.get(CERTS)).json()["keys"][0]
    assert document["realm"] == "eggplant"
    assert document["token-service"] == TOKEN_URL.removesuffix("/token")
    key = load_der_public_key(base64.b64decode(document["public_key"]))
    assert isinstance(key, RSAPublicKey)
    assert key.public_numbers().n == int.from_bytes(base64.urlsafe_b64decode(published["n"] + "=="))


@pytest.mark.parametrize("path", ["", "/protocol/openid-connect/certs", "/.well-known/openid-configuration"])
async def test_documents_are_only_read(path: str, auth: Auth) -> None:
    """Every other method on a document is refused and says which one is known."""
    async with auth.http() as http:
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            answer = await http.request(method, f"{REALM}{path}")
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_form_of_credentials() -> None:
    """Ids have the product's form; secrets are prefixed base62 of at least 256 bits and never alike."""
    uuid4 = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    assert re.fullmatch(f"client:dai:api:integration:{uuid4}", new_client_id(PrincipalKind.API_CLIENT))
    assert re.fullmatch(f"client:dai:agent:{uuid4}", new_client_id(PrincipalKind.AGENT))
    secrets = {new_client_secret() for _ in range(1_000)}
    assert len(secrets) == 1_000
    assert all(re.fullmatch("mlz_[0-9A-Za-z]{43}", secret) for secret in secrets)
    assert 62**43 > 2**256

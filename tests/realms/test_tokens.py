"""What realms and keys mean for tokens, asked of the token endpoint and of the verification behind every route.

The numbers are those of the list of attacks that the authorization server is tested against.
"""

import json

import jwt
import pytest

from melanzana.access.records import Actor
from melanzana.audit.records import AuditFilter
from melanzana.audit.service import AuditService
from melanzana.errors import InvalidTokenError
from melanzana.realms.keys import LiveKey
from melanzana.realms.records import RealmChange
from melanzana.realms.shapes import everything_until
from support_auth import BASE_URL, REALM, TOKEN_URL, Auth, form, open_rooms

pytestmark = pytest.mark.anyio
ADA = Actor(kind="user", id="u-1", name="Ada", address="192.0.2.1")
CERTS = f"{REALM}/protocol/openid-connect/certs"


def _kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


async def _published(auth: Auth) -> list[str]:
    async with auth.http() as http:
        return [key["kid"] for key in (await http.get(CERTS)).json()["keys"]]


async def test_no_20_pushed_not_before_refuses_older_tokens(auth: Auth) -> None:
    """Every token issued until the push is refused at its next use, in every process; later ones are good and show the push."""
    old = await auth.token()
    other = await open_rooms(auth.database, auth.clock)
    await other.service.verify_token(old)
    pushed = everything_until(auth.clock.now())
    await auth.realms.change_realm("eggplant", RealmChange(not_before=pushed), ADA)
    for service in (auth.service, other.service):
        with pytest.raises(InvalidTokenError):
            await service.verify_token(old)
    auth.clock.move(1)
    async with auth.http() as http:
        answer = (await http.post(TOKEN_URL, data=form(auth.client))).json()
        document = (await http.get(REALM)).json()
    assert answer["not-before-policy"] == document["tokens-not-before"] == pushed
    for service in (auth.service, other.service):
        await service.verify_token(answer["access_token"])


async def test_no_21_rotated_key_verifies_until_expiry_and_disabled_key_ends_at_once(auth: Auth) -> None:
    """After a rotation both keys are published and both tokens are good; a key disabled as compromised ends its own at once."""
    other = await open_rooms(auth.database, auth.clock)
    old = await auth.token()
    await auth.realms.rotate_key("eggplant", ADA)
    new = await auth.token()
    assert _kid(old) != _kid(new)
    assert {_kid(old), _kid(new)} < set(await _published(auth))
    for service in (auth.service, other.service):
        await service.verify_token(old)
        await service.verify_token(new)
    await auth.realms.disable_key("eggplant", _kid(old), ADA)
    assert _kid(old) not in await _published(auth)
    for service in (auth.service, other.service):
        with pytest.raises(InvalidTokenError):
            await service.verify_token(old)
        await service.verify_token(new)
    auth.clock.move(400)
    with pytest.raises(InvalidTokenError):
        await auth.service.verify_token(new)


async def test_no_21_next_key_is_published_before_it_signs(auth: Auth) -> None:
    """Whoever fetched the keys before a rotation can verify what is signed after it."""
    known = await _published(auth)
    await auth.realms.rotate_key("eggplant", ADA)
    assert _kid(await auth.token()) in known


async def test_no_21_the_active_key_is_compromised(auth: Auth) -> None:
    """Its tokens end, and the next grant is signed by another key, in every process."""
    other = await open_rooms(auth.database, auth.clock)
    old = await auth.token()
    await other.realms.disable_key("eggplant", _kid(old), ADA)
    with pytest.raises(InvalidTokenError):
        await auth.service.verify_token(old)
    new = await auth.token()
    assert _kid(new) != _kid(old)
    await auth.service.verify_token(new)


@pytest.mark.parametrize(
    "name",
    [
        "..",
        "%2e%2e",
        "..%2f..%2fetc%2fpasswd",
        "a%00",
        "a;b",
        "EGGPLANT",
        "Eggplant",
        "eggplant.",
        "eggplant%20",
        "eggplant%0a",
        "x" * 1_024,
        "%F0%9F%8D%86",
        "__proto__",
        "%ff",
        "nowhere",
    ],
)
async def test_no_45_unknown_realm_is_404(name: str, auth: Auth) -> None:
    """Whatever stands in the place of the realm: 404 in JSON, and nothing of another realm."""
    async with auth.http() as http:
        for rest in ("", "/protocol/openid-connect/certs", "/.well-known/openid-configuration"):
            answer = await http.get(f"{BASE_URL}/auth/realms/{name}{rest}")
            assert answer.status_code == 404, rest
            assert "error" in answer.json()
            assert "eggplant" not in answer.text
        if name not in {"..", "%2e%2e"}:
            answer = await http.post(f"{BASE_URL}/auth/realms/{name}/protocol/openid-connect/token", data=form(auth.client))
            assert (answer.status_code, "access_token" in answer.text) == (404, False)


async def test_no_46_published_documents_hold_nothing_private(auth: Auth) -> None:
    """Neither private nor symmetric members of any algorithm; ids are distinct; the issuer is exact."""
    for algorithm in ("ES256", "EdDSA", "RS256"):
        await auth.realms.change_realm("eggplant", RealmChange(algorithm=algorithm), ADA)
        await auth.realms.rotate_key("eggplant", ADA)
    async with auth.http() as http:
        keys = (await http.get(CERTS)).json()["keys"]
        metadata = (await http.get(f"{REALM}/.well-known/openid-configuration")).json()
    assert {key["kty"] for key in keys} == {"RSA", "EC", "OKP"}
    assert not any(key.keys() & {"d", "p", "q", "dp", "dq", "qi", "k", "oth"} for key in keys)
    assert len({key["kid"] for key in keys}) == len(keys) == 5
    assert (metadata["issuer"], metadata["jwks_uri"]) == (REALM, CERTS)


async def test_no_46_random_key_ids_do_not_load_keys(auth: Auth, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens of invented key ids are refused from memory: no key is read from the database, none unsealed."""
    token = await auth.token()
    read = 0
    before = auth.database.read

    async def counted(question: object) -> object:
        nonlocal read
        read += 1
        return await before(question)  # type: ignore[arg-type]

    monkeypatch.setattr(auth.database, "glance", before)
    monkeypatch.setattr(auth.database, "read", counted)
    _, payload, signature = token.split(".")
    for number in range(200):
        header = jwt.utils.base64url_encode(json.dumps({"alg": "RS256", "typ": "JWT", "kid": f"{number:043}"}).encode()).decode()
        with pytest.raises(InvalidTokenError):
            await auth.service.verify_token(f"{header}.{payload}.{signature}")
    assert read == 0


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
@pytest.mark.parametrize("token_type", ["JWT", "at+jwt"])
async def test_tokens_of_another_algorithm_and_type(algorithm: str, token_type: str, auth: Auth) -> None:
    """A realm signs with the algorithm and type it was set to, an independent library verifies it, and older tokens stay good."""
    old = await auth.token()
    await auth.realms.change_realm("eggplant", RealmChange(algorithm=algorithm, token_type=token_type), ADA)
    await auth.realms.rotate_key("eggplant", ADA)
    new = await auth.token()
    header = jwt.get_unverified_header(new)
    assert (header["alg"], header["typ"]) == (algorithm, token_type)
    async with auth.http() as http:
        keys = jwt.PyJWKSet.from_dict((await http.get(CERTS)).json())
    options = {"verify_exp": False, "verify_iat": False}
    claims = jwt.decode(new, keys[header["kid"]], [algorithm], audience="melanzana", issuer=REALM, options=options)  # type: ignore[arg-type]
    assert claims["client_id"] == auth.client.client_id
    for token in (old, new):
        assert (await auth.service.verify_token(token)).client_id == auth.client.client_id


async def test_lifetime_is_the_realms(auth: Auth) -> None:
    """Tokens live as long as the realm says."""
    await auth.realms.change_realm("eggplant", RealmChange(token_seconds=60), ADA)
    async with auth.http() as http:
        answer = (await http.post(TOKEN_URL, data=form(auth.client))).json()
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert (answer["expires_in"], claims["exp"] - claims["iat"]) == (60, 60)


async def test_a_key_verifies_its_own_algorithm_only(auth: Auth) -> None:
    """The header's algorithm must be the key's: a token that names another one is refused, whatever its signature."""
    key: LiveKey = await auth.realms.signing_key("eggplant")
    token = await auth.token()
    _, payload, signature = token.split(".")
    for algorithm in ("PS256", "ES256", "EdDSA", "HS256", "none"):
        header = jwt.utils.base64url_encode(json.dumps({"alg": algorithm, "typ": "JWT", "kid": key.kid}).encode()).decode()
        with pytest.raises(InvalidTokenError):
            await auth.service.verify_token(f"{header}.{payload}.{signature}")


async def test_disabled_realm_elsewhere(auth: Auth) -> None:
    """A realm disabled by another process gives no token and believes none at the next request; enabled again it does."""
    other = await open_rooms(auth.database, auth.clock)
    await other.realms.ensure_realm("tenant")
    client = await other.clients.create_client("tenant", "ci", actor=ADA)
    address = f"{BASE_URL}/auth/realms/tenant/protocol/openid-connect/token"
    async with auth.http() as http:
        token = (await http.post(address, data=form(client))).json()["access_token"]
        await auth.service.verify_token(token)
        await other.realms.change_realm("tenant", RealmChange(enabled=False), ADA)
        with pytest.raises(InvalidTokenError):
            await auth.service.verify_token(token)
        assert (await http.post(address, data=form(client))).status_code in {401, 403}
        await other.realms.change_realm("tenant", RealmChange(enabled=True), ADA)
        assert (await http.post(address, data=form(client))).status_code == 200
    await auth.service.verify_token(token)


async def test_no_74_key_changes_stand_in_the_trail(auth: Auth) -> None:
    """Rotate, disable, remove and set: each with actor and address, in a chain that verifies; no key material in it."""
    old = (await auth.realms.signing_key("eggplant")).kid
    await auth.realms.rotate_key("eggplant", ADA)
    await auth.realms.disable_key("eggplant", old, ADA)
    await auth.realms.remove_key("eggplant", old, ADA)
    await auth.realms.change_realm("eggplant", RealmChange(not_before=1), ADA)
    audit = AuditService(auth.database, auth.clock)
    found = await audit.records("eggplant", AuditFilter(actor="u-1"))
    assert [record.entry.action for record in reversed(found)] == ["key.rotate", "key.change", "key.change", "realm.change"]
    assert {record.entry.actor.address for record in found} == {"192.0.2.1"}
    assert (await audit.verify("eggplant")).ok
    assert "PRIVATE" not in str(found)

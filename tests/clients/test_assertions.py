"""private_key_jwt (RFC 7523): number 69 of the security list."""

import asyncio
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from melanzana.clients.assertions import ASSERTION_TYPE, RefusedAssertionError, claimed_client, verify
from melanzana.clients.public_keys import checked_keys
from melanzana.clients.records import CreatedClient, Credentials
from melanzana.errors import ConflictError, OAuthError, RequestError
from support_auth import BASE_URL, REALM, SOMEBODY, TOKEN_URL, Auth, encode, make_auth, open_rooms
from support_clients import Key, signed_assertion

pytestmark = pytest.mark.anyio
EC, OTHER, ED, RSA = (
    ECKey.generate_key("P-256"),
    ECKey.generate_key("P-256"),
    OKPKey.generate_key("Ed25519"),
    RSAKey.generate_key(2048),
)


@dataclass
class Proving:
    """A client that proves itself with `EC`."""

    auth: Auth
    client: CreatedClient

    def assertion(self, key: Key = EC, audience: Any = REALM, algorithm: str = "ES256", **changes: Any) -> str:
        return signed_assertion(key, self.client.client_id, audience, self.auth.clock.now(), algorithm, **changes)

    async def try_it(self, assertion: str, kind: str = ASSERTION_TYPE, client_id: str | None = None) -> None:
        credentials = Credentials(client_id=client_id, assertion=assertion, assertion_type=kind)
        client = await self.auth.clients.authenticate("eggplant", credentials, "192.0.2.1")
        assert client.client_id == self.client.client_id

    async def refused(self, assertion: str, kind: str = ASSERTION_TYPE, client_id: str | None = None) -> str:
        """The reason that the log has; the answer is the one of every refused client."""
        with pytest.raises(OAuthError) as caught:
            await self.try_it(assertion, kind, client_id)
        error = caught.value
        assert (error.error, error.status) == ("invalid_client", 401)
        assert error.message == "Invalid client or Invalid client credentials"
        return str(error.detail["reason"])


@pytest.fixture
async def proving() -> AsyncIterator[Proving]:
    auth = await make_auth()
    keys = checked_keys(EC.as_dict(private=False))
    client = await auth.clients.create_client("eggplant", "by key", actor=SOMEBODY, public_keys=keys, with_secret=False)
    yield Proving(auth, client)
    await auth.database.close()


@pytest.mark.parametrize("audience", [REALM, TOKEN_URL, [REALM], [TOKEN_URL]])
@pytest.mark.parametrize("named", [True, False])
async def test_no_69_a_right_assertion(proving: Proving, audience: Any, named: bool) -> None:
    """An assertion for the issuer or for the token address lets the client in, with its id beside it or not."""
    assert proving.client.client_secret == ""
    await proving.try_it(proving.assertion(audience=audience), client_id=proving.client.client_id if named else None)


@pytest.mark.parametrize(("key", "algorithm"), [(ED, "EdDSA"), (ED, "Ed25519"), (RSA, "RS256"), (RSA, "PS256")])
async def test_no_69_every_kind_of_key(auth: Auth, key: Key, algorithm: str) -> None:
    """RSA and Ed25519 keys work as well as P-256, each with the algorithm it was registered for and with no other."""
    keys = checked_keys({**key.as_dict(private=False), "alg": algorithm})
    client = await auth.clients.create_client("eggplant", "by key", actor=SOMEBODY, public_keys=keys)
    now = auth.clock.now()
    good = _sign(key, algorithm, _claims(client.client_id, int(now.timestamp())))
    verify(good, client.client_id, keys, {REALM}, now.timestamp())
    for other in {"EdDSA", "Ed25519", "RS256", "PS256", "RS512"} - {algorithm}:
        forged = f"{encode(json.dumps({'alg': other}).encode())}.{good.split('.', 1)[1]}"
        with pytest.raises(RefusedAssertionError):
            verify(forged, client.client_id, keys, {REALM}, now.timestamp())


@pytest.mark.parametrize(
    "audience",
    [
        None,
        "",
        BASE_URL,
        f"{REALM}/",
        REALM.upper(),
        "https://other.example.org",
        [REALM, TOKEN_URL],
        [REALM, "https://x"],
        [],
        7,
        [[REALM]],
    ],
)
async def test_no_69_wrong_audience(proving: Proving, audience: Any) -> None:
    """Another audience, none, or more than one is refused, even when ours is among them."""
    assert "aud" in await proving.refused(proving.assertion(audience=audience))


@pytest.mark.parametrize("changes", [{"iss": "somebody"}, {"sub": "somebody"}, {"iss": None}, {"sub": None}, {"iss": 7}])
async def test_no_69_about_somebody_else(proving: Proving, changes: dict[str, Any]) -> None:
    """Issuer and subject are both the client."""
    assert "iss or sub" in await proving.refused(proving.assertion(**changes), client_id=proving.client.client_id)


async def test_no_69_times(proving: Proving) -> None:
    """`exp` is there, ahead, and at most five minutes away; what is not valid yet is refused."""
    now = int(proving.auth.clock.now().timestamp())
    for changes in (
        {"exp": None},
        {"exp": now},
        {"exp": now - 1},
        {"exp": now + 301},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 10**400},
        {"iat": now + 31},
        {"nbf": now + 31},
        {"nbf": "now"},
    ):
        assert await proving.refused(proving.assertion(**changes))
    await proving.try_it(proving.assertion(exp=now + 300, iat=now + 30, nbf=now + 30))


@pytest.mark.parametrize("jti", [None, "", 7, "x" * 256])
async def test_no_69_without_an_id(proving: Proving, jti: Any) -> None:
    """An assertion without an id could be sent again, so it is refused."""
    assert "jti" in await proving.refused(proving.assertion(jti=jti))


async def test_no_69_an_assertion_counts_once(proving: Proving) -> None:
    """The second use is refused, on another process too, and so is another assertion with the same id."""
    assertion = proving.assertion(jti="once")
    await proving.try_it(assertion)
    assert await proving.refused(assertion) == "assertion: jti was used before"
    assert "jti" in await proving.refused(proving.assertion(jti="once"))
    proving.auth.clients = (await open_rooms(proving.auth.database, proving.auth.clock)).clients
    assert "jti" in await proving.refused(assertion)


async def test_no_69_an_assertion_counts_once_when_it_comes_at_once(proving: Proving) -> None:
    """Of ten uses at the same time on two processes one is let in."""
    second = (await open_rooms(proving.auth.database, proving.auth.clock)).clients
    credentials = Credentials(client_id=None, assertion=proving.assertion(), assertion_type=ASSERTION_TYPE)
    rooms = [proving.auth.clients, second] * 5
    tries = [clients.authenticate("eggplant", credentials, "192.0.2.1") for clients in rooms]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(not isinstance(answer, OAuthError) for answer in answers) == 1


async def test_no_69_forged_signatures(proving: Proving) -> None:
    """Another key, no signature, and the public key as a symmetric secret are refused."""
    claims = _claims(proving.client.client_id, int(proving.auth.clock.now().timestamp()))
    body = encode(json.dumps(claims).encode())
    public = [EC.as_pem(private=False), EC.as_der(private=False), json.dumps(EC.as_dict(private=False)).encode()]
    forged = [
        proving.assertion(OTHER),
        ".".join([encode(b'{"alg":"none"}'), body, encode(b"x")]),
        ".".join([encode(b'{"alg":"nOnE"}'), body, ""]),
        *[_by_hmac(secret, claims) for secret in public],
        _sign(EC, "ES256", claims, crit=["exp"]),
        _sign(EC, "ES256", claims, kid="another"),
        _sign(OTHER, "ES256", claims, jwk=OTHER.as_dict(private=False)),
        _sign(OTHER, "ES256", claims, jku="https://attacker.example.org/keys"),
    ]
    for assertion in forged:
        assert (await proving.refused(assertion, client_id=proving.client.client_id)).startswith("assertion: ")


async def test_no_69_a_client_of_secrets_only(auth: Auth) -> None:
    """A client that registered no key cannot prove itself by one, and one without a secret not by any secret."""
    assertion = signed_assertion(EC, auth.client.client_id, REALM, auth.clock.now())
    await Proving(auth, auth.client).refused(assertion)
    keys = checked_keys(EC.as_dict(private=False))
    keyed = await auth.clients.create_client("eggplant", "k", actor=SOMEBODY, public_keys=keys, with_secret=False)
    for secret in ("", "x", None):
        with pytest.raises(OAuthError) as caught:
            await auth.clients.authenticate("eggplant", Credentials(client_id=keyed.client_id, client_secret=secret), "192.0.2.1")
        assert caught.value.status == 401
    with pytest.raises(ConflictError, match="no secret"):
        await auth.clients.regenerate_secret("eggplant", keyed.client_id, actor=SOMEBODY)


async def test_no_69_another_type_of_assertion(proving: Proving) -> None:
    """The type must be that of RFC 7523; and two ways at once are refused."""
    await proving.refused(proving.assertion(), kind="urn:ietf:params:oauth:client-assertion-type:saml2-bearer")
    both = Credentials(
        client_id=proving.client.client_id, client_secret="x", assertion=proving.assertion(), assertion_type=ASSERTION_TYPE
    )
    with pytest.raises(OAuthError) as caught:
        await proving.auth.clients.authenticate("eggplant", both, "192.0.2.1")
    assert (caught.value.error, caught.value.status) == ("invalid_request", 400)


async def test_no_69_states_and_addresses_hold_for_keys_too(proving: Proving) -> None:
    """A right signature does not help a client at a wrong address or after its end; wrong ones are counted as guesses."""
    one = ("eggplant", proving.client.client_id)
    await proving.auth.clients.change_client(*one, actor=SOMEBODY, allowed_addresses=("198.51.100.0/24",))
    assert await proving.refused(proving.assertion()) == "address is not allowed"
    await proving.auth.clients.change_client(*one, actor=SOMEBODY, allowed_addresses=())
    await proving.auth.clients.revoke_client(*one, actor=SOMEBODY)
    assert await proving.refused(proving.assertion()) == "client is revoked"
    for _ in range(18):
        await proving.refused(proving.assertion())
    with pytest.raises(OAuthError) as caught:
        await proving.try_it(proving.assertion())
    assert caught.value.status == 429


async def test_keys_that_are_replaced(proving: Proving) -> None:
    """With other keys the old one is refused at once; a client without a secret keeps at least one key; several may overlap."""
    one = ("eggplant", proving.client.client_id)
    before = await proving.auth.clients.client(*one)
    both = checked_keys({"keys": [EC.as_dict(private=False), OTHER.as_dict(private=False)]})
    after = await proving.auth.clients.change_client(*one, actor=SOMEBODY, public_keys=both)
    assert after.generation == before.generation + 1
    await proving.try_it(proving.assertion(EC))
    await proving.try_it(proving.assertion(OTHER))
    await proving.auth.clients.change_client(*one, actor=SOMEBODY, public_keys=checked_keys(OTHER.as_dict(private=False)))
    await proving.refused(proving.assertion(EC))
    with pytest.raises(RequestError, match="needs a public key"):
        await proving.auth.clients.change_client(*one, actor=SOMEBODY, public_keys=None)
    with pytest.raises(RequestError, match="needs a public key"):
        await proving.auth.clients.create_client("eggplant", "none", actor=SOMEBODY, with_secret=False)


_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/\n \0é"


@given(st.text(alphabet=_ALPHABET, max_size=60) | st.text())
def test_garbage_is_refused_and_nothing_else(text: str) -> None:
    """Whatever is sent instead of an assertion gives a refusal, never another error."""
    keys = checked_keys(EC.as_dict(private=False))
    assert claimed_client(text) is None
    with pytest.raises(RefusedAssertionError):
        verify(text, "client", keys, {REALM}, 0.0)


@given(st.binary(max_size=40), st.binary(max_size=60))
def test_any_header_and_payload_is_refused(header: bytes, payload: bytes) -> None:
    """Well-formed outside, garbage inside: refused before or at the signature."""
    keys = checked_keys(EC.as_dict(private=False))
    with pytest.raises(RefusedAssertionError):
        verify(f"{encode(header) or 'x'}.{encode(payload) or 'x'}.{encode(b'0' * 64)}", "client", keys, {REALM}, 0.0)


def _claims(client_id: str, now: int) -> dict[str, Any]:
    return {"iss": client_id, "sub": client_id, "aud": REALM, "exp": now + 60, "jti": "one"}


def _sign(key: Key, algorithm: str, claims: dict[str, Any], **header: Any) -> str:
    """Signed by the algorithm itself: libraries refuse to write some of these headers."""
    content = f"{encode(json.dumps({'alg': algorithm, **header}).encode())}.{encode(json.dumps(claims).encode())}"
    signature = JWSRegistry.algorithms[algorithm].sign(content.encode(), key)
    return f"{content}.{encode(signature)}"


def _by_hmac(secret: bytes, claims: dict[str, Any]) -> str:
    content = ".".join(encode(json.dumps(part).encode()) for part in ({"alg": "HS256"}, claims))
    return f"{content}.{encode(hmac.digest(secret, content.encode(), 'sha256'))}"

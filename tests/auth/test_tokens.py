"""Only our own, whole, current tokens are believed."""

import asyncio
import hmac
import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import RSAKey

from melanzana.auth import tokens
from melanzana.errors import InvalidTokenError
from melanzana.realms.keys import KeyRing
from support_auth import BASE_URL, REALM, Auth, encode, make_auth, signed

pytestmark = pytest.mark.anyio


@dataclass
class Forge:
    """What a forger has: a real token, our public key, a key of its own. And, for the strictest tests, our private key."""

    token: str
    ours: RSAKey
    theirs: RSAPrivateKey

    @property
    def private(self) -> RSAPrivateKey:
        private = self.ours.private_key
        assert isinstance(private, RSAPrivateKey)
        return private

    @property
    def header(self) -> dict[str, Any]:
        return dict(self._part(0))

    @property
    def claims(self) -> dict[str, Any]:
        return dict(self._part(1))

    def _part(self, number: int) -> Any:
        part = self.token.split(".")[number]
        return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))

    def with_header(self, **changes: Any) -> str:
        """Signed by us, with another header."""
        return signed(self.private, _changed(self.header, changes), self.claims)

    def with_claims(self, **changes: Any) -> str:
        """Signed by us, with other claims."""
        return signed(self.private, self.header, _changed(self.claims, changes))

    def with_payload(self, payload: bytes) -> str:
        return signed(self.private, self.header, payload)

    def by_hmac(self, secret: bytes) -> str:
        content = ".".join(encode(json.dumps(part).encode()) for part in ({**self.header, "alg": "HS256"}, self.claims))
        return f"{content}.{encode(hmac.digest(secret, content.encode(), 'sha256'))}"

    def unsigned(self, algorithm: str) -> str:
        return ".".join(encode(json.dumps(part).encode()) for part in ({**self.header, "alg": algorithm}, self.claims)) + "."


_ABSENT = object()


def _changed(members: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**members, **changes}.items() if value is not _ABSENT}


@pytest.fixture(scope="module")
def theirs() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def lasting() -> Iterator[Auth]:
    """One server for all tests that change nothing in it."""
    opened = asyncio.run(make_auth())
    yield opened
    asyncio.run(opened.database.close())


@pytest.fixture(scope="module")
def forge(lasting: Auth, theirs: RSAPrivateKey) -> Forge:
    """Everything a test needs to make a bad token."""
    key = asyncio.run(lasting.realms.signing_key("eggplant"))
    return Forge(asyncio.run(lasting.token()), key.key, theirs)


def _spki(forge: Forge, encoding: Encoding) -> bytes:
    return forge.private.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def _flip(token: str, part: int) -> str:
    """The same token with one bit of the decoded part changed."""
    parts = token.split(".")
    content = bytearray(urlsafe_b64decode(parts[part] + "=" * (-len(parts[part]) % 4)))
    content[len(content) // 2] ^= 1
    return ".".join([*parts[:part], encode(bytes(content)), *parts[part + 1 :]])


def _twin_base64(token: str) -> str:
    """Another string that lenient decoders read as the same signature."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]


NOW = 1_772_366_400  # the still clock's instant

HOSTILE: dict[str, Callable[[Forge], str]] = {
    "empty": lambda forge: "",
    "alg none": lambda forge: forge.unsigned("none"),
    "alg nOnE": lambda forge: forge.unsigned("nOnE"),
    "alg none with our signature": lambda forge: forge.with_header(alg="none"),
    "empty signature": lambda forge: forge.token.rpartition(".")[0] + ".",
    "HS256 with the public key as PEM": lambda forge: forge.by_hmac(_spki(forge, Encoding.PEM)),
    "HS256 with the public key as DER": lambda forge: forge.by_hmac(_spki(forge, Encoding.DER)),
    "HS256 with the key set as JSON": lambda forge: forge.by_hmac(json.dumps(forge.ours.as_dict(private=False)).encode()),
    "RS512": lambda forge: forge.with_header(alg="RS512"),
    "PS256": lambda forge: forge.with_header(alg="PS256"),
    "another key with our kid": lambda forge: signed(forge.theirs, forge.header, forge.claims),
    "unknown kid": lambda forge: forge.with_header(kid="A" * 43),
    "no kid": lambda forge: forge.with_header(kid=_ABSENT),
    "kid is a path": lambda forge: forge.with_header(kid="../../dev/null"),
    "kid is SQL": lambda forge: forge.with_header(kid="' OR 1=1"),
    "kid of 10 kB": lambda forge: forge.with_header(kid="k" * 10_000),
    "kid is a number": lambda forge: forge.with_header(kid=1),
    "kid is a list": lambda forge: forge.with_header(kid=["x"]),
    "jwk of the attacker": lambda forge: signed(
        forge.theirs, {**forge.header, "jwk": RSAKey.import_key(forge.theirs).as_dict(private=False)}, forge.claims
    ),
    "jku of the attacker": lambda forge: signed(forge.theirs, {**forge.header, "jku": "http://127.0.0.1:9/keys"}, forge.claims),
    "x5u of the attacker": lambda forge: signed(forge.theirs, {**forge.header, "x5u": "http://127.0.0.1:9/c"}, forge.claims),
    "x5c of the attacker": lambda forge: signed(forge.theirs, {**forge.header, "x5c": ["MIIB"]}, forge.claims),
    "jwk beside our signature": lambda forge: forge.with_header(jwk=forge.ours.as_dict(private=False)),
    "unknown crit": lambda forge: forge.with_header(crit=["x"], x=1),
    "b64 false": lambda forge: forge.with_header(crit=["b64"], b64=False),
    "b64 false without crit": lambda forge: forge.with_header(b64=False),
    "typ of a proof": lambda forge: forge.with_header(typ="dpop+jwt"),
    "no typ": lambda forge: forge.with_header(typ=_ABSENT),
    "exp long past": lambda forge: forge.with_claims(exp=NOW - 3_600),
    "exp past the leeway": lambda forge: forge.with_claims(exp=NOW - 30),
    "no exp": lambda forge: forge.with_claims(exp=_ABSENT),
    "exp is text": lambda forge: forge.with_claims(exp=str(NOW + 300)),
    "exp is true": lambda forge: forge.with_claims(exp=True),
    "exp is a fraction": lambda forge: forge.with_claims(exp=NOW + 300.5),
    "exp is NaN": lambda forge: forge.with_claims(exp=float("nan")),
    "exp is infinite": lambda forge: forge.with_claims(exp=float("inf")),
    "exp is 1e400": lambda forge: forge.with_payload(json.dumps(forge.claims).replace(str(forge.claims["exp"]), "1e400").encode()),
    "exp is huge": lambda forge: forge.with_claims(exp=10**30),
    "exp is negative": lambda forge: forge.with_claims(exp=-1),
    "exp is null": lambda forge: forge.with_claims(exp=None),
    "nbf ahead": lambda forge: forge.with_claims(nbf=NOW + 31),
    "nbf is text": lambda forge: forge.with_claims(nbf="soon"),
    "iat ahead": lambda forge: forge.with_claims(iat=NOW + 31),
    "no iat": lambda forge: forge.with_claims(iat=_ABSENT),
    "iss of another realm": lambda forge: forge.with_claims(iss=f"{BASE_URL}/auth/realms/other"),
    "iss of another server": lambda forge: forge.with_claims(iss="https://evil.example/auth/realms/eggplant"),
    "iss with a slash": lambda forge: forge.with_claims(iss=f"{REALM}/"),
    "iss is a list": lambda forge: forge.with_claims(iss=[REALM]),
    "no iss": lambda forge: forge.with_claims(iss=_ABSENT),
    "aud of another": lambda forge: forge.with_claims(aud=["account"]),
    "aud is text": lambda forge: forge.with_claims(aud="not-melanzana"),
    "aud is an object": lambda forge: forge.with_claims(aud={"melanzana": 1}),
    "no aud": lambda forge: forge.with_claims(aud=_ABSENT),
    "ID token": lambda forge: forge.with_claims(typ="ID"),
    "refresh token": lambda forge: forge.with_claims(typ="Refresh"),
    "logout token": lambda forge: forge.with_claims(typ="Logout"),
    "no typ claim": lambda forge: forge.with_claims(typ=_ABSENT),
    "client of nobody": lambda forge: forge.with_claims(client_id="client:dai:api:integration:none"),
    "client is SQL": lambda forge: forge.with_claims(client_id="' OR 1=1 --"),
    "client is a list": lambda forge: forge.with_claims(client_id=["x"]),
    "client is null": lambda forge: forge.with_claims(client_id=None),
    "client has a lone surrogate": lambda forge: forge.with_claims(client_id="\ud800"),
    "generation to come": lambda forge: forge.with_claims(generation=2),
    "generation is true": lambda forge: forge.with_claims(generation=True),
    "no generation": lambda forge: forge.with_claims(generation=_ABSENT),
    "scope is a list": lambda forge: forge.with_claims(scope=["models:read"]),
    "iss twice": lambda forge: forge.with_payload(b'{"iss": "https://evil.example",' + json.dumps(forge.claims).encode()[1:]),
    "header names twice": lambda forge: signed(
        forge.private, b'{"alg": "none",' + json.dumps(forge.header).encode()[1:], forge.claims
    ),
    "payload is a list": lambda forge: forge.with_payload(b"[]"),
    "payload is text": lambda forge: forge.with_payload(b'"x"'),
    "payload is not UTF-8": lambda forge: forge.with_payload(b'{"iss": "\xff"}'),
    "payload is UTF-16": lambda forge: forge.with_payload(json.dumps(forge.claims).encode("utf-16")),
    "payload has a BOM": lambda forge: forge.with_payload(b"\xef\xbb\xbf" + json.dumps(forge.claims).encode()),
    "payload is nested deeply": lambda forge: forge.with_payload(b"[" * 3_000),
    "header is a list": lambda forge: signed(forge.private, b"[]", forge.claims),
    "non-canonical base64": lambda forge: _twin_base64(forge.token),
    "padding": lambda forge: forge.token + "=",
    "newline at the end": lambda forge: forge.token + "\n",
    "space inside": lambda forge: forge.token.replace(".", " .", 1),
    "two segments": lambda forge: forge.token.rpartition(".")[0],
    "four segments": lambda forge: forge.token + ".x",
    "five segments, a JWE": lambda forge: "a.b.c.d.e",
    "standard base64 alphabet": lambda forge: forge.token[:-2] + "+/",
    "8 kB": lambda forge: forge.with_claims(padding="x" * 8_000),
    "a megabyte": lambda forge: "a" * 1_000_000,
    "letters that are not ASCII": lambda forge: forge.token + "é",
    "Arabic digits": lambda forge: forge.token[:-1] + "٣",
    "one bit of the payload": lambda forge: _flip(forge.token, 1),
    "one bit of the signature": lambda forge: _flip(forge.token, 2),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_token_is_refused(name: str, lasting: Auth, forge: Forge) -> None:
    """A token that is wrong in this way is an InvalidTokenError and nothing worse."""
    with pytest.raises(InvalidTokenError):
        await lasting.service.verify_token(HOSTILE[name](forge))


async def test_forge_makes_good_tokens(lasting: Auth, forge: Forge) -> None:
    """The forge's own means are sound: unchanged, or within the leeway, its tokens are believed."""
    good = [forge.token, forge.with_header(), forge.with_claims(), forge.with_claims(exp=NOW - 29)]
    good += [forge.with_claims(iat=NOW + 30), forge.with_claims(nbf=NOW + 30)]
    for token in good:
        assert (await lasting.service.verify_token(token)).client_id == lasting.client.client_id


async def test_expiry(auth: Auth) -> None:
    """A token is believed until its end and the leeway, and not a second longer."""
    token = await auth.token()
    auth.clock.move(300 + 29)
    await auth.service.verify_token(token)
    auth.clock.move(1)
    with pytest.raises(InvalidTokenError):
        await auth.service.verify_token(token)


async def test_token_of_one_realm_in_another(auth: Auth) -> None:
    """A token of realm A that claims to be of realm B is refused, and so is A's client under B's key."""
    await auth.realms.ensure_realm("other")
    ours, others = await auth.realms.signing_key("eggplant"), await auth.realms.signing_key("other")
    forge = Forge(await auth.token(), ours.key, ours.key.private_key)  # type: ignore[arg-type]
    moved = forge.with_claims(iss=f"{BASE_URL}/auth/realms/other")
    foreign = signed(
        others.key.private_key,  # type: ignore[arg-type]
        {**forge.header, "kid": others.kid},
        {**forge.claims, "iss": f"{BASE_URL}/auth/realms/other"},
    )
    for token in (moved, foreign):
        with pytest.raises(InvalidTokenError):
            await auth.service.verify_token(token)


async def test_an_independent_library_verifies_our_tokens(auth: Auth) -> None:
    """PyJWT, with the published keys, accepts a token and reads its claims."""
    token = await auth.token()
    async with auth.http() as http:
        keys = jwt.PyJWKSet.from_dict((await http.get(f"{REALM}/protocol/openid-connect/certs")).json())
    header = jwt.get_unverified_header(token)
    options: Any = {"require": ["exp", "iat", "iss", "aud", "sub", "jti"], "verify_exp": False}
    claims = jwt.decode(token, keys[header["kid"]], ["RS256"], issuer=REALM, audience="melanzana", options=options)
    assert header == {"alg": "RS256", "typ": "JWT", "kid": header["kid"]}
    assert claims["exp"] - claims["iat"] == 300
    assert claims["client_id"] == claims["azp"] == auth.client.client_id
    assert claims["jti"].startswith("trrtcc:")
    assert claims["sid"] == claims["session_state"]
    assert claims["preferred_username"] == f"service-account-{auth.client.client_id}"
    assert claims["clientAddress"] == "192.0.2.1"
    assert claims["typ"] == "Bearer"


async def test_ids_are_distinct(auth: Auth) -> None:
    """Two grants in the same second are two tokens with ids of their own, and one subject."""
    claims = [jwt.decode(await auth.token(), options={"verify_signature": False}) for _ in range(2)]
    assert claims[0]["jti"] != claims[1]["jti"]
    assert claims[0]["sid"] != claims[1]["sid"]
    assert claims[0]["sub"] == claims[1]["sub"]


READING = tokens.Reading(realm="eggplant", issuer=REALM, ring=KeyRing(), token_types=frozenset({"JWT"}), now_seconds=NOW)


@settings(max_examples=300)
@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,10}", fullmatch=True))
def test_any_text_is_refused_cleanly(text: str) -> None:
    """No text makes the reader raise anything but its own refusal."""
    with pytest.raises(InvalidTokenError):
        tokens.read(tokens.opened(text), READING)

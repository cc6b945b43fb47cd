"""Public keys as clients register them."""

import json
from base64 import urlsafe_b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from melanzana.clients.public_keys import checked_keys, imported, key_ids, read_public_keys
from melanzana.errors import RequestError

EC, ED, RSA = ECKey.generate_key("P-256"), OKPKey.generate_key("Ed25519"), RSAKey.generate_key(2048)
#: A modulus of 1024 bits.
WEAK = urlsafe_b64encode(generate_private_key(65537, 1024).public_key().public_numbers().n.to_bytes(128)).rstrip(b"=").decode()


@pytest.mark.parametrize(("key", "algorithm"), [(EC, "ES256"), (ED, "EdDSA"), (RSA, "RS256")])
def test_every_form_of_a_key_is_read_as_the_same_set(key: RSAKey | ECKey | OKPKey, algorithm: str) -> None:
    """A JWK, a set of one and a PEM file give the same key with its one algorithm and its thumbprint as id."""
    jwk = key.as_dict(private=False)
    forms = [json.dumps(jwk), json.dumps({"keys": [jwk]}), key.as_pem(private=False).decode()]
    kept = [read_public_keys(form) for form in forms]
    assert kept[0] == kept[1] == kept[2]
    (only,) = kept[0]["keys"]
    assert (only["alg"], only["use"], only["kid"]) == (algorithm, "sig", key.thumbprint())
    assert imported(only).thumbprint() == key.thumbprint()
    assert not imported(only).is_private


def test_a_key_may_name_its_algorithm_and_id() -> None:
    """PS256 is used when the key says so; its own id is kept."""
    kept = checked_keys({**RSA.as_dict(private=False), "alg": "PS256", "kid": "build-7"})
    assert (kept["keys"][0]["alg"], key_ids(kept)) == ("PS256", ["build-7"])


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (EC.as_dict(private=True), "secret"),
        (OctKey.generate_key().as_dict(), "secret"),
        ({"kty": "RSA", "n": RSA.as_dict(private=False)["n"], "e": "AQAB", "alg": "HS256"}, "alg"),
        ({"kty": "RSA", "n": "AQAB", "e": "AQAB"}, "17 bits"),
        ({"kty": "RSA", "n": WEAK, "e": "AQAB"}, "1024 bits"),
        (ECKey.generate_key("P-384").as_dict(private=False), "P-256"),
        ({**EC.as_dict(private=False), "use": "enc"}, "not for signatures"),
        ({**EC.as_dict(private=False), "kid": 7}, "kid"),
        ({**EC.as_dict(private=False), "x": 7}, "cannot be read"),
        ({"kty": "EC", "crv": "P-256"}, "cannot be read"),
        ({"keys": []}, "1 to 5"),
        ({"keys": [EC.as_dict(private=False)] * 6}, "1 to 5"),
        ({"keys": [EC.as_dict(private=False)] * 2}, "same kid"),
        ({"keys": [7]}, "kty"),
        ({"keys": "all"}, "1 to 5"),
        ({}, "kty"),
    ],
)
def test_bad_keys_are_refused_with_a_reason(document: dict[str, object], says: str) -> None:
    """Secret, weak, unknown and broken keys are refused, and the message says which key and why."""
    with pytest.raises(RequestError, match=says) as caught:
        checked_keys(document)
    assert caught.value.detail == {"field": "public_keys"}


@pytest.mark.parametrize("text", ["", "[]", "nonsense", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "{" * 40_000])
def test_text_that_is_no_key_is_refused(text: str) -> None:
    """Neither JSON nor PEM, or too long."""
    with pytest.raises(RequestError, match="public_keys"):
        read_public_keys(text)


def test_a_private_pem_is_refused() -> None:
    """Whoever sends the wrong half is told to keep it."""
    with pytest.raises(RequestError, match="private key: keep it"):
        read_public_keys(EC.as_pem(private=True).decode())


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(
    st.dictionaries(
        st.sampled_from(["kty", "keys", "crv", "x", "y", "n", "e", "alg", "use", "kid", "d"]),
        _json | st.sampled_from(["RSA", "EC", "OKP"]),
    )
)
def test_no_document_breaks_the_reader(document: dict[str, object]) -> None:
    """Whatever is sent is a set or a RequestError."""
    try:
        assert checked_keys(document)["keys"]
    except RequestError as error:
        assert error.detail == {"field": "public_keys"}

"""Keys of every algorithm sign, verify, and show only what is public."""

from datetime import UTC, datetime

import jwt
import pytest
from joserfc import jws

from melanzana.realms.keys import KeyRing, new_signing_key, unseal
from melanzana.realms.records import ALGORITHMS, KeyState
from support_auth import MASTER

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm(algorithm: str) -> None:
    """An independent library verifies with the published key what our key signed; the key's id is its thumbprint."""
    stored = new_signing_key("eggplant", MASTER, NOW, algorithm)
    live = unseal(stored, MASTER)
    token = jws.serialize_compact({"alg": algorithm, "kid": live.kid}, b'{"a":1}', live.key, algorithms=[algorithm])
    (published,) = KeyRing([live]).published("eggplant")["keys"]
    assert jwt.decode(token, jwt.PyJWK(published), [algorithm]) == {"a": 1}
    assert published["kid"] == stored.kid == live.key.thumbprint()
    assert (published["use"], published["alg"]) == ("sig", algorithm)
    assert published.keys().isdisjoint({"d", "p", "q", "dp", "dq", "qi", "k", "oth"})


def test_stored_key_is_sealed() -> None:
    """Neither what is stored nor what is printed of a key shows its private part."""
    stored = new_signing_key("eggplant", MASTER, NOW, "EdDSA")
    assert b"PRIVATE KEY" not in stored.sealed_pem
    assert "sealed_pem" not in repr(stored)


def test_ids_are_no_options() -> None:
    """No key id starts with a dash, which a command line would take for an option."""
    assert not any(new_signing_key("r", MASTER, NOW, "EdDSA").kid.startswith("-") for _ in range(300))


def test_order_of_the_published_set() -> None:
    """A client that takes the first key takes the one that signs; disabled keys are not there."""
    states = (KeyState.PASSIVE, KeyState.DISABLED, KeyState.NEXT, KeyState.ACTIVE)
    keys = [unseal(new_signing_key("r", MASTER, NOW, "EdDSA", state), MASTER) for state in states]
    ring = KeyRing(keys)
    shown = [key["kid"] for key in ring.published("r")["keys"]]
    assert shown == [keys[3].kid, keys[2].kid, keys[0].kid]
    assert ring.verifying("r", keys[1].kid) is None
    assert ring.signing("r") == keys[3]


def test_keys_are_their_realms_own() -> None:
    """The same id in two realms is two keys, and neither is the other's."""
    ours, theirs = (unseal(new_signing_key(realm, MASTER, NOW, "EdDSA"), MASTER) for realm in ("a", "b"))
    ring = KeyRing([ours, theirs])
    assert ring.verifying("a", theirs.kid) is None
    assert ring.verifying("a", ours.kid) == ours
    assert ring.of("c") == ring.published("c")["keys"] == []
    assert ring.signing("c") is None


def test_one_realms_part_is_replaced() -> None:
    """A ring with another realm's keys replaced is a new ring; the old one stays as it was."""
    first, second, other = (unseal(new_signing_key(realm, MASTER, NOW, "EdDSA"), MASTER) for realm in ("a", "a", "b"))
    before = KeyRing([first, other])
    after = before.with_realm("a", [second])
    assert (before.signing("a"), after.signing("a"), after.signing("b")) == (first, second, other)

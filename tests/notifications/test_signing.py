"""Signatures of webhooks."""

from datetime import UTC, datetime

import pytest

from melanzana.notifications import signing


def test_the_example_of_the_specification() -> None:
    """Secret, id, instant and body that other implementations use as their example give the signature that they give."""
    secret = signing.read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1_614_265_330, UTC)
    headers = signing.signature_headers(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_secret_is_written_and_read() -> None:
    """What people see is the secret and nothing else; what is none is refused."""
    assert signing.read(signing.written(b"s" * 32)) == b"s" * 32
    with pytest.raises(ValueError, match=r"base64|padding|characters"):
        signing.read("whsec_nonsense!")

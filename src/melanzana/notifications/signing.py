"""Signatures of webhooks, as the Standard Webhooks specification (1.0) has them. Pure.

`webhook-signature: v1,<base64 of HMAC-SHA256 over id.timestamp.body>`; the secret is shown as `whsec_` and base64.
"""

import hmac
from base64 import b64decode, b64encode
from datetime import datetime

PREFIX = "whsec_"
SECRET_BYTES = 32


def written(secret: bytes) -> str:
    """The secret as people see it."""
    return PREFIX + b64encode(secret).decode()


def read(text: str) -> bytes:
    """Raises ValueError when it is none."""
    return b64decode(text.removeprefix(PREFIX), validate=True)


def signature_headers(secret: bytes, delivery_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of one message."""
    stamp = str(int(at.timestamp()))
    signed = b".".join((delivery_id.encode(), stamp.encode(), body))
    signature = b64encode(hmac.digest(secret, signed, "sha256")).decode()
    return {"webhook-id": delivery_id, "webhook-timestamp": stamp, "webhook-signature": f"v1,{signature}"}

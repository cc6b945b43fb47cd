"""Loaded by Schemathesis (`SCHEMATHESIS_HOOKS`): a new token every other second, and a check of what an identity may never get.

Among what is fuzzed are revocations, key rotations and log-everybody-out, so no token lives long.
"""

import json
import os
from typing import Any

import httpx
import schemathesis

#: A word in the names of things that whoever asks must not see; none: nothing is foreign.
FOREIGN = os.environ.get("FUZZ_FOREIGN")
_QUESTIONS = {"GET", "HEAD", "OPTIONS", "TRACE"}
#: What takes no permission of a client: its own tokens.
_OWN_TOKENS = ("auth", "/.well-known/")


@schemathesis.auth(refresh_interval=2)
class Renewed:
    """Who asks, and where, is told by the environment: an address and the form that gets a token there."""

    def get(self, case: Any, context: Any) -> str:
        answer = httpx.post(os.environ["FUZZ_TOKEN_URL"], data=json.loads(os.environ["FUZZ_FORM"]), timeout=30)
        return str(answer.raise_for_status().json()["access_token"])

    def set(self, case: Any, data: str, context: Any) -> None:
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}


@schemathesis.check
def keeps_to_its_permissions(ctx: Any, response: Any, case: Any) -> None:
    """An identity that may only read changes nothing, and sees nothing of another realm."""
    if FOREIGN is None:
        return
    assert FOREIGN not in response.text, "something of another realm was shown"
    changed = case.method.upper() not in _QUESTIONS and response.status_code < 300
    assert not changed or any(part in case.path for part in _OWN_TOKENS), "something was changed without the permission"


@schemathesis.serializer("application/zip")
def as_bytes(ctx: Any, value: Any) -> bytes:
    """The body of an upload, whatever was drawn for it: none of it is an archive, and each has to be refused by name."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")

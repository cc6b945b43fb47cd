"""Loaded by Schemathesis (`SCHEMATHESIS_HOOKS`): a new token every other second.

Among what is fuzzed are revocations, key rotations and log-everybody-out, so no token lives long.
"""

import json
import os
from typing import Any

import httpx
import schemathesis


@schemathesis.auth(refresh_interval=2)
class Renewed:
    """Who asks, and where, is told by the environment: an address and the form that gets a token there."""

    def get(self, case: Any, context: Any) -> str:
        answer = httpx.post(os.environ["FUZZ_TOKEN_URL"], data=json.loads(os.environ["FUZZ_FORM"]), timeout=30)
        return str(answer.raise_for_status().json()["access_token"])

    def set(self, case: Any, data: str, context: Any) -> None:
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}

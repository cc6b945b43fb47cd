"""What ties a login to the browser that began it, without a row for every stranger.

A browser that opens the login gets one random value in a cookie, its binding. Everything that must come back through that same
browser follows from the binding and a key of the installation: the token of the login form, the `state` sent to `/login/callback`
and to other identity providers, and the PKCE verifiers that belong to a state. Somebody without the cookie can make none of them,
and a state says itself where the login goes on. `pages.py` and `external_login.py` use it.
"""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from secrets import token_urlsafe

from fastapi import Request
from starlette.responses import Response

from melanzana.clock import Clock
from melanzana.realms.master_key import MasterKey

#: A login that takes longer begins anew.
LIFETIME = timedelta(hours=1)
_BINDING_CHARACTERS = 43
_LONGEST_STATE = 6_000
_NAME = "melanzana-login"


class LoginBinding:
    """Makes and checks what comes back."""

    def __init__(self, master: MasterKey, clock: Clock, base_url: str) -> None:
        self._key = master.digest("login binding 1")
        self._clock = clock
        self._secure = base_url.startswith("https://")
        self._cookie = f"__Host-{_NAME}" if self._secure else _NAME

    def of(self, request: Request) -> str | None:
        """The binding that the browser brought."""
        value = request.cookies.get(self._cookie, "")
        return value if len(value) == _BINDING_CHARACTERS and value.isascii() else None

    @staticmethod
    def new() -> str:
        return token_urlsafe(32)

    def keep(self, response: Response, binding: str) -> None:
        """Let the browser bring the binding until it is closed."""
        response.set_cookie(self._cookie, binding, path="/", secure=self._secure, httponly=True, samesite="lax")

    def forget(self, response: Response) -> None:
        response.delete_cookie(self._cookie, path="/", secure=self._secure, httponly=True, samesite="lax")

    def form_token(self, binding: str, purpose: str) -> str:
        """What a form of this browser carries. `purpose`: which form, with everything that must not be exchanged in it."""
        return self._tag("form", binding, purpose)

    def is_form_token(self, binding: str | None, purpose: str, presented: object) -> bool:
        if binding is None or not isinstance(presented, str):
            return False
        return hmac.compare_digest(self.form_token(binding, purpose).encode(), presented.encode("utf-8", "surrogatepass"))

    def state(self, binding: str, purpose: str, content: Mapping[str, str]) -> str:
        """A value for the parameter `state` that carries `content` and is good in this browser only, for an hour."""
        expires = int((self._clock.now() + LIFETIME).timestamp())
        body = _encode(json.dumps([token_urlsafe(16), expires, dict(content)], separators=(",", ":")).encode())
        return f"{body}.{self._tag('state', binding, purpose, body)}"

    def content(self, binding: str | None, purpose: str, state: str | None) -> dict[str, str] | None:
        """What `state` carries; None when it was not made for this browser and purpose, or is too old."""
        body, _, tag = (state or "").partition(".")
        if binding is None or len(body) > _LONGEST_STATE:
            return None
        if not hmac.compare_digest(self._tag("state", binding, purpose, body).encode(), tag.encode("utf-8", "surrogatepass")):
            return None
        _random, expires, content = json.loads(_decode(body))
        return dict(content) if self._clock.now().timestamp() < expires else None

    def verifier(self, binding: str, state: str) -> str:
        """The PKCE verifier of the request with that state: 43 characters that only this browser's cookie brings back."""
        return self._tag("verifier", binding, state)

    def nonce(self, binding: str, state: str) -> str:
        """The nonce of the request with that state."""
        return self._tag("nonce", binding, state)

    def _tag(self, *parts: str) -> str:
        return _encode(hmac.digest(self._key, json.dumps(parts).encode(), "sha256"))


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier (RFC 7636 section 4.2)."""
    return _encode(sha256(verifier.encode("utf-8", "surrogatepass")).digest())


def _encode(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))

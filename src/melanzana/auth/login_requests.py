"""Reads a request to the authorization endpoint, strictly (RFC 6749 section 4.1.1, RFC 7636, OpenID Connect Core section 3.1.2.1).

What is wrong with client or redirect_uri is told on a page, since the address given may be anybody's; everything after that is told
by redirect. `pages.py` asks, twice: when the form is shown and when it comes back.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from melanzana.access.permissions import HABITUAL_SCOPES, Scope
from melanzana.auth.login_records import AuthorizationRequest, Refusal
from melanzana.auth.public_clients import PublicClient, public_client, redirect_allowed

LONGEST_QUERY = 8_192
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
#: A SHA-256 digest in base64url, the only challenge that S256 can have.
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_PROMPTS = frozenset({"none", "login", "consent", "select_account"})
_SCOPES = frozenset(Scope) | HABITUAL_SCOPES
_Pairs = Sequence[tuple[str, str]]
#: Parameters that mean the request is one; an address opened by hand has none of them.
_MEANT = frozenset({"client_id", "redirect_uri", "response_type", "code_challenge", "state"})


def opened_by_hand(pairs: _Pairs) -> bool:
    """Somebody typed the address of the login page: there is no client that asks."""
    return all(name not in _MEANT or not value for name, value in pairs)


def read_request(realm: str, pairs: _Pairs, base_url: str) -> AuthorizationRequest | Refusal:
    """The request that these parameters make, or why it is refused. `pairs`: the query, decoded."""
    values = {name: value for name, value in pairs if value}
    refusal = _refuse_sender(pairs, values, base_url)
    client = public_client(values.get("client_id"))
    if refusal is not None or client is None:
        return refusal or _page("Client not found.")
    problem = _problem(pairs, values)
    if problem is not None:
        return Refusal(
            error=problem.error, description=problem.text, redirect_uri=values["redirect_uri"], state=values.get("state")
        )
    return _request(realm, client, values, urlencode(pairs))


def with_parameters(redirect_uri: str, **parameters: str | None) -> str:
    """The address with these parameters; ours never have any of their own."""
    return f"{redirect_uri}?{urlencode({name: value for name, value in parameters.items() if value is not None})}"


@dataclass(frozen=True, slots=True)
class _Problem:
    error: str
    text: str


def _refuse_sender(pairs: _Pairs, values: Mapping[str, str], base_url: str) -> Refusal | None:
    if any(_CONTROL.search(text) for pair in pairs for text in pair):
        return _page("A parameter has control characters.")
    if any(_count(pairs, name) > 1 for name in ("client_id", "redirect_uri")):
        return _page("duplicated parameter")
    client = public_client(values.get("client_id"))
    if client is None:
        return _page("Client not found." if "client_id" in values else "Missing parameter: client_id")
    if not redirect_allowed(client, values.get("redirect_uri", ""), base_url):
        return _page("Invalid parameter: redirect_uri")
    return None


def _page(description: str) -> Refusal:
    return Refusal(error="invalid_request", description=description)


def _problem(pairs: _Pairs, values: Mapping[str, str]) -> _Problem | None:
    """The first thing that is wrong, in the order in which Keycloak looks."""
    if len({name for name, _ in pairs}) != len(pairs):
        return _Problem("invalid_request", "duplicated parameter")
    if (response := _problem_of_response(values)) is not None:
        return response
    for name in ("request", "request_uri"):
        if name in values:
            return _Problem(f"{name}_not_supported", f"The parameter {name} is not supported")
    if not set(values.get("scope", "openid").split(" ")) <= _SCOPES:
        return _Problem("invalid_scope", "Invalid scopes: at least one is unknown")
    return _problem_of_challenge(values) or _problem_of_prompt(values)


def _problem_of_response(values: Mapping[str, str]) -> _Problem | None:
    response_type = values.get("response_type")
    if response_type is None:
        return _Problem("invalid_request", "Missing parameter: response_type")
    if response_type != "code":
        return _Problem("unsupported_response_type", "Only the response type code is supported")
    if values.get("response_mode", "query") != "query":
        return _Problem("invalid_request", "Invalid parameter: response_mode")
    return None


def _problem_of_challenge(values: Mapping[str, str]) -> _Problem | None:
    method, challenge = values.get("code_challenge_method"), values.get("code_challenge")
    if method is None:
        return _Problem("invalid_request", "Missing parameter: code_challenge_method")
    if method != "S256":
        return _Problem("invalid_request", "Invalid parameter: code challenge method is not configured one")
    if challenge is None:
        return _Problem("invalid_request", "Missing parameter: code_challenge")
    return None if _CHALLENGE.fullmatch(challenge) else _Problem("invalid_request", "Invalid parameter: code_challenge")


def _problem_of_prompt(values: Mapping[str, str]) -> _Problem | None:
    words = _words(values.get("prompt"))
    if not words <= _PROMPTS or ("none" in words and len(words) > 1):
        return _Problem("invalid_request", "Invalid parameter: prompt")
    max_age = values.get("max_age", "0")
    if not (max_age.isascii() and max_age.isdigit() and len(max_age) < 10):
        return _Problem("invalid_request", "Invalid parameter: max_age")
    return None


def _request(realm: str, client: PublicClient, values: Mapping[str, str], query: str) -> AuthorizationRequest:
    return AuthorizationRequest(
        realm=realm,
        client=client,
        redirect_uri=values["redirect_uri"],
        scope=values.get("scope", "openid"),
        code_challenge=values["code_challenge"],
        state=values.get("state"),
        nonce=values.get("nonce"),
        prompt=_words(values.get("prompt")),
        max_age_seconds=int(values["max_age"]) if "max_age" in values else None,
        login_hint=values.get("login_hint", ""),
        query=query,
    )


def _words(text: str | None) -> frozenset[str]:
    return frozenset(text.split(" ")) if text else frozenset()


def _count(pairs: _Pairs, name: str) -> int:
    return sum(1 for key, _ in pairs if key == name)

"""What the authorization endpoint takes for a request, and how it says no."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.auth.local_paths import local_path
from melanzana.auth.login_records import AuthorizationRequest, Refusal
from melanzana.auth.login_requests import opened_by_hand, read_request
from support_people_login import BASE_URL, request_parameters

WEB_REDIRECT = f"{BASE_URL}/login/callback"


def read(**changes: str | None) -> AuthorizationRequest | Refusal:
    return read_request("eggplant", list(request_parameters(**changes).items()), BASE_URL)


def test_a_good_request_of_each_client() -> None:
    """The pages come back to their own address, the command line to any port of 127.0.0.1."""
    web = read(client_id="melanzana-web", redirect_uri=WEB_REDIRECT)
    assert isinstance(web, AuthorizationRequest)
    assert (web.client.name, web.redirect_uri, web.state) == ("Melanzana", WEB_REDIRECT, "a state")
    for port in (1, 4711, 65535):
        assert isinstance(read(redirect_uri=f"http://127.0.0.1:{port}/callback"), AuthorizationRequest)


HOSTILE_WEB = [
    "https://evil.example.org/login/callback",
    "https://tests.example.org.evil.org/login/callback",
    f"{WEB_REDIRECT}/more",
    f"{BASE_URL}/login/../login/callback",
    f"{WEB_REDIRECT}?extra=1",
    f"{WEB_REDIRECT}#fragment",
    "https://tests.example.org@evil.org/login/callback",
    "//evil.org/login/callback",
    "https:\\\\evil.org\\login\\callback",
    "javascript:alert(1)",
    "https://tests.example.org:8443/login/callback",
    "http://tests.example.org/login/callback",
    "https://tests.ex\u0430mple.org/login/callback",
    "https://TESTS.example.org/login/callback",
    f"{WEB_REDIRECT} ",
    "/login/callback",
    "",
]
HOSTILE_CLI = [
    "http://localhost:4711/callback",
    "http://127.0.0.1/callback",
    "http://127.0.0.1:0/callback",
    "http://127.0.0.1:65536/callback",
    "http://127.0.0.1:04711/callback",
    "http://127.0.0.1:4711/callback/",
    "http://127.0.0.1:4711/callback?x=1",
    "http://127.0.0.1:4711@evil.org/callback",
    "http://127.0.0.1:4711/../callback",
    "https://127.0.0.1:4711/callback",
    "http://127.0.0.1.evil.org:4711/callback",
    "http://127.0.0.1:\u0664711/callback",
    "http://[::1]:4711/callback",
]


@pytest.mark.parametrize("redirect_uri", HOSTILE_WEB)
def test_54_redirect_of_the_pages_is_exact(redirect_uri: str) -> None:
    """No other address than the pages' own gets a code or even an error."""
    refused = read(client_id="melanzana-web", redirect_uri=redirect_uri)
    assert isinstance(refused, Refusal)
    assert refused.redirect_uri is None


@pytest.mark.parametrize("redirect_uri", HOSTILE_CLI)
def test_54_redirect_of_the_command_line_is_loopback(redirect_uri: str) -> None:
    """Only a port of 127.0.0.1 and the path /callback."""
    refused = read(redirect_uri=redirect_uri)
    assert isinstance(refused, Refusal)
    assert refused.redirect_uri is None


@pytest.mark.parametrize("client_id", ["nobody", "melanzana-web ", "MELANZANA-WEB", "client:dai:api:integration:1", None])
def test_unknown_client_is_told_on_a_page(client_id: str | None) -> None:
    """Whoever asks in an unknown name is not redirected anywhere."""
    refused = read(client_id=client_id)
    assert isinstance(refused, Refusal)
    assert refused.redirect_uri is None


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"code_challenge_method": None}, "invalid_request", "Missing parameter: code_challenge_method"),
        ({"code_challenge_method": "plain"}, "invalid_request", "code challenge method is not configured one"),
        ({"code_challenge": None}, "invalid_request", "Missing parameter: code_challenge"),
        ({"code_challenge": "x" * 42}, "invalid_request", "Invalid parameter: code_challenge"),
        ({"code_challenge": "x" * 44}, "invalid_request", "Invalid parameter: code_challenge"),
        ({"code_challenge": "x" * 42 + "+"}, "invalid_request", "Invalid parameter: code_challenge"),
        ({"response_type": None}, "invalid_request", "Missing parameter: response_type"),
        ({"response_type": "token"}, "unsupported_response_type", "code"),
        ({"response_type": "code id_token"}, "unsupported_response_type", "code"),
        ({"response_mode": "fragment"}, "invalid_request", "response_mode"),
        ({"response_mode": "form_post"}, "invalid_request", "response_mode"),
        ({"scope": "openid everything"}, "invalid_scope", "scopes"),
        ({"request": "eyJ"}, "request_not_supported", "request"),
        ({"request_uri": "https://evil.org"}, "request_uri_not_supported", "request_uri"),
        ({"prompt": "none login"}, "invalid_request", "prompt"),
        ({"prompt": "dance"}, "invalid_request", "prompt"),
        ({"max_age": "-1"}, "invalid_request", "max_age"),
    ],
)
def test_56_what_is_wrong_after_that_goes_to_the_client(changes: dict[str, str | None], error: str, words: str) -> None:
    """A wrong parameter of a known client is told by redirect, with its state; PKCE S256 is always needed."""
    refused = read(**changes)
    assert isinstance(refused, Refusal)
    assert (refused.error, refused.state) == (error, "a state")
    assert words in refused.description
    assert refused.redirect_uri is not None


@pytest.mark.parametrize("name", ["state", "scope", "code_challenge", "redirect_uri", "client_id"])
def test_a_parameter_twice(name: str) -> None:
    """A parameter that stands twice is refused, and on a page when it says who asks or where to."""
    pairs = [*request_parameters().items(), (name, "again")]
    refused = read_request("eggplant", pairs, BASE_URL)
    assert isinstance(refused, Refusal)
    assert (refused.redirect_uri is None) == (name in {"redirect_uri", "client_id"})
    assert refused.description == "duplicated parameter"


def test_control_characters_are_told_on_a_page() -> None:
    """A line break in a parameter never comes near a header."""
    for name in ("state", "redirect_uri", "nonce", "unknown"):
        refused = read(**{name: "a\r\nLocation: https://evil.org"})
        assert isinstance(refused, Refusal)
        assert refused.redirect_uri is None


def test_address_opened_by_hand() -> None:
    """An address without the parameters of a client was typed by somebody who wants to log in."""
    assert opened_by_hand([])
    assert opened_by_hand([("kc_locale", "de"), ("client_id", "")])
    assert not opened_by_hand([("client_id", "x")])


@given(st.lists(st.tuples(st.sampled_from([*request_parameters(), "prompt", "max_age"]), st.text(max_size=60)), max_size=12))
def test_no_query_is_an_exception(pairs: list[tuple[str, str]]) -> None:
    """Whatever stands in the query is a request or a refusal, and a refusal by redirect goes to an address of ours."""
    found = read_request("eggplant", pairs, BASE_URL)
    assert isinstance(found, AuthorizationRequest | Refusal)
    if found.redirect_uri is not None:
        assert found.redirect_uri == WEB_REDIRECT or re.fullmatch(r"http://127\.0\.0\.1:\d+/callback", found.redirect_uri)


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.org",
        "//evil.org",
        "///evil.org",
        "/\\evil.org",
        "\\\\evil.org",
        "/a\r\nSet-Cookie: x=1",
        "/\tevil",
        "/ /evil",
        "javascript:alert(1)",
        "models",
        "",
        None,
        "/" + "a" * 3_000,
        "/caf\u00e9",
        "/\x00",
    ],
)
def test_55_only_local_paths_are_gone_on_to(wanted: str | None) -> None:
    """After a login, everything that is no path of this server leads home."""
    assert local_path(wanted) == "/"


@pytest.mark.parametrize("wanted", ["/", "/models?q=a%20b", "/system/users/1#x", "/a//b", "/a:b@c", "/%0d%0a"])
def test_55_local_paths_stay(wanted: str) -> None:
    """A path of this server, encoded as browsers do it, is kept as it is."""
    assert local_path(wanted) == wanted

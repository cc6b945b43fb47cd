"""The token endpoint answers as Keycloak does, with the deviations that are written down."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support_auth import BASE_URL, REALM, SOMEBODY, TOKEN_URL, Auth, form, make_auth

pytestmark = pytest.mark.anyio

REFUSED = b'{"error":"invalid_client","error_description":"Invalid client or Invalid client credentials"}'
FORM = "application/x-www-form-urlencoded"


async def post(
    auth: Auth, content: bytes | str, kind: str | None = FORM, address: str = "192.0.2.1", **headers: str
) -> httpx.Response:
    """A raw request to the token endpoint."""
    sent = {**({"content-type": kind} if kind is not None else {}), **headers}
    async with auth.http(address) as http:
        return await http.post(TOKEN_URL, content=content, headers=sent)


async def post_form(auth: Auth, address: str = "192.0.2.1", **fields: str) -> httpx.Response:
    return await post(auth, urlencode(fields), address=address)


def basic(client_id: str, secret: str, *, encoded: bool = True) -> dict[str, str]:
    user, password = (quote(client_id, safe=""), quote(secret, safe="")) if encoded else (client_id, secret)
    return {"authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


GRANT = "grant_type=client_credentials"


async def test_seven_fields_in_order(auth: Auth) -> None:
    """The answer has the product's seven fields, in Keycloak's order, and may not be cached."""
    answer = await post_form(auth, **form(auth.client))
    body = answer.json()
    assert answer.status_code == 200
    assert list(body) == [
        "access_token",
        "expires_in",
        "refresh_expires_in",
        "token_type",
        "not-before-policy",
        "session_state",
        "scope",
    ]
    assert (body["expires_in"], body["refresh_expires_in"], body["token_type"], body["not-before-policy"]) == (300, 0, "Bearer", 0)
    assert answer.headers["content-type"] == "application/json"
    assert_not_cached(answer)


def assert_not_cached(answer: httpx.Response) -> None:
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")


def _bad_requests() -> Mapping[str, tuple[str | bytes, int, dict[str, str]]]:
    whole = f"{GRANT}&client_id=ID&client_secret=SECRET"
    grant_types = ("password", "implicit", "refresh_token", "authorization_code", "urn:ietf:params:oauth:grant-type:token-exchange")
    grant_types += ("CLIENT_CREDENTIALS",)
    unsupported = {"error": "unsupported_grant_type", "error_description": "Unsupported grant_type"}
    missing = {"error": "invalid_request", "error_description": "Missing form parameter: grant_type"}
    nobody = {"error": "invalid_client", "error_description": "Missing client_id parameter"}
    twice = {"error": "invalid_request", "error_description": "duplicated parameter"}
    unread = {"error": "invalid_request", "error_description": "The body cannot be read"}
    control = {"error": "invalid_request", "error_description": "Control characters are not allowed in parameters"}
    scope = {
        "error": "invalid_scope",
        "error_description": "Invalid scopes: at least one is unknown or not allowed for this client",
    }
    return {
        "empty body": ("", 400, missing),
        "no grant_type": ("client_id=ID&client_secret=SECRET", 400, missing),
        "empty grant_type": ("grant_type=&client_id=ID&client_secret=SECRET", 400, missing),
        **{
            f"grant_type {name}": (f"grant_type={quote(name)}&client_id=ID&client_secret=SECRET", 400, unsupported)
            for name in grant_types
        },
        "grant_type in capitals": ("grant_type=CLIENT_CREDENTIALS&client_id=ID&client_secret=SECRET", 400, unsupported),
        "grant_type wrong and nobody asks": ("grant_type=password", 400, unsupported),
        "no client_id": (
            f"{GRANT}&client_secret=SECRET",
            400,
            nobody,
        ),
        "grant_type twice": (f"{whole}&{GRANT}", 400, twice),
        "client_id twice": (f"{whole}&client_id=ID", 400, twice),
        "client_secret twice": (f"{whole}&client_secret=SECRET", 400, twice),
        "scope twice": (f"{whole}&scope=openid&scope=openid", 400, twice),
        "unknown parameter twice": (f"{whole}&x=1&x=2", 400, twice),
        "empty parameter twice": (f"{whole}&scope=&scope=", 400, twice),
        "not UTF-8": (f"{whole}&x=%ff", 400, unread),
        "raw bytes that are not UTF-8": (f"{whole}&x=".encode() + b"\xff\xfe", 400, unread),
        "overlong UTF-8": (f"{whole}&x=%c0%af", 400, unread),
        "surrogate": (f"{whole}&x=%ed%a0%80", 400, unread),
        "NUL": (f"{GRANT}&client_id=ID%00&client_secret=SECRET", 400, control),
        "CR LF": (f"{whole}&scope=openid%0d%0aX:%201", 400, control),
        "10,000 parameters": (
            whole + "".join(f"&p{n}=" for n in range(10_000)),
            413,
            {"error": "HTTP 413 Request Entity Too Large"},
        ),
        "101 parameters": (
            whole + "".join(f"&p{n}=" for n in range(98)),
            400,
            {"error": "invalid_request", "error_description": "Too many parameters"},
        ),
        "scope unknown": (f"{whole}&scope=everything", 400, scope),
        "scope of another kind of client": (f"{whole}&scope=agents:work", 400, scope),
        "scope to make clients": (f"{whole}&scope=openid+clients:manage", 400, scope),
        "scope with quotes": (f"{whole}&scope=%22%5c%27", 400, scope),
        "scope with two spaces": (f"{whole}&scope=openid++profile", 400, scope),
        "10,000 scopes": (f"{whole}&scope=" + "+".join(["openid", *(f"s{n}" for n in range(5_000))]), 400, scope),
    }


BAD_REQUESTS = _bad_requests()


@pytest.mark.parametrize("name", BAD_REQUESTS)
async def test_bad_request(name: str, auth: Auth) -> None:
    """This request gets exactly this status and body, not cached, and no word of what was sent."""
    body, status, expected = BAD_REQUESTS[name]
    raw = body.encode() if isinstance(body, str) else body
    raw = raw.replace(b"=ID", b"=" + auth.client.client_id.encode()).replace(b"=SECRET", b"=" + auth.client.client_secret.encode())
    answer = await post(auth, raw)
    assert (answer.status_code, answer.json()) == (status, expected)
    assert_not_cached(answer)


async def test_refusals_are_one(auth: Auth) -> None:
    """Unknown client, revoked client, another realm's client, missing, empty and wrong secret: one answer, byte by byte."""
    revoked = await auth.clients.create_client("eggplant", "old", actor=SOMEBODY)
    await auth.clients.revoke_client("eggplant", revoked.client_id, actor=SOMEBODY)
    await auth.realms.ensure_realm("other")
    foreign = await auth.clients.create_client("other", "foreign", actor=SOMEBODY)
    known = auth.client.client_id
    requests: list[dict[str, str]] = [
        {"client_id": "nobody", "client_secret": "x"},
        {"client_id": "' OR 1=1 --", "client_secret": "${jndi:ldap://x}"},
        {"client_id": "c" * 5_000, "client_secret": "x"},
        {"client_id": revoked.client_id, "client_secret": revoked.client_secret},
        {"client_id": foreign.client_id, "client_secret": foreign.client_secret},
        {"client_id": known},
        {"client_id": known, "client_secret": ""},
        {"client_id": known, "client_secret": auth.client.client_secret[:-1]},
        {"client_id": known, "client_secret": auth.client.client_secret + "x"},
        {"client_id": known.upper(), "client_secret": auth.client.client_secret},
        {"client_id": known, "client_secret": "é\U0001f346"},
    ]
    answers = [await post_form(auth, grant_type="client_credentials", **request) for request in requests]
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.content for answer in answers} == {REFUSED}
    assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1
    assert "www-authenticate" not in answers[0].headers
    assert_not_cached(answers[0])


async def test_basic_authentication(auth: Auth) -> None:
    """Id and secret may come by Basic, raw as well as percent-encoded, the scheme in any case."""
    client_id, secret = auth.client.client_id, auth.client.client_secret
    for header in (
        basic(client_id, secret),
        basic(client_id, secret, encoded=False),
        {"authorization": basic(client_id, secret)["authorization"].replace("Basic", "bAsIc")},
    ):
        assert (await post(auth, GRANT, **header)).status_code == 200


async def test_credentials_in_header_and_body(auth: Auth) -> None:
    """Both at once are let pass when they are equal, and refused when they differ in anything."""
    other = await auth.clients.create_client("eggplant", "other", actor=SOMEBODY)
    client_id, secret = auth.client.client_id, auth.client.client_secret
    mine = urlencode({"client_id": client_id, "client_secret": secret})
    header = basic(client_id, secret)
    assert (await post(auth, f"{GRANT}&{mine}", **header)).status_code == 200
    assert (await post(auth, f"{GRANT}&client_id={quote(client_id)}", **header)).status_code == 200
    assert (await post(auth, f"{GRANT}&client_secret={secret}", **basic(client_id, ""))).status_code == 200
    differing = [
        urlencode({"client_id": other.client_id, "client_secret": other.client_secret}),
        urlencode({"client_id": other.client_id}),
        urlencode({"client_id": client_id, "client_secret": other.client_secret}),
        urlencode({"client_secret": other.client_secret}),
    ]
    for fields in differing:
        answer = await post(auth, f"{GRANT}&{fields}", **header)
        assert answer.status_code == 400
        assert answer.json()["error"] == "invalid_request"


BAD_HEADERS = {
    "not base64": "Basic !!!",
    "nothing": "Basic ",
    "scheme only": "Basic",
    "no colon": "Basic " + b64encode(b"nocolon").decode(),
    "empty user": "Basic " + b64encode(b":secret").decode(),
    "empty user and secret": "Basic " + b64encode(b":").decode(),
    "colon in the secret": "Basic " + b64encode(b"someone:se:cret").decode(),
    "not UTF-8": "Basic " + b64encode(b"\xff:\xfe").decode(),
    "percent-encoded, not UTF-8": "Basic " + b64encode(b"%ff:x").decode(),
    "64 kB": "Basic " + b64encode(b"a" * 48_000 + b":x").decode(),
    "tab": "Basic\tYTpi",
}


@pytest.mark.parametrize("name", BAD_HEADERS)
async def test_unreadable_basic_header(name: str, auth: Auth) -> None:
    """An Authorization header that names nobody is refused with a challenge, or as a request without a client."""
    answer = await post(auth, GRANT, authorization=BAD_HEADERS[name])
    assert answer.status_code in {400, 401}
    assert answer.json()["error"] == "invalid_client"
    assert answer.headers.get("www-authenticate", 'Basic realm="eggplant"') == 'Basic realm="eggplant"'
    assert_not_cached(answer)


async def test_challenge(auth: Auth) -> None:
    """A refused request that carried an Authorization header gets the challenge that RFC 6749 section 5.2 asks for."""
    answer = await post(auth, GRANT, **basic(auth.client.client_id, "wrong"))
    assert (answer.status_code, answer.headers["www-authenticate"], answer.content) == (401, 'Basic realm="eggplant"', REFUSED)


async def test_two_authorization_headers(auth: Auth) -> None:
    """Two Authorization headers are refused, whatever is in them."""
    header = basic(auth.client.client_id, auth.client.client_secret)["authorization"].encode()
    async with auth.http() as http:
        request = http.build_request(
            "POST", TOKEN_URL, content=GRANT, headers=[(b"content-type", FORM.encode()), *[(b"authorization", header)] * 2]
        )
        assert (await http.send(request)).status_code == 400


async def test_empty_parameters_count_as_absent(auth: Auth) -> None:
    """`scope=` and an unknown parameter change nothing."""
    answer = await post_form(auth, **form(auth.client, scope="", nothing="", extra="1"))
    assert answer.status_code == 200
    assert "executions:start" in answer.json()["scope"].split()


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("openid", "openid"),
        ("openid profile email", "openid profile email"),
        ("email template:dai:agents profile", "email template:dai:agents profile"),
        ("executions:read openid executions:read", "executions:read openid"),
    ],
)
async def test_scope_as_asked(asked: str, given: str, auth: Auth) -> None:
    """The scope that was asked for is the scope that is answered, and `openid` brings no ID token."""
    body = (await post_form(auth, **form(auth.client, scope=asked))).json()
    assert body["scope"] == given
    assert "id_token" not in body


async def test_json_body(auth: Auth) -> None:
    """A JSON object of strings is read like the form."""
    async with auth.http() as http:
        assert (await http.post(TOKEN_URL, json=form(auth.client))).status_code == 200
        answer = await http.post(TOKEN_URL, json={})
    assert (answer.status_code, answer.json()["error_description"]) == (400, "Missing form parameter: grant_type")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff",
        b'{"grant_type": 1}',
        b'{"grant_type": ["client_credentials"]}',
        b'{"grant_type": {"a": "b"}}',
        b'{"grant_type": "client_credentials", "client_id": "\\ud800"}',
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b"\xef\xbb\xbf{}",
    ],
)
async def test_bad_json_body(body: bytes, auth: Auth) -> None:
    """JSON that is no object of strings is an invalid request, never a crash."""
    answer = await post(auth, body, "application/json")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_json_names_twice(auth: Auth) -> None:
    """A name that stands twice in the JSON body is a duplicated parameter."""
    body = json.dumps(form(auth.client))[:-1] + ', "client_id": "x"}'
    answer = await post(auth, body, "application/json")
    assert (answer.status_code, answer.json()["error_description"]) == (400, "duplicated parameter")


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "",
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/xml",
        f"{FORM}; charset=utf-16",
        "application/jsonx",
        "é",
    ],
)
async def test_other_content_types(kind: str | None, auth: Auth) -> None:
    """Any other Content-Type is refused in Keycloak's words and never gets a token."""
    encoded = kind.encode("utf-8") if kind is not None else None
    headers = {} if encoded is None else {b"content-type": encoded}
    async with auth.http() as http:
        request = http.build_request("POST", TOKEN_URL, content=urlencode(form(auth.client)), headers=headers)
        answer = await http.send(request)
    assert (answer.status_code, answer.json()) == (415, {"error": "HTTP 415 Unsupported Media Type"})
    assert_not_cached(answer)


@pytest.mark.parametrize(
    "kind", [f"{FORM}; charset=UTF-8", f'{FORM};charset="utf-8"', FORM.upper(), "application/json; charset=utf-8"]
)
async def test_content_types_that_are_read(kind: str, auth: Auth) -> None:
    """Case and a UTF-8 charset do not matter."""
    answer = await post(auth, "{}" if "json" in kind else "", kind)
    assert answer.json()["error_description"] == "Missing form parameter: grant_type"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
async def test_other_methods(method: str, auth: Auth) -> None:
    """Only POST gets tokens; credentials in the address are no use."""
    async with auth.http() as http:
        answer = await http.request(method, f"{TOKEN_URL}?{urlencode(form(auth.client))}")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    if method != "HEAD":
        assert answer.json() == {"error": "HTTP 405 Method Not Allowed"}


@pytest.mark.parametrize("name", ["client_secret", "client_id", "grant_type", "scope"])
async def test_parameters_in_the_address(name: str, auth: Auth) -> None:
    """A parameter in the address is refused even beside a good body."""
    async with auth.http() as http:
        answer = await http.post(f"{TOKEN_URL}?{name}=x", data=form(auth.client))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_large_body(auth: Auth) -> None:
    """A body over 64 KB is refused; one of exactly 64 KB is read."""
    fields = urlencode(form(auth.client)) + "&x="
    assert (await post(auth, fields + "x" * (64 * 1024 - len(fields)))).status_code == 200
    answer = await post(auth, fields + "x" * (64 * 1024 - len(fields) + 1))
    assert (answer.status_code, answer.json()) == (413, {"error": "HTTP 413 Request Entity Too Large"})


async def test_endless_body(auth: Auth) -> None:
    """A body that does not end is cut as soon as it is too large."""
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while True:
            sent += 1
            yield b"x" * 1_000

    app_calls: list[int] = []
    async with auth.http() as http:
        request = http.build_request("POST", TOKEN_URL, content=endless(), headers={"content-type": FORM})
        answer = await asyncio.wait_for(http.send(request), 10)
        app_calls.append(answer.status_code)
    assert app_calls == [413]
    assert sent < 100


@pytest.mark.parametrize(
    "realm", ["other", "Eggplant", "EGGPLANT", "eggplant.", "a;b", "__proto__", "%F0%9F%8D%86", "a%00", "%2e%2e", "r" * 1_000]
)
async def test_unknown_realm(realm: str, auth: Auth) -> None:
    """Any path and method of an unknown realm answers that it does not exist."""
    async with auth.http() as http:
        for path in ("", "/protocol/openid-connect/token", "/protocol/openid-connect/certs", "/x", "/x/y/z"):
            for method in ("GET", "POST", "DELETE"):
                answer = await http.request(method, f"{BASE_URL}/auth/realms/{realm}{path}")
                assert (answer.status_code, answer.json()) == (404, {"error": "Realm does not exist"})


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/x",
        "/protocol/openid-connect/auth",
        "/protocol/openid-connect/token/",
        "//certs",
    ],
)
async def test_unknown_path(path: str, auth: Auth) -> None:
    """Another path of a realm is not found, in Keycloak's words, and is never taken for a neighbour."""
    async with auth.http() as http:
        request = http.build_request("GET", BASE_URL)
        request.url = request.url.copy_with(raw_path=f"/auth/realms/eggplant{path}".encode())
        answer = await http.send(request)
    assert (answer.status_code, answer.json()) == (404, {"error": "HTTP 404 Not Found"})


async def test_host_header_changes_nothing(auth: Auth) -> None:
    """Issuer and addresses come from the settings, never from the request."""
    async with auth.http() as http:
        headers = {"host": "evil.example", "x-forwarded-host": "evil.example", "x-forwarded-proto": "http"}
        document = await http.get(f"{REALM}/.well-known/openid-configuration", headers=headers)
    assert document.json()["issuer"] == REALM
    assert "evil" not in document.text


async def test_guessing_is_slowed_down(auth: Auth) -> None:
    """After twenty wrong secrets in a minute that client and address wait, wrong or right; another address does not."""
    wrong = form(auth.client, client_secret="guess")
    assert [(await post_form(auth, **wrong)).status_code for _ in range(20)] == [401] * 20
    answer = await post_form(auth, **form(auth.client))
    assert (answer.status_code, answer.json()["error"], answer.headers["retry-after"]) == (429, "too_many_requests", "60")
    assert_not_cached(answer)
    assert (await post_form(auth, address="192.0.2.2", **form(auth.client))).status_code == 200
    auth.clock.move(60)
    assert (await post_form(auth, **form(auth.client))).status_code == 200


async def test_success_is_never_slowed_down(auth: Auth) -> None:
    """Right secrets are not counted."""
    assert {(await post_form(auth, **form(auth.client))).status_code for _ in range(30)} == {200}


async def test_many_grants_at_once(auth: Auth) -> None:
    """Grants sent together all succeed with tokens of their own."""
    tokens = await asyncio.gather(*[auth.token() for _ in range(100)])
    assert len(set(tokens)) == 100


async def test_no_secret_in_the_log(auth: Auth, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a right nor a wrong secret, nor a token, is ever logged."""
    token = await auth.token()
    await post_form(auth, **form(auth.client, client_secret="guessed-secret"))
    await auth.clients.regenerate_secret("eggplant", auth.client.client_id, actor=SOMEBODY)
    output = "".join(capsys.readouterr())
    assert "token granted" in output
    assert not any(secret in output for secret in (token, auth.client.client_secret, "guessed-secret"))


@pytest.fixture(scope="module")
def lasting() -> Any:
    opened = asyncio.run(make_auth())
    yield opened
    asyncio.run(opened.database.close())


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=300)
    | st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9))).map(lambda pairs: urlencode(pairs, errors="replace").encode()),
    kind=st.sampled_from([FORM, "application/json", "text/plain"]),
    authorization=st.none() | st.binary(max_size=40).map(lambda content: "Basic " + b64encode(content).decode()),
)
def test_any_request_is_answered_in_shape(
    lasting: Auth, anyio_backend: str, body: bytes, kind: str, authorization: str | None
) -> None:
    """No request makes the endpoint fail, and every refusal is a JSON object with `error`."""
    headers = {} if authorization is None else {"authorization": authorization}
    lasting.clock.move(61)
    answer = asyncio.run(post(lasting, body, kind, **headers))
    assert 400 <= answer.status_code < 500
    assert isinstance(answer.json()["error"], str)

"""Hostile requests, by the numbers of the list in `tests/contracts/test_hostile_inputs.py`, against every route that the OpenAPI
document names: tokens, fields, sizes, methods, media types, JSON that two readers would read in two ways.
"""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from melanzana.access.permissions import Role
from melanzana.users.records import NewUser
from melanzana.users.rules import operator
from support_app import SOMEBODY, RunningApp, running_app

pytestmark = pytest.mark.anyio
STARTS = "/execution_service/api/v1/executions"
PASSWORD = "correct horse battery staple"
#: No token is needed, or the call is the one that gets a token.
OPEN = {"/healthz", "/readyz"}


@dataclass(frozen=True)
class Operation:
    """One operation of the document."""

    method: str
    path: str
    of: dict[str, Any]

    @property
    def address(self) -> str:
        """The path with something well-formed that names nothing in each place."""
        filled = self.path
        for parameter in self.of.get("parameters", ()):
            if parameter["in"] == "path":
                filled = filled.replace("{" + parameter["name"] + "}", "eggplant" if parameter["name"] == "realm" else "999999")
        return filled

    @property
    def is_secured(self) -> bool:
        return bool(self.of.get("security"))

    def query(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for parameter in self.of.get("parameters", ()):
            if parameter["in"] == "query":
                yield parameter["name"], parameter["schema"]

    def body_of(self, document: dict[str, Any]) -> dict[str, Any] | None:
        """The schema of the JSON body, if it is an object with a name."""
        content = self.of.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        name = content.get("$ref", "").rpartition("/")[2]
        return document["components"]["schemas"].get(name)


@dataclass
class Asked:
    """The server, its document, and a token that may do what a person may."""

    app: RunningApp
    document: dict[str, Any]
    admin: dict[str, str]

    def operations(self) -> list[Operation]:
        methods = {"get", "post", "put", "delete", "patch"}
        return [
            Operation(method.upper(), path, of)
            for path, item in self.document["paths"].items()
            for method, of in item.items()
            if method in methods
        ]

    async def ask(self, operation: Operation, **options: Any) -> httpx.Response:
        headers = self.admin | options.pop("headers", {})
        return await self.app.http.request(operation.method, operation.address, headers=headers, **options)


@pytest.fixture(scope="module")
async def asked(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Asked]:
    async with running_app(tmp_path_factory.mktemp("inputs")) as app:
        new = NewUser(username="ada", role=Role.ADMIN, password=PASSWORD)
        await app.services.users.accounts.create("eggplant", new, operator(SOMEBODY))
        answer = await app.http.post("/ai/auth", data={"username": "ada", "password": PASSWORD})
        admin = {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}
        yield Asked(app, (await app.http.get("/openapi.json", headers=admin)).json(), admin)


async def test_input_01_without_a_token_every_route_is_401(asked: Asked) -> None:
    """Every operation that is documented as secured answers 401 with a challenge; the others are those that give tokens."""
    secured = [operation for operation in asked.operations() if operation.is_secured]
    assert len(secured) > 60
    for operation in secured:
        answer = await asked.app.http.request(operation.method, operation.address)
        assert answer.status_code == 401, (operation.method, operation.path, answer.text)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    free = {operation.path for operation in asked.operations() if not operation.is_secured} - OPEN
    assert all("auth" in path or "/.well-known" in path for path in free), free


async def test_input_17_an_unknown_field_of_our_own_routes_is_422(asked: Asked) -> None:
    """Bodies whose schema is closed refuse a field that nobody knows, by its name and with a code of its own."""
    closed = [one for one in asked.operations() if (one.body_of(asked.document) or {}).get("additionalProperties") is False]
    assert len(closed) >= 5
    for operation in closed:
        answer = await asked.ask(operation, json={"owner": "me"})
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_field"), (operation.path, answer.text)
        assert "owner" in answer.text


async def test_input_17_an_unknown_field_of_the_original_is_named(asked: Asked) -> None:
    """A start takes what it does not know for noise, does not keep it, and says which it was."""
    model = (await asked.app.http.post("/ai/models", json={"modeljson": MODEL}, headers=asked.admin)).json()
    body = {"model_id": model["modeluuid"], "state": "passed", "owner": "me", "attempt": 9}
    started = (await asked.app.http.post(STARTS, json=body, headers=asked.admin)).json()
    seen = (await asked.app.http.get(f"{STARTS}/{started['execution_id']}", headers=asked.admin)).json()
    assert {"state", "owner", "attempt"} <= set(seen["ignored_fields"])
    assert seen["state"] not in {"passed", "Passed"}


async def test_input_19_ids_that_are_counted_up_are_404(asked: Asked) -> None:
    """Whoever guesses run ids learns nothing but that there is none."""
    for number in range(5_000, 5_200):
        assert (await asked.app.http.get(f"/ai/runs/{number}", headers=asked.admin)).status_code == 404


async def test_input_20_a_body_over_the_limit_is_413(asked: Asked) -> None:
    """Whatever takes a body says 413 before it reads one that is declared too large."""
    for operation in asked.operations():
        if "requestBody" not in operation.of:
            continue
        headers = {"Content-Length": str(2**30), "Content-Type": "application/json"}
        assert (await asked.ask(operation, content=b"{}", headers=headers)).status_code == 413, operation.path


async def test_input_23_an_encoded_body_is_415(asked: Asked) -> None:
    """No route inflates anything."""
    for operation in asked.operations():
        if "requestBody" in operation.of:
            answer = await asked.ask(operation, content=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
            assert answer.status_code == 415, operation.path


@pytest.mark.parametrize("size", ["1000000000", "-1", "0x10", "abc", "1e3", "9" * 40])
async def test_input_24_a_page_size_that_is_none_is_422(asked: Asked, size: str) -> None:
    """Every `limit` and `offset` is a bounded whole number."""
    paged = [(one, name) for one in asked.operations() for name, _ in one.query() if name == "limit"]
    assert len(paged) >= 4
    for operation, name in paged:
        assert (await asked.ask(operation, params={name: size})).status_code == 422, operation.path


@pytest.mark.parametrize("text", ["a'--", "\x00", "$ne", "%00", "' OR 1=1 --", "\ud7ff\uffff", "../../etc/passwd"])
async def test_input_28_a_filter_that_is_an_attack_finds_nothing(asked: Asked, text: str) -> None:
    """A parameter with a list of words refuses others; a free one is only ever a value."""
    for operation in asked.operations():
        for name, schema in operation.query():
            answer = await asked.ask(operation, params={name: text})
            words = json.dumps(schema)
            allowed = {422} if '"enum"' in words and '"string"' not in words.replace('"enum"', "") else {200, 400, 404, 409, 422}
            assert answer.status_code in allowed, (operation.path, name, answer.text)


HOSTILE_JSON = {
    "depth": b"[" * 10_000 + b"]" * 10_000,
    "unended depth": b'{"a":' * 10_000,
    "many keys": b"{" + b",".join(b'"k%d":1' % number for number in range(4_000)) + b',"k1":2}',
    "a name twice": b'{"name":"a","name":"b"}',
    "NaN": b'{"name":NaN}',
    "Infinity": b'{"name":-Infinity}',
    "1e400": b'{"name":1e400}',
    "long number": b'{"name":' + b"9" * 10_000 + b"}",
    "lone surrogate": b'{"name":"\\ud800"}',
    "byte order mark": b'\xef\xbb\xbf{"name":"a"}',
    "UTF-16": '{"name":"a"}'.encode("utf-16"),
    "no UTF-8": b'{"name":"\xff"}',
    "two values": b'{"name":"a"}{"name":"b"}',
    "trailing comma": b'{"name":"a",}',
    "comment": b'{"name":"a"/**/}',
}


@pytest.mark.parametrize("name", HOSTILE_JSON)
@pytest.mark.parametrize("path", [STARTS, "/ai/agents", "/sut_service/api/v1/suts", "/ai/users", "/realm_service/api/v1/realms"])
async def test_input_29_json_that_is_hostile_is_400(asked: Asked, name: str, path: str) -> None:
    """A body that is no JSON, or that two readers would read in two ways, is refused as such."""
    headers = asked.admin | {"Content-Type": "application/json"}
    answer = await asked.app.http.post(path, content=HOSTILE_JSON[name], headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "json_invalid"), answer.text


async def test_input_30_bombs_in_models_are_422(asked: Asked) -> None:
    """Aliases, depth and tags of YAML are refused by name, through the API as on the command line."""
    for text in ("a: &a [x, x]\nb: [*a, *a]\n", "[" * 100_000, "!!python/object/apply:os.system ['id']"):
        answer = await asked.app.http.post("/ai/models", json={"modeljson": text}, headers=asked.admin)
        assert answer.status_code == 422
        assert answer.json()["code"] in {"model_format", "model_limit"}


async def test_input_32_other_methods_are_405_with_the_methods_there_are(asked: Asked) -> None:
    """TRACE and whatever an address does not know are 405, and `Allow` tells what it knows."""
    by_path: dict[str, set[str]] = {}
    for operation in asked.operations():
        by_path.setdefault(operation.address, set()).add(operation.method)
    for address, known in by_path.items():
        for method in {"TRACE", "PATCH", "FOO"} - known:
            answer = await asked.app.http.request(method, address, headers=asked.admin)
            assert answer.status_code == 405, (method, address)
            assert known <= {word.strip() for word in answer.headers["Allow"].split(",")}, (address, answer.headers["Allow"])


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "text/json", None])
async def test_input_33_json_by_another_name_is_415(asked: Asked, media_type: str | None) -> None:
    """A JSON body says that it is one: what a browser sends without asking is refused."""
    taking = [one for one in asked.operations() if set(one.of.get("requestBody", {}).get("content", {})) == {"application/json"}]
    assert len(taking) > 10
    for operation in taking:
        headers = {} if media_type is None else {"Content-Type": media_type}
        answer = await asked.ask(operation, content=b"{}", headers=headers)
        assert answer.status_code == 415, (operation.method, operation.path, answer.text)


async def test_input_35_the_host_header_makes_no_link(asked: Asked) -> None:
    """A name that a client made up is in no answer."""
    headers = asked.admin | {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "ftp"}
    for path in ("/.well-known/openid-configuration", "/auth/realms/eggplant", "/openapi.json", "/", "/login"):
        answer = await asked.app.http.get(path, headers=headers)
        assert "evil.example" not in answer.text + str(answer.headers)


async def test_input_36_no_other_origin_may_read(asked: Asked) -> None:
    """No answer, and no answer to a preflight, allows another origin anything."""
    for method in ("GET", "OPTIONS"):
        headers = asked.admin | {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
        answer = await asked.app.http.request(method, STARTS, headers=headers)
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


async def test_input_45_insides_need_a_token_and_the_server_names_no_version(asked: Asked) -> None:
    """Metrics are for those who may read them; there is nothing to debug with; no header says what runs here."""
    assert (await asked.app.http.get("/metrics")).status_code == 401
    for path in ("/debug", "/docs/oauth2-redirect", "/redoc", "/console", "/.env", "/.git/config"):
        assert (await asked.app.http.get(path)).status_code == 404
    answer = await asked.app.http.get("/healthz")
    assert not {"server", "x-powered-by"} & {name.lower() for name in answer.headers}


MODEL = "model: Doors\nstart: Hall\nstates:\n  Hall: {actions: {open: {to: exit}}}\n"

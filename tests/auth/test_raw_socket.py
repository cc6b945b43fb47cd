"""The token endpoint of a real server process, spoken to in bytes that no HTTP library would send.

Names carry the numbers of the security checklist: 13 large headers, 32 other methods, 33 hostile bodies, 45 and 47 tricks with
paths.
"""

import json
import threading
import time
from collections.abc import Iterator

import pytest

from support_server import Credentials, ServerProcess, create_client, running_server
from support_sockets import Answer, ask, memory_bytes, wire

pytestmark = pytest.mark.slow

REALM = "/auth/realms/eggplant"
TOKEN = f"{REALM}/protocol/openid-connect/token"
#: Less than the limits allow to be held for all connections of a test together, in bytes.
FLAT = 32 * 2**20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with running_server(tmp_path_factory.mktemp("server"), "--no-agent") as process:
        yield process


@pytest.fixture(scope="module")
def client(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    return create_client(server.data, tmp_path_factory.mktemp("client"))


def request(path: str, body: bytes = b"", *fields: str, method: str = "POST", length: bool = True) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: server", "Content-Type: application/x-www-form-urlencoded", *fields]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def form(client: Credentials, more: str = "") -> bytes:
    text = f"grant_type=client_credentials&client_id={client.client_id}&client_secret={client.client_secret}{more}"
    return text.encode()


def error(answer: Answer) -> str:
    word: str = json.loads(answer.body)["error"]
    return word


def test_13_a_header_of_a_megabyte_is_refused_early_and_not_kept(server: ServerProcess) -> None:
    """Two hundred connections with a megabyte of token each: every one is cut, and the server's memory stays as it was."""
    assert server.process is not None
    before = memory_bytes(server.process.pid)
    for _ in range(200):
        with wire(server.url) as open_wire:
            open_wire.send(f"GET /ai/models HTTP/1.1\r\nHost: server\r\nAuthorization: Bearer {'x' * 2**20}\r\n\r\n".encode())
            assert open_wire.receive().status in {0, 431}
    assert memory_bytes(server.process.pid) - before < FLAT


def test_13_a_header_of_one_hundred_kilobytes_never_reaches_a_route(server: ServerProcess) -> None:
    """Also split into a thousand fields."""
    fields = "".join(f"X-{number}: {'v' * 90}\r\n" for number in range(1000))
    assert ask(server.url, f"GET /healthz HTTP/1.1\r\nHost: server\r\n{fields}\r\n".encode()).status in {0, 431}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS", "DELETE", "PATCH"])
def test_32_credentials_in_the_address_are_refused_and_not_logged(server: ServerProcess, client: Credentials, method: str) -> None:
    """Every method but POST is 405, and neither id nor secret of the address is in the log."""
    answer = ask(server.url, request(f"{TOKEN}?{form(client).decode()}", method=method))
    assert answer.status == 405
    assert answer.headers["allow"] == "POST"
    assert not [line for line in server.lines if client.client_secret in line or "client_secret" in line]


def test_32_a_post_with_the_credentials_in_the_address_is_400(server: ServerProcess, client: Credentials) -> None:
    """Nothing of the address is taken as a parameter, and the secret is not in the log."""
    answer = ask(server.url, request(f"{TOKEN}?{form(client).decode()}"))
    assert answer.status == 400
    assert not [line for line in server.lines if client.client_secret in line]


def test_33_a_body_of_64_kilobytes_is_read_and_one_byte_more_is_413(server: ServerProcess, client: Credentials) -> None:
    """The limit is exact, whether the body's length is declared or the body comes in chunks."""
    start = form(client, "&padding=")
    exact = start + b"x" * (64 * 1024 - len(start))
    assert ask(server.url, request(TOKEN, exact)).status == 200
    assert ask(server.url, request(TOKEN, exact + b"x")).status == 413
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (exact, b"x")) + b"0\r\n\r\n"
    chunked = request(TOKEN, b"", "Transfer-Encoding: chunked", length=False) + chunks
    assert ask(server.url, chunked).status == 413


def test_33_a_declared_body_of_a_gigabyte_is_refused_before_it_is_sent(server: ServerProcess) -> None:
    """413 comes after the header."""
    head = request(TOKEN, b"", f"Content-Length: {2**30}", length=False)
    assert ask(server.url, head).status == 413


def test_33_a_body_without_end_is_cut(server: ServerProcess) -> None:
    """Chunks that go on and on are read to the limit and no further; memory stays flat."""
    assert server.process is not None
    before = memory_bytes(server.process.pid)
    for _ in range(20):
        with wire(server.url) as open_wire:
            open_wire.send(request(TOKEN, b"", "Transfer-Encoding: chunked", length=False))
            for _ in range(100):
                if not open_wire.send(b"2000\r\n" + b"x" * 0x2000 + b"\r\n"):
                    break
            assert open_wire.receive().status in {0, 413}
    assert memory_bytes(server.process.pid) - before < FLAT


def test_33_bodies_that_dribble_in_are_cut_after_the_timeout_and_hold_nobody_up(server: ServerProcess, client: Credentials) -> None:
    """A byte a second on fifty connections: others get their tokens at once, and each of the fifty ends within 40 s."""
    ended: list[float] = []
    started = time.monotonic()
    dribbling = [threading.Thread(target=_dribble, args=(server.url, ended)) for _ in range(50)]
    for thread in dribbling:
        thread.start()
    asked = time.monotonic()
    assert ask(server.url, request(TOKEN, form(client))).status == 200
    assert time.monotonic() - asked < 5
    for thread in dribbling:
        thread.join()
    assert len(ended) == 50
    assert max(ended) - started < 40


def _dribble(url: str, ended: list[float]) -> None:
    """Send a byte a second until an answer is there or the connection has ended."""
    with wire(url, timeout_seconds=1.0) as open_wire:
        open_wire.send(request(TOKEN, b"", "Content-Length: 1000", length=False))
        for _ in range(60):
            if not open_wire.send(b"g"):
                break
            try:
                answer = open_wire.receive()
            except TimeoutError:
                continue
            assert answer.status in {0, 400, 408}
            break
        else:
            return
    ended.append(time.monotonic())


def test_33_ten_thousand_parameters_are_400(server: ServerProcess) -> None:
    """As many parameters as fit into the body are not read one by one."""
    answer = ask(server.url, request(TOKEN, b"&".join(b"p%d=" % number for number in range(8_000))))
    assert (answer.status, error(answer)) == (400, "invalid_request")
    answer = ask(server.url, request(TOKEN, b"&".join([b"a=b"] * 10_000)))
    assert (answer.status, error(answer)) == (400, "invalid_request")


@pytest.mark.parametrize(
    "order", [("Content-Length: 4", "Transfer-Encoding: chunked"), ("Transfer-Encoding: chunked", "Content-Length: 4")]
)
def test_33_a_length_beside_chunks_is_400_and_smuggles_nothing(
    server: ServerProcess, client: Credentials, order: tuple[str, str]
) -> None:
    """The bytes behind such a request are no second request."""
    head = request(TOKEN, b"", *order, length=False)
    with wire(server.url) as open_wire:
        open_wire.send(head + b"0\r\n\r\n" + request(TOKEN, form(client)))
        first = open_wire.receive()
        assert (first.status, error(first), first.headers["connection"]) == (400, "invalid_request", "close")
        assert open_wire.receive().status == 0


@pytest.mark.parametrize(
    "realm",
    [
        "..",
        "%2e%2e",
        "..%2f..%2fetc%2fpasswd",
        "a%00",
        "eggplant%00",
        "a;b",
        "EGGPLANT",
        "eggplant.",
        "x" * 1024,
        "%F0%9F%8D%86",
        "__proto__",
        "%ff%fe",
        "eggplant%2f",
        "eggplant%20",
    ],
)
def test_45_a_realm_that_is_none_has_no_document(server: ServerProcess, realm: str) -> None:
    """Each name is answered with 404 in JSON, and with nobody's data."""
    answer = ask(server.url, request(f"/auth/realms/{realm}/.well-known/openid-configuration", method="GET"))
    assert answer.status == 404
    assert "issuer" not in json.loads(answer.body)


@pytest.mark.parametrize(
    "path",
    [
        f"{TOKEN}/../certs",
        f"{TOKEN}/%2e%2e/certs",
        f"{TOKEN}/",
        f"{TOKEN}//",
        f"{TOKEN};x=y",
        f"{TOKEN}%2f",
        f"{TOKEN}%00",
        f"/{TOKEN}",
        TOKEN.replace("/protocol", "//protocol"),
        TOKEN.replace("/protocol", "/./protocol"),
        TOKEN.replace("/auth", "/x/../auth"),
        TOKEN.replace("/auth", "\\auth"),
        TOKEN.upper(),
    ],
)
def test_47_no_other_spelling_of_the_path_gets_a_token_around_the_throttle(
    server: ServerProcess, client: Credentials, path: str
) -> None:
    """Right credentials at a crooked path: refused, or answered by the endpoint itself."""
    answer = ask(server.url, request(path, form(client)))
    assert answer.status in {400, 404, 405}, (answer.status, answer.body)
    assert b"access_token" not in answer.body


@pytest.mark.parametrize(("crooked", "client_id"), [("/%74oken", "first"), ("%2ftoken", "second")])
def test_47_an_encoded_path_is_the_same_endpoint_behind_the_same_throttle(
    server: ServerProcess, crooked: str, client_id: str
) -> None:
    """Wrong attempts are counted together however the path is spelled: after twenty of them every spelling is 429."""
    paths = (TOKEN, TOKEN.replace("/token", crooked))
    body = f"grant_type=client_credentials&client_id={client_id}&client_secret=wrong".encode()
    statuses = [ask(server.url, request(paths[number % 2], body)).status for number in range(22)]
    assert statuses[:20] == [401] * 20
    assert set(statuses[20:]) == {429}


def test_the_server_is_well_after_all_this(server: ServerProcess, client: Credentials) -> None:
    """No request of this page left an unexpected error in the log, and tokens are still granted."""
    assert ask(server.url, request(TOKEN, form(client))).status == 200
    assert not [line for line in server.lines if "unexpected error" in line or "Traceback" in line]

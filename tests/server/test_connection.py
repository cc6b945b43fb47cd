"""What may stand on a connection before there is a request: headers that are too large, too slow or readable in two ways."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from melanzana.server import connection
from melanzana.server.connection import HEADER_BYTES, GuardedConnection
from support_server import wait_until
from support_sockets import ask, wire


class Seen:
    """An app that answers 200 and notes the headers it had after the body had arrived."""

    def __init__(self) -> None:
        self.headers: list[list[bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        self.headers.append([name for name, _ in scope["headers"]])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})


@contextlib.contextmanager
def serving(app: Seen) -> Iterator[str]:
    """uvicorn in a thread, with the guarded connection."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, http=GuardedConnection, lifespan="off", log_config=None))
    thread = threading.Thread(target=lambda: server.run(sockets=[listening]))
    thread.start()
    try:
        wait_until(lambda: server.started, "uvicorn to start")
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def url(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(connection, "HEADER_SECONDS", 0.3)
    with serving(seen) as address:
        yield address


def request(size: int, *, fields: int = 1) -> bytes:
    """A request whose header has that many bytes, as the server counts them."""
    head = b"GET / HTTP/1.1\r\n"
    rest = size - 1  # the address
    names = [f"x{number:06}".encode() for number in range(fields)]
    share, left = divmod(rest - sum(len(name) + 4 for name in names), fields)
    values = [b"v" * (share + (left if number == 0 else 0)) for number in range(fields)]
    return head + b"".join(name + b": " + value + b"\r\n" for name, value in zip(names, values, strict=True)) + b"\r\n"


@pytest.mark.parametrize("fields", [1, 500])
def test_a_header_at_the_limit_passes_and_one_byte_more_is_431(url: str, seen: Seen, fields: int) -> None:
    """The limit is exact, for one long field and for many short ones."""
    assert ask(url, request(HEADER_BYTES, fields=fields)).status == 200
    refused = ask(url, request(HEADER_BYTES + 1, fields=fields))
    assert (refused.status, json.loads(refused.body)["code"]) == (431, "header_too_large")
    assert len(seen.headers) == 1


def test_an_unfinished_header_is_cut_at_the_limit(url: str, seen: Seen) -> None:
    """A header that never ends is refused as soon as it passes the limit, not when it has all arrived."""
    with wire(url) as open_wire:
        open_wire.send(b"GET / HTTP/1.1\r\nX: ")
        sent = 0
        while open_wire.send(b"x" * 4096) and sent < 2**26:
            sent += 4096
        assert open_wire.receive().status in {0, 431}
    assert sent < 2**26
    assert not seen.headers


def test_a_long_address_counts_as_header(url: str) -> None:
    """The request line is a part of what is limited."""
    assert ask(url, b"GET /" + b"a" * HEADER_BYTES + b" HTTP/1.1\r\nHost: x\r\n\r\n").status == 431


def test_a_large_body_is_not_a_header(url: str, seen: Seen) -> None:
    """The limit says nothing about bodies, with a length or in chunks of any size."""
    body = b"x" * (8 * HEADER_BYTES)
    assert ask(url, b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body).status == 200
    chunks = b"1\r\nx\r\n" * HEADER_BYTES + b"0\r\n\r\n"
    assert ask(url, b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks).status == 200
    assert len(seen.headers) == 2


def test_a_trailer_never_becomes_a_header(url: str, seen: Seen) -> None:
    """Fields after a chunked body are read and dropped."""
    content = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nAuthorization: Bearer x\r\n\r\n"
    assert ask(url, content).status == 200
    assert seen.headers == [[b"transfer-encoding"]]


@pytest.mark.parametrize("start", [b"1;", b"1\r\nx\r\n0\r\nX: "], ids=["chunk extension", "trailer"])
def test_what_a_body_carries_besides_itself_is_bounded(url: str, start: bytes) -> None:
    """A chunk extension or trailer without end is cut at the limit of a header."""
    with wire(url) as open_wire:
        open_wire.send(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + start)
        sent = 0
        while open_wire.send(b"x" * 4096) and sent < 2**26:
            sent += 4096
    assert sent < 2**26


def test_a_header_that_dribbles_in_is_cut(url: str) -> None:
    """A header that is not there in time gets 408."""
    with wire(url) as open_wire:
        open_wire.send(b"GET / HTTP/1.1\r\nX: ")
        answer = open_wire.receive()
    assert (answer.status, json.loads(answer.body)["code"]) == (408, "header_too_slow")


def test_a_connection_that_says_nothing_is_closed(url: str) -> None:
    """Whoever only opens connections does not keep them."""
    with wire(url) as open_wire:
        assert open_wire.receive().closed


def test_a_second_request_may_dribble_no_longer_than_a_first(url: str) -> None:
    """On a connection that is kept, each header has the same time."""
    with wire(url) as open_wire:
        open_wire.send(b"GET / HTTP/1.1\r\n\r\n")
        assert open_wire.receive().status == 200
        open_wire.send(b"GET / HTTP/1.1\r\nX: ")
        assert open_wire.receive().status == 408


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 3\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 3",
        b"Content-Length: 3\r\nContent-Length: 4",
        b"Content-Length: 3, 3",
        b"Content-Length : 3",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        b"X: a\r\n folded",
        b"X\x00: a",
    ],
)
def test_a_request_that_two_readers_could_read_in_two_ways_is_refused(url: str, seen: Seen, head: bytes) -> None:
    """No length twice, no length beside chunks, no folded line, no space before a colon: 400 and the connection ends."""
    answer = ask(url, b"POST / HTTP/1.1\r\n" + head + b"\r\n\r\nabc")
    assert (answer.status, json.loads(answer.body)["code"]) == (400, "request_unreadable")
    assert not seen.headers


def test_a_bad_second_request_does_not_spoil_the_answer_to_the_first(url: str, seen: Seen) -> None:
    """While an answer is due, nothing else is written in its place."""
    with wire(url) as open_wire:
        open_wire.send(b"GET / HTTP/1.1\r\n\r\n\x00\x00")
        assert open_wire.receive().status in {0, 200}

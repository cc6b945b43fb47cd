"""Bytes to a server and back, with no HTTP library between: what a test sends is what arrives."""

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """What came back until the server closed or `Content-Length` was reached; status 0: nothing did."""

    status: int
    headers: dict[str, str]
    body: bytes
    closed: bool


class Wire:
    """One TCP connection."""

    def __init__(self, url: str, timeout_seconds: float = 20.0) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname or "localhost", parts.port or 80), timeout=timeout_seconds)
        self._rest = b""

    def send(self, content: bytes) -> bool:
        """False when the server has closed the connection and takes no more."""
        try:
            self._socket.sendall(content)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def receive(self) -> Answer:
        """The next answer. Raises TimeoutError when the server neither answers nor closes."""
        received, closed = self._rest, False
        while not closed and not _is_whole(received):
            try:
                part = self._socket.recv(65536)
            except ConnectionResetError:
                part = b""
            received, closed = received + part, not part
        answer, self._rest = _parse(received, closed)
        return answer

    def close(self) -> None:
        self._socket.close()


@contextlib.contextmanager
def wire(url: str, timeout_seconds: float = 20.0) -> Iterator[Wire]:
    """A connection that is closed at the end."""
    connection = Wire(url, timeout_seconds)
    try:
        yield connection
    finally:
        connection.close()


def ask(url: str, content: bytes) -> Answer:
    """One request on a connection of its own."""
    with wire(url) as connection:
        connection.send(content)
        return connection.receive()


def memory_bytes(pid: int) -> int:
    """What the process holds in memory (resident set)."""
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024


def _is_whole(received: bytes) -> bool:
    head, end, body = received.partition(b"\r\n\r\n")
    return bool(end) and len(body) >= _length(_headers(head))


def _parse(received: bytes, closed: bool) -> tuple[Answer, bytes]:
    head, _, body = received.partition(b"\r\n\r\n")
    headers = _headers(head)
    length = _length(headers)
    status = int(head.split(b" ", 2)[1]) if head.startswith(b"HTTP/") else 0
    return Answer(status, headers, body[:length], closed), body[length:]


def _headers(head: bytes) -> dict[str, str]:
    lines = [line.decode("latin-1").partition(":") for line in head.split(b"\r\n")[1:]]
    return {name.lower(): value.strip() for name, _, value in lines}


def _length(headers: dict[str, str]) -> int:
    return int(headers.get("content-length", "0"))

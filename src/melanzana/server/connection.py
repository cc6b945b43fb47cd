"""What a connection may send before there is a request: how large a header may be, and how long one may take to arrive.

uvicorn's fast protocol has no such limits: its parser collects a header of any size in memory and waits for the rest without end.
`process.py` gives this class to uvicorn. A header over the limit is answered with 431, a late one with 408, and the connection is
closed; so is one whose chunk extensions or trailers run on without end, since none of that is ever a part of a request here.
"""

import json
from asyncio import TimerHandle
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from melanzana.web.answers import ERROR_URN, PROBLEM_MEDIA_TYPE

#: Request line and header fields together, in bytes: twice the longest token that is looked at.
HEADER_BYTES = 16 * 1024
#: From the opening of a connection, or the first byte of a further request, to the end of the header.
HEADER_SECONDS = 20.0
#: So long, and so many bytes, what is still sent after a refusal is thrown away. Closing at once would reset the connection, and
#: the answer with it (RFC 9112 section 9.6).
LINGER_SECONDS, LINGER_BYTES = 2.0, 256 * 1024
#: What a header field costs besides its name and value: colon, space, line end.
_FIELD_OVERHEAD = 4


class GuardedConnection(HttpToolsProtocol):
    """uvicorn's connection with a bound on everything that its parser holds back."""

    _held_bytes = 0  #: received since the parser last handed something on
    _in_header = True
    _too_large = False
    _refused = False
    _thrown_away = 0  #: bytes received since
    _timer: TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            self._thrown_away += len(data)
            if self._thrown_away > LINGER_BYTES:
                self.transport.close()
            return
        self._held_bytes += len(data)
        super().data_received(data)
        if self._held_bytes > HEADER_BYTES and not self._refused:
            self._too_large = True
            self.send_400_response("")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_header = True
        self._start_timer()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_header:  # else a trailer, which must not become a header after the request was looked at
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        size = len(self.url) + sum(len(name) + len(value) + _FIELD_OVERHEAD for name, value in self.headers)
        if size > HEADER_BYTES:
            self._too_large = True
            raise ValueError("the header is too large")  # the parser stops and has `send_400_response` called
        if _ends_in_two_ways(self.headers):
            raise ValueError("where the body ends can be read in two ways")  # before anybody is asked to answer it
        self._in_header = False
        self._held_bytes = 0
        self._stop_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._held_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._held_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's word; ours is below
        """What uvicorn calls when the parser gives up, for whichever reason."""
        if self._too_large:
            self._refuse(431, "header_too_large", f"The header is larger than {HEADER_BYTES} bytes.")
        else:
            self._refuse(400, "request_unreadable", "This is no HTTP/1.1 request that can be read in one way only.")

    def _late(self) -> None:
        if self._held_bytes:
            self._refuse(408, "header_too_slow", f"The header did not arrive within {HEADER_SECONDS:g} seconds.")
        else:
            self.transport.close()

    def _refuse(self, status: int, code: str, detail: str) -> None:
        """Say why, unless another request's answer is still due on this connection, and close it."""
        self._refused = True
        self._stop_timer()
        if self._is_answering():
            self.transport.close()
            return
        self.transport.write(_answer(status, code, detail))
        if not self.transport.can_write_eof():  # TLS
            self.transport.close()
            return
        self.transport.write_eof()
        self._timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _is_answering(self) -> bool:
        cycle = self.cycle
        return cycle is not None and not cycle.response_complete and (self._in_header or cycle.response_started)

    def _start_timer(self) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(HEADER_SECONDS, self._late)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _ends_in_two_ways(headers: list[tuple[bytes, bytes]]) -> bool:
    """Lengths that are said twice, or a coding beside or other than `chunked` (RFC 9112 section 6.3)."""
    lengths = [value for name, value in headers if name == b"content-length"]
    codings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
    return len(lengths) > 1 or (bool(codings) and (bool(lengths) or codings != [b"chunked"]))


def _answer(status: int, code: str, detail: str) -> bytes:
    """A problem+json answer as bytes; `error` besides, for whoever meant to speak to the token endpoint."""
    title = HTTPStatus(status).phrase
    body = json.dumps(
        {"type": ERROR_URN + code, "title": title, "status": status, "code": code, "detail": detail, "error": "invalid_request"}
    ).encode()
    head = (
        f"HTTP/1.1 {status} {title}\r\nContent-Type: {PROBLEM_MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body

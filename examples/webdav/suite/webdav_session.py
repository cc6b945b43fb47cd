"""One run's corner of a WebDAV server: a collection of its own, the requests sent there, and what a file should hold.

The step modules beside this one ask it; it knows HTTP and nothing of the model.
"""

import uuid
from collections.abc import Iterable, Mapping
from typing import Self
from urllib.parse import unquote
from xml.etree import ElementTree

import httpx

DAV = "{DAV:}"
#: Names of resources, relative to the run's collection.
THING, COPY, MOVED = "thing", "copy", "moved"

_SEEDS = {
    "plain": b"The quick brown fox. ",
    "unicode": "Melanzane alla parmigiana – 茄子 🍆 ".encode(),
    "binary": bytes(range(256)),
    "large": b"0123456789abcdef" * 8192,
}


def content_of(kind: str, version: int) -> bytes:
    """What the file holds at `version`; version 0 is the empty file that locking an unmapped URL makes.

    Each version is one byte longer than the one before. WsgiDAV's ETag is made of inode, whole seconds and length, so two
    versions of one length written within a second would share it.
    """
    return _SEEDS[kind] + b"v%d " % version + b"." * version if version else b""


class Session:
    """Requests inside the run's own collection."""

    def __init__(self, base_url: str) -> None:
        self._client = httpx.Client(base_url=base_url, timeout=10.0, trust_env=False)
        self._folder = f"run-{uuid.uuid4().hex}/"

    def __enter__(self) -> Self:
        expect(self._send("MKCOL", ""), 201, "RFC 4918 section 9.3")
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.clear()
            expect(self._send("DELETE", ""), 204, "RFC 4918 section 9.6.1")
        finally:
            self.close()

    def close(self) -> None:
        """Close the connection and leave everything on the server as it is."""
        self._client.close()

    def send(self, method: str, name: str, *, body: bytes = b"", **headers: str) -> httpx.Response:
        """Send one request; a header is named as in `if_none_match="*"`, and `if_` is If."""
        return self._send(method, name, body, {key.strip("_").replace("_", "-"): value for key, value in headers.items()})

    def transfer(self, method: str, source: str, target: str, *, overwrite: bool = True) -> httpx.Response:
        """COPY or MOVE; without `overwrite` the server must refuse when `target` exists."""
        return self.send(method, source, destination=self.url(target), overwrite="T" if overwrite else "F")

    def url(self, name: str) -> str:
        """The whole URL of a resource, as the Destination and If headers want it."""
        return str(self._client.base_url.join(self._folder + name))

    def names(self, collection: str = "") -> set[str]:
        """The names of a collection's members (PROPFIND with depth 1)."""
        response = self.send("PROPFIND", collection, depth="1")
        expect(response, 207, "RFC 4918 section 9.1")
        prefix = httpx.URL(self.url(collection)).path.rstrip("/")
        links = ElementTree.fromstring(response.content).iterfind(f"{DAV}response/{DAV}href")
        paths = {unquote(link.text or "").rstrip("/") for link in links}
        return {path.removeprefix(prefix + "/") for path in paths - {prefix}}

    def lock_tokens(self, name: str) -> set[str]:
        """The tokens that lock discovery shows for a resource."""
        body = b'<propfind xmlns="DAV:"><prop><lockdiscovery/></prop></propfind>'
        response = self.send("PROPFIND", name, body=body, depth="0", content_type="application/xml")
        expect(response, 207, "RFC 4918 section 15.8")
        tree = ElementTree.fromstring(response.content)
        return {(href.text or "").strip() for href in tree.iterfind(f".//{DAV}locktoken/{DAV}href")}

    def clear(self) -> None:
        """Delete everything in the run's collection, locked or not; the collection itself stays, empty."""
        for name in sorted(self.names()):
            condition = {"if_": "".join(f"(<{token}>)" for token in self.lock_tokens(name))}
            expect(self.send("DELETE", name, **(condition if condition["if_"] else {})), 204, "RFC 4918 section 9.6")
        left = self.names()
        assert not left, f"after deleting everything, the run's collection still lists {sorted(left)}"

    def _send(self, method: str, name: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self._client.request(method, self._folder + name, content=body, headers=dict(headers or {}))


def expect(response: httpx.Response, wanted: int | Iterable[int], clause: str) -> httpx.Response:
    """The response, when it has (one of) the wanted status; else an error that names the request and the clause it breaks."""
    allowed = {wanted} if isinstance(wanted, int) else set(wanted)
    request = response.request
    answered = f"{response.status_code} {response.reason_phrase}"
    expected = " or ".join(str(status) for status in sorted(allowed))
    assert response.status_code in allowed, (
        f"{request.method} {request.url.path} answered {answered}, expected {expected} ({clause})"
    )
    return response


def same_content(response: httpx.Response, wanted: bytes) -> None:
    """Fails with lengths and first difference, not with two walls of bytes."""
    found = response.content
    if found != wanted:
        at = next((i for i, (a, b) in enumerate(zip(found, wanted, strict=False)) if a != b), min(len(found), len(wanted)))
        raise AssertionError(
            f"{response.request.method} {response.request.url.path} gave {len(found)} bytes, expected {len(wanted)}; "
            f"from byte {at}: {found[at : at + 16]!r} instead of {wanted[at : at + 16]!r}"
        )

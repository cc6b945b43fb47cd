"""Steps on a locked file (RFC 4918 sections 6 and 7): who holds the token may write, who does not gets 423.

The token travels through the model's variable `token`: `lock` returns it, the other steps take it as an argument.
"""

import httpx
from webdav_session import COPY, MOVED, THING, Session, content_of, expect, same_content
from webdav_steps import Etag, changed, etag_of, file_there

_LOCKINFO = (
    b'<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype><owner>Melanzana</owner></lockinfo>'
)
_FOREIGN = "opaquelocktoken:0a0a0a0a-0000-4000-8000-000000000000"


def locked_file_there(dav: Session, content: str, version: int, etag: str, token: str) -> None:
    """Reading stays open to everybody, and lock discovery shows the one lock."""
    file_there(dav, content, version, etag)
    found = dav.lock_tokens(THING)
    assert found == {token}, f"lock discovery shows {sorted(found)}, expected only {token} (RFC 4918 section 15.8)"


def lock(dav: Session) -> dict[str, str]:
    return {"token": _token(dav, expect(request_lock(dav, THING), 200, "RFC 4918 section 9.10.1"))}


def lock_unmapped(dav: Session) -> dict[str, str]:
    """Locking a name that nothing has makes an empty file, locked."""
    response = expect(request_lock(dav, THING), 201, "RFC 4918 section 9.10.4")
    return {"token": _token(dav, response)} | etag_of(expect(dav.send("HEAD", THING), 200, "RFC 4918 section 7.3"))


def lock_again(dav: Session) -> None:
    expect(request_lock(dav, THING), 423, "RFC 4918 section 9.10.5")


def refresh_lock(dav: Session, token: str) -> None:
    response = dav.send("LOCK", THING, if_=f"(<{token}>)", timeout="Second-600")
    expect(response, 200, "RFC 4918 section 9.10.2")
    assert token.encode() in response.content, "the answer to a refresh does not name the lock (RFC 4918 section 9.10.2)"


def write_without_token(dav: Session, content: str, version: int) -> None:
    expect(dav.send("PUT", THING, body=b"a write that must not happen"), 423, "RFC 4918 section 7")
    same_content(expect(dav.send("GET", THING), 200, "RFC 9110 section 9.3.1"), content_of(content, version))


def write_with_foreign_token(dav: Session) -> None:
    response = dav.send("PUT", THING, body=b"a write that must not happen", if_=f"(<{_FOREIGN}>)")
    expect(response, 412, "RFC 4918 section 10.4.1")


def write_with_token(dav: Session, content: str, version: int, etag: str, token: str) -> Etag:
    wanted = content_of(content, version + 1)
    expect(dav.send("PUT", THING, body=wanted, if_=f"(<{token}>)"), 204, "RFC 4918 section 7.5")
    return changed(dav, wanted, etag)


def delete_without_token(dav: Session) -> None:
    expect(dav.send("DELETE", THING), 423, "RFC 4918 section 7")
    expect(dav.send("HEAD", THING), 200, "RFC 4918 section 7")


def move_without_token(dav: Session) -> None:
    expect(dav.transfer("MOVE", THING, MOVED), 423, "RFC 4918 section 7")
    expect(dav.send("HEAD", THING), 200, "RFC 4918 section 7")


def copy_locked(dav: Session, content: str, version: int, copy_version: int) -> None:
    """Copying only reads the source; the copy is not locked."""
    expect(dav.transfer("COPY", THING, COPY), 201 if copy_version < 0 else 204, "RFC 4918 section 9.8.5")
    same_content(expect(dav.send("GET", COPY), 200, "RFC 4918 section 9.8.1"), content_of(content, version))
    assert not dav.lock_tokens(COPY), "the copy of a locked file is locked (RFC 4918 section 7.6)"


def delete_with_token(dav: Session, token: str) -> None:
    expect(dav.send("DELETE", THING, if_=f"(<{token}>)"), 204, "RFC 4918 section 9.6")


def unlock(dav: Session, token: str) -> None:
    expect(dav.send("UNLOCK", THING, lock_token=f"<{token}>"), 204, "RFC 4918 section 9.11.1")
    assert not dav.lock_tokens(THING), "after UNLOCK the lock is still discovered (RFC 4918 section 9.11)"


def unlock_with_foreign_token(dav: Session) -> None:
    expect(dav.send("UNLOCK", THING, lock_token=f"<{_FOREIGN}>"), 409, "RFC 4918 section 9.11.1")


def request_lock(dav: Session, name: str, depth: str = "0") -> httpx.Response:
    """Ask for an exclusive write lock of ten minutes; it ends by itself, should nobody clean up."""
    return dav.send("LOCK", name, body=_LOCKINFO, depth=depth, timeout="Second-600", content_type="application/xml")


def _token(dav: Session, response: httpx.Response) -> str:
    token = response.headers.get("lock-token", "").strip("<>")
    assert token, "the answer to LOCK has no Lock-Token header (RFC 4918 section 9.10.1)"
    assert token.encode() in response.content, "the answer to LOCK does not name the lock in its body (RFC 4918 section 9.10.1)"
    return token

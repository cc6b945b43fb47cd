"""Steps on a collection: make it, put files inside, list it, lock it with all its members, delete it whole.

The members are called `member-1`, `member-2`, … so that the variable `members` says which there are.
"""

from lock_steps import request_lock
from webdav_session import THING, Session, expect, same_content

_BODY = b"inside the collection"


def collection_there(dav: Session, members: int) -> None:
    found = dav.names(f"{THING}/")
    wanted = {_name(number) for number in range(1, members + 1)}
    assert found == wanted, f"the collection lists {sorted(found)}, expected {sorted(wanted)} (RFC 4918 section 9.1)"


def locked_collection_there(dav: Session, members: int, token: str) -> None:
    collection_there(dav, members)
    found = dav.lock_tokens(THING)
    assert found == {token}, f"lock discovery shows {sorted(found)}, expected only {token} (RFC 4918 section 15.8)"


def make_collection(dav: Session) -> None:
    expect(dav.send("MKCOL", THING), 201, "RFC 4918 section 9.3")


def make_again(dav: Session) -> None:
    expect(dav.send("MKCOL", THING), 405, "RFC 4918 section 9.3.1")


def make_without_parent(dav: Session) -> None:
    expect(dav.send("MKCOL", f"{THING}/not/there"), 409, "RFC 4918 section 9.3.1")


def put_without_parent(dav: Session) -> None:
    expect(dav.send("PUT", f"{THING}/not-there/file", body=_BODY), 409, "RFC 4918 section 9.7.1")


def put_inside(dav: Session, members: int) -> None:
    name = f"{THING}/{_name(members + 1)}"
    expect(dav.send("PUT", name, body=_BODY), 201, "RFC 4918 section 9.7.1")
    same_content(expect(dav.send("GET", name), 200, "RFC 9110 section 9.3.1"), _BODY)


def put_over_collection(dav: Session) -> None:
    expect(dav.send("PUT", THING, body=_BODY), 405, "RFC 4918 section 9.7.2")


def delete_member(dav: Session, members: int) -> None:
    name = f"{THING}/{_name(members)}"
    expect(dav.send("DELETE", name), 204, "RFC 4918 section 9.6")
    expect(dav.send("GET", name), 404, "RFC 4918 section 9.6")


def delete_collection(dav: Session, members: int) -> None:
    expect(dav.send("DELETE", f"{THING}/"), 204, "RFC 4918 section 9.6.1")
    for number in range(1, members + 1):
        expect(dav.send("GET", f"{THING}/{_name(number)}"), 404, "RFC 4918 section 9.6.1")


def lock_collection(dav: Session) -> dict[str, str]:
    response = expect(request_lock(dav, THING, depth="infinity"), 200, "RFC 4918 section 9.10.3")
    return {"token": response.headers["lock-token"].strip("<>")}


def put_inside_without_token(dav: Session, members: int) -> None:
    name = f"{THING}/{_name(members + 1)}"
    expect(dav.send("PUT", name, body=_BODY), 423, "RFC 4918 section 7.4")
    expect(dav.send("GET", name), 404, "RFC 4918 section 7.4")


def put_inside_with_token(dav: Session, members: int, token: str) -> None:
    name = f"{THING}/{_name(members + 1)}"
    response = dav.send("PUT", name, body=_BODY, if_=f"<{dav.url(THING)}> (<{token}>)")
    expect(response, 201, "RFC 4918 section 7.5")


def unlock_collection(dav: Session, token: str) -> None:
    expect(dav.send("UNLOCK", THING, lock_token=f"<{token}>"), 204, "RFC 4918 section 9.11.1")
    assert not dav.lock_tokens(THING), "after UNLOCK the lock is still discovered (RFC 4918 section 9.11)"


def _name(number: int) -> str:
    return f"member-{number}"

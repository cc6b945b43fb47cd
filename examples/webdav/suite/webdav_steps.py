"""Steps on one file: create, read, overwrite, conditional requests, copy, move, delete; and the checks of its states.

The model names them as `webdav_steps:create` and so on. Arguments with a variable's name get its value from before the action;
a dict that is returned goes back into the variables. The server's address comes from the environment variable WEBDAV_URL.
"""

import os
from collections.abc import Iterator

import httpx
from webdav_session import COPY, MOVED, THING, Session, content_of, expect, same_content

from melanzana import attach, fixture

Etag = dict[str, str]


@fixture(scope="run")
def dav() -> Iterator[Session]:
    """A collection of the run's own; whatever is in it goes when the run ends, also after a failure."""
    with Session(os.environ.get("WEBDAV_URL", "http://127.0.0.1:8088/")) as session:
        yield session


# --- checks of states ---------------------------------------------------------------------------------------------------------


def nothing_there(dav: Session) -> None:
    expect(dav.send("GET", THING), 404, "RFC 9110 section 15.5.5")
    expect(dav.send("GET", MOVED), 404, "RFC 4918 section 9.9")


def file_there(dav: Session, content: str, version: int, etag: str) -> None:
    _check_file(dav, THING, content, version, etag)


def file_at_new_place(dav: Session, content: str, version: int, etag: str) -> None:
    _check_file(dav, MOVED, content, version, etag="")
    expect(dav.send("GET", THING), 404, "RFC 4918 section 9.9")


def _check_file(dav: Session, name: str, content: str, version: int, etag: str) -> None:
    response = expect(dav.send("GET", name), 200, "RFC 9110 section 9.3.1")
    same_content(response, content_of(content, version))
    found = etag_of(response)["etag"]
    assert not etag or found == etag, f"the ETag of an unchanged file went from {etag} to {found} (RFC 9110 section 8.8.3)"


def look_around(dav: Session, place: str, copy_version: int) -> None:
    """The run's collection lists exactly what the model says is there."""
    wanted = {"Nothing": set(), "Moved": {MOVED}}.get(place, {THING}) | ({COPY} if copy_version >= 0 else set())
    found = dav.names()
    assert found == wanted, (
        f"in state {place} the collection lists {sorted(found)}, expected {sorted(wanted)} (RFC 4918 section 9.1)"
    )


# --- create, read, overwrite --------------------------------------------------------------------------------------------------


def create(dav: Session, content: str) -> Etag:
    response = dav.send("PUT", THING, body=content_of(content, 1))
    return etag_of(expect(response, 201, "RFC 9110 section 9.3.4"))


def create_if_absent(dav: Session, content: str) -> Etag:
    response = dav.send("PUT", THING, body=content_of(content, 1), if_none_match="*")
    return etag_of(expect(response, 201, "RFC 9110 section 13.1.2"))


def read_missing(dav: Session) -> None:
    for method in ("GET", "HEAD", "DELETE"):
        expect(dav.send(method, THING), 404, "RFC 9110 section 15.5.5")


def read(dav: Session, content: str, version: int) -> None:
    wanted = content_of(content, version)
    same_content(expect(dav.send("GET", THING), 200, "RFC 9110 section 9.3.1"), wanted)
    length = expect(dav.send("HEAD", THING), 200, "RFC 9110 section 9.3.2").headers["content-length"]
    assert length == str(len(wanted)), f"HEAD says {length} bytes, the file has {len(wanted)} (RFC 9110 section 9.3.2)"


def overwrite(dav: Session, content: str, version: int, etag: str) -> Etag:
    wanted = content_of(content, version + 1)
    expect(dav.send("PUT", THING, body=wanted), 204, "RFC 9110 section 9.3.4")
    return changed(dav, wanted, etag)


# --- conditional requests -----------------------------------------------------------------------------------------------------


def update_if_match(dav: Session, content: str, version: int, etag: str) -> Etag:
    wanted = content_of(content, version + 1)
    expect(dav.send("PUT", THING, body=wanted, if_match=etag), 204, "RFC 9110 section 13.1.1")
    return changed(dav, wanted, etag)


def update_with_old_etag(dav: Session, old_etag: str) -> None:
    """Somebody else was faster: the update must be refused, or theirs is lost."""
    response = dav.send("PUT", THING, body=b"an update that must not happen", if_match=old_etag)
    expect(response, 412, "RFC 9110 section 13.1.1")


def update_with_foreign_etag(dav: Session) -> None:
    response = dav.send("PUT", THING, body=b"an update that must not happen", if_match='"of-another-file"')
    expect(response, 412, "RFC 9110 section 13.1.1")


def create_again(dav: Session) -> None:
    response = dav.send("PUT", THING, body=b"a file that is already there", if_none_match="*")
    expect(response, 412, "RFC 9110 section 13.1.2")


def read_if_changed(dav: Session, etag: str) -> None:
    response = expect(dav.send("GET", THING, if_none_match=etag), 304, "RFC 9110 section 15.4.5")
    assert not response.content, f"a 304 answer carries {len(response.content)} bytes (RFC 9110 section 15.4.5)"


# --- copy, move, delete -------------------------------------------------------------------------------------------------------


def copy(dav: Session, content: str, version: int, copy_version: int) -> None:
    wanted = 201 if copy_version < 0 else 204
    expect(dav.transfer("COPY", THING, COPY), wanted, "RFC 4918 section 9.8.5")
    same_content(expect(dav.send("GET", COPY), 200, "RFC 4918 section 9.8.1"), content_of(content, version))


def copy_without_overwrite(dav: Session) -> None:
    expect(dav.transfer("COPY", THING, COPY, overwrite=False), 412, "RFC 4918 section 9.8.4")


def read_copy(dav: Session, content: str, copy_version: int) -> None:
    """The copy holds what the file held when it was copied, whatever happened to the file since."""
    same_content(expect(dav.send("GET", COPY), 200, "RFC 4918 section 9.8.1"), content_of(content, copy_version))


def delete_copy(dav: Session) -> None:
    expect(dav.send("DELETE", COPY), 204, "RFC 9110 section 9.3.5")
    expect(dav.send("GET", COPY), 404, "RFC 4918 section 9.6")


def move_away(dav: Session) -> Etag:
    expect(dav.transfer("MOVE", THING, MOVED), 201, "RFC 4918 section 9.9.4")
    return etag_of(expect(dav.send("HEAD", MOVED), 200, "RFC 4918 section 9.9"))


def move_back(dav: Session) -> Etag:
    expect(dav.transfer("MOVE", MOVED, THING), 201, "RFC 4918 section 9.9.4")
    return etag_of(expect(dav.send("HEAD", THING), 200, "RFC 4918 section 9.9"))


def move_onto_copy(dav: Session) -> None:
    expect(dav.transfer("MOVE", MOVED, COPY, overwrite=False), 412, "RFC 4918 section 9.9.3")


def delete(dav: Session) -> None:
    expect(dav.send("DELETE", THING), 204, "RFC 9110 section 9.3.5")


def delete_moved(dav: Session) -> None:
    expect(dav.send("DELETE", MOVED), 204, "RFC 9110 section 9.3.5")


# --- the ends -----------------------------------------------------------------------------------------------------------------


def keep_evidence(dav: Session) -> None:
    """What the server shows when a step did not pass, kept with the run."""
    listing = dav.send("PROPFIND", "", depth="infinity")
    attach("collection.xml", listing.content, "application/xml")


def remove_everything(dav: Session) -> None:
    dav.clear()


def etag_of(response: httpx.Response) -> Etag:
    assert "etag" in response.headers, "the answer has no ETag (RFC 9110 section 8.8.3)"
    return {"etag": response.headers["etag"]}


def changed(dav: Session, wanted: bytes, etag: str) -> Etag:
    """After a write: the file holds what was written, and its ETag is not the one from before."""
    response = expect(dav.send("GET", THING), 200, "RFC 9110 section 9.3.1")
    same_content(response, wanted)
    new = etag_of(response)
    assert new["etag"] != etag, f"the content changed and the ETag is still {etag} (RFC 9110 section 8.8.1)"
    return new | {"old_etag": etag}

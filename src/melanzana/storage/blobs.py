"""Attachments and other large contents, named by the SHA-256 of what is in them, streamed both ways.

The name is the content's own digest, so putting twice is one object, nothing is ever changed in place, and a damaged one is
noticed when it is read. A row of the database that names a blob counts only when the blob is there: `keep` returns when the content
is on the disk, or acknowledged by the bucket. Plain functions that block; a service calls them with `asyncio.to_thread`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

from melanzana.errors import NotFoundError, SettingsError, UnavailableError
from melanzana.storage.blob_places import Place
from melanzana.storage.drafts import Draft

#: Largest content by default, in bytes: a screenshot is well under 10 MB.
MAXIMUM_BYTES = 10 * 1024 * 1024
#: Bytes of one part of what is read; of one part of a large content that is written (S3's smallest), and how many at once.
READ_BYTES, PART_BYTES, PARTS_AT_ONCE = 1 << 20, 5 << 20, 2
_DIGEST = re.compile("[0-9a-f]{64}")
#: Written at the start, to see at once whether contents can be kept there.
_MARK, _MARK_TEXT = "melanzana.txt", b"Melanzana keeps attachments of test runs here, each under its SHA-256.\n"


@dataclass(frozen=True, slots=True)
class Content:
    """What is kept under a digest. `chunks` can be gone through once."""

    size: int  #: bytes
    chunks: Iterator[bytes]

    def read(self) -> bytes:
        """All of it, in memory. Errors: as `chunks`, UnavailableError when it cannot be read on, or is not what was kept."""
        return b"".join(self.chunks)


class BlobStore:
    """Contents at one place, spread over `ab/cd/abcd…`."""

    def __init__(self, place: Place, *, maximum_bytes: int = MAXIMUM_BYTES, drafts: Path | None = None) -> None:
        """`drafts`: folder of what is still arriving; None: the system's own."""
        self.place, self._maximum, self._drafts = place, maximum_bytes, drafts

    def require(self) -> None:
        """See whether contents can be kept. Errors: SettingsError when never, UnavailableError when not now."""
        try:
            self.place.store.put(_MARK, _MARK_TEXT)
        except FileNotFoundError:
            raise SettingsError(f"{self.place.shown}: there is no such bucket; make it first", field="attachments") from None
        except (PermissionDeniedError, UnauthenticatedError, PermissionError):
            raise SettingsError(f"{self.place.shown}: these keys may not write there", field="attachments") from None
        except (OSError, BaseError) as error:
            raise self._silent(error) from None

    def draft(self) -> Draft:
        """An empty draft of a content to keep. Errors: none."""
        return Draft(self._drafts, self._maximum)

    def put(self, content: bytes) -> str:
        """Keep a content that is in memory; gives its SHA-256. Errors: TooLargeError, UnavailableError."""
        with self.draft() as draft:
            draft.write(content)
            return self.keep(draft)

    def keep(self, draft: Draft) -> str:
        """Keep what was drafted; gives its SHA-256 in lower-case hex.

        Errors: UnavailableError when the place does not take it.
        """
        path = path_of(draft.digest)
        try:
            if not self._is_kept(path, draft.size):
                # To another name, then moved: nobody ever sees a part of it.
                self.place.store.put(path, draft.opened(), chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE)
                self.place.made_durable(path)
        except (OSError, BaseError) as error:
            raise UnavailableError(f"the content could not be written{self._told(error)}; send it again") from error
        return draft.digest

    def open(self, digest: str) -> Content:
        """The content of that SHA-256, a part at a time; the first part, of a small one all, is read and checked at once.

        Errors: NotFoundError when there is none; UnavailableError when it cannot be read or is not what was kept. Of a large one
        that shows only with the last part, which is then held back.
        """
        if not _DIGEST.fullmatch(digest):
            raise NotFoundError("a content is named by 64 lower-case hexadecimal digits")
        try:
            found = self.place.store.get(path_of(digest))
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise self._silent(error) from None
            raise NotFoundError(f"there is no content {digest}") from None
        except (OSError, BaseError) as error:
            raise self._silent(error) from error
        chunks = self._checked(digest, iter(found.stream(READ_BYTES)))
        first = next(chunks, b"")
        return Content(int(found.meta["size"]), _behind(first, chunks))

    def get(self, digest: str) -> bytes:
        """All of the content of that SHA-256. Errors: as `open`."""
        return self.open(digest).read()

    def delete(self, digest: str) -> None:
        """Remove the content, if it is there. Errors: UnavailableError."""
        try:
            self.place.store.delete(path_of(digest))
        except FileNotFoundError:
            return
        except (OSError, BaseError) as error:
            raise self._silent(error) from error

    def _is_kept(self, path: str, size: int) -> bool:
        if not self.place.trusted:
            return False
        try:
            return int(self.place.store.head(path)["size"]) == size
        except FileNotFoundError:
            return False

    def _checked(self, digest: str, parts: Iterator[bytes]) -> Iterator[bytes]:
        """The parts, the last one only when all of them together are what the name says."""
        hashed, held = sha256(), b""
        try:
            for part in parts:
                if held:
                    yield held
                held = bytes(part)
                hashed.update(held)
        except (OSError, BaseError) as error:
            raise self._silent(error) from error
        if hashed.hexdigest() != digest:
            raise UnavailableError(f"the content {digest} is damaged at {self.place.shown}; restore it from a backup")
        yield held

    def _silent(self, error: BaseException) -> UnavailableError:
        return UnavailableError(f"attachments cannot be reached now at {self.place.shown}{self._told(error)}", retry_after=5)

    def _told(self, error: BaseException) -> str:
        """What the place said, in a word: never its whole answer, which quotes the request."""
        if isinstance(error, BaseError):
            code = re.search(r"<Code>(\w{1,60})</Code>", str(error))
            return f" ({code[1] if code else type(error).__name__})"
        return f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""


def path_of(digest: str) -> str:
    """Where a content lies below its place."""
    return f"{digest[:2]}/{digest[2:4]}/{digest}"


def _behind(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from chunks

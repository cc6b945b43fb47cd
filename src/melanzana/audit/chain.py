"""The chain of hashes that shows a changed, missing or moved record.

Each record's hash covers its own fields, as they are stored, and the hash of the record before. The end of the chain stands in a
row of its own, so that a cut tail is noticed too; and whoever keeps one end outside can tell later whether anything up to it was
touched, even by somebody who could rewrite the whole database. `store.py` extends the chain, `service.py` follows it.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from melanzana.audit.records import Head

#: What the first record of a realm follows.
FIRST_HASH = "0" * 64


def record_hash(previous_hash: str, fields: Sequence[object]) -> str:
    """Hex SHA-256 of a record. `fields`: the stored values, from the realm to the detail, in the order of the table."""
    return sha256(json.dumps([previous_hash, *fields], separators=(",", ":"), default=repr).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Link:
    """A record as it is stored, whatever may have been done to it."""

    number: int
    fields: tuple[object, ...]
    previous_hash: str
    hash: str


class Follower:
    """Follows a chain from its first record and remembers the first that does not fit."""

    def __init__(self, kept: Head | None = None) -> None:
        """`kept`: an end that was noted outside earlier; the record of that number must have that hash."""
        self.last = Head(number=0, hash=FIRST_HASH)
        self.records = 0
        self.first_broken: int | None = None
        self._kept = kept

    def follow(self, links: Iterable[Link]) -> None:
        """The next records, in order."""
        for link in links:
            self.records += 1
            expected = self.last.number + 1
            if self.first_broken is None and not self._fits(link, expected):
                self.first_broken = expected
            self.last = Head(number=link.number, hash=link.hash)

    def end(self, head: Head) -> None:
        """There is no further record. `head`: the end of the chain as it was noted when the last record was written."""
        if self.first_broken is None and self.last != head:
            self.first_broken = min(self.last.number, head.number) + (self.last.number != head.number)
        if self.first_broken is None and self._kept is not None and self._kept.number > self.last.number:
            self.first_broken = self.last.number + 1

    def _fits(self, link: Link, expected: int) -> bool:
        kept = self._kept is None or self._kept.number != link.number or self._kept.hash == link.hash
        follows = link.number == expected and link.previous_hash == self.last.hash
        return kept and follows and link.hash == record_hash(link.previous_hash, link.fields)

"""What the trail keeps of texts that strangers send: printable, on one line, of bounded length.

A client id of 64 kB, a line break in a user agent or a NUL must neither fill the disk nor forge a second line in an export. What
cannot be printed is kept as its escape (`\\n`, `\\u202e`), so that an attack can still be read in the trail. `service.py` cleans
every entry before it enters the chain.
"""

from dataclasses import replace

from melanzana.access.records import Actor
from melanzana.audit.records import AuditEntry

LONGEST_ID, LONGEST_NAME, LONGEST_WORD, LONGEST_VALUE, MOST_DETAILS = 255, 200, 64, 300, 16
_CUT = "…"


def cleaned(entry: AuditEntry) -> AuditEntry:
    """The entry with every text printable and bounded."""
    actor = entry.actor
    return replace(
        entry,
        realm=printable(entry.realm, LONGEST_WORD),
        action=printable(entry.action, LONGEST_WORD),
        actor=Actor(
            kind=printable(actor.kind, LONGEST_WORD),
            id=printable(actor.id, LONGEST_ID),
            name=printable(actor.name, LONGEST_NAME),
            address=printable(actor.address, LONGEST_WORD),
        ),
        subject=printable(entry.subject, LONGEST_ID),
        outcome=printable(entry.outcome, LONGEST_WORD),
        detail={
            printable(name, LONGEST_WORD): printable(str(value), LONGEST_VALUE)
            for name, value in list(entry.detail.items())[:MOST_DETAILS]
        },
    )


def printable(text: str, longest: int) -> str:
    """The text on one line, no longer than that many characters; a cut one ends with `…`."""
    short = text[: longest + 1]
    if not short.isprintable():
        short = "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in short)
    return str(short) if len(short) <= longest else short[: longest - 1] + _CUT

"""Texts of strangers are printable and bounded before they are kept."""

from hypothesis import given
from hypothesis import strategies as st

from melanzana.access.records import Actor
from melanzana.audit.cleaning import LONGEST_ID, cleaned, printable
from melanzana.audit.records import Action, AuditEntry


@given(st.text(), st.integers(1, 40))
def test_any_text(text: str, longest: int) -> None:
    """Whatever was sent, what is kept is on one line, printable, no longer than allowed, and cleaning it again changes nothing."""
    kept = printable(text, longest)
    assert kept.isprintable()
    assert len(kept) <= longest
    assert printable(kept, longest) == kept
    kept.encode("utf-8")


@given(st.text(st.characters(categories=["L", "N", "P"]), max_size=20))
def test_ordinary_text_stays(text: str) -> None:
    """A text that is printable and short is kept as it is."""
    assert printable(text, 20) == text


def test_escapes_can_be_read() -> None:
    """What cannot be printed is kept as its escape."""
    assert printable("a\r\nb\x00\u202e\ud800", 64) == r"a\r\nb\x00\u202e\ud800"


def test_hostile_entry() -> None:
    """A client id of 64 kB, a header with line breaks and a thousand details leave a small entry."""
    entry = cleaned(
        AuditEntry(
            realm="eggplant",
            action=Action.TOKEN_GRANT,
            actor=Actor(kind="nobody", id="x" * 65_536, name="a\r\nHTTP/1.1 200 OK", address="\x00"),
            subject="é" * 1_000,
            detail={f"name\n{number}": "v" * 9_999 for number in range(1_000)},
        )
    )
    texts = [entry.actor.id, entry.actor.name, entry.actor.address, entry.subject, *entry.detail, *entry.detail.values()]
    assert all(text.isprintable() and len(text) <= 300 for text in texts)
    assert len(entry.actor.id) == LONGEST_ID
    assert entry.actor.id.endswith("…")
    assert len(entry.detail) == 16

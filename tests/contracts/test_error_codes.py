"""The error codes that outsiders rely on are all in the reference."""

from collections.abc import Iterator
from pathlib import Path

from melanzana.errors import MelanzanaError

PAGE = Path(__file__).parents[2] / "docs/reference/errors.md"


def kinds(root: type[MelanzanaError]) -> Iterator[type[MelanzanaError]]:
    yield root
    for kind in root.__subclasses__():
        yield from kinds(kind)


def test_every_error_code_is_in_the_reference() -> None:
    """`docs/reference/errors.md` has a row for each code of the tree."""
    text = PAGE.read_text("utf-8")
    assert not [kind.__name__ for kind in kinds(MelanzanaError) if f"| `{kind.code}` |" not in text]


def test_no_two_errors_share_a_code() -> None:
    """A code means one class of errors."""
    codes = [kind.code for kind in kinds(MelanzanaError)]
    assert len(codes) == len(set(codes))

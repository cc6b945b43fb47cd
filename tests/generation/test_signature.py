"""Two failures have one signature when they differ only in what changes from run to run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.generation.signature import MOST_CHARACTERS, masked, signature_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GET /run-73154cddae0f4a5aa3ee5acb22fe4e90/thing gave 260 bytes", "GET /run-<id>/thing gave # bytes"),
        ("http://127.0.0.1:18231/ai did not answer", "http://<host>/ai did not answer"),
        ("order 6f1ed002-ab5a-4a3c-9b0e-3e0f6a2d1c11 is gone", "order <id> is gone"),
        ("at 2026-11-24T04:05:06.123Z, or 04:05", "at <time>, or <time>"),
        ("<Page object at 0x7fa74ff87830>", "<Page object at <address>>"),
        ("b'1 .' instead of b\"it's\"", "<bytes> instead of <bytes>"),
        ("-1.5e3 and 1,000", "# and #"),
        ("item12 of cart_7", "item# of cart_#"),
        ("the facade of decade is bad", "the facade of decade is bad"),
    ],
)
def test_what_changes_from_run_to_run_is_masked(text: str, expected: str) -> None:
    """Numbers, identifiers, hosts, instants, addresses and bytes; words stay."""
    assert masked(text) == expected


def test_a_signature_is_element_exception_and_first_line() -> None:
    """Where it happened, of which type, and what it says."""
    found = signature_of("e1", "AssertionError: 3 items, not 4 (shop_steps.py:12)\nmore")
    assert found == ("e1", "AssertionError", "# items, not # (shop_steps.py:#)")
    assert str(found) == "AssertionError: # items, not # (shop_steps.py:#)"
    assert signature_of("e1", "KeyError (shop.py:3)").exception == "KeyError"
    assert signature_of("", "the worker was killed by signal 9 (SIGKILL)") == (
        "",
        "",
        "the worker was killed by signal # (SIGKILL)",
    )


def test_another_element_type_or_text_is_another_failure() -> None:
    """Each of the three parts tells failures apart."""
    one = signature_of("e1", "AssertionError: no light")
    assert len({one, signature_of("e2", "AssertionError: no light"), signature_of("e1", "ValueError: no light")}) == 3
    assert signature_of("e1", "AssertionError: too bright") != one


@given(st.text(max_size=2_000))
def test_masking_is_bounded_and_done_once(text: str) -> None:
    """Never longer than the limit, on one line, without digits."""
    found = masked(text)
    assert len(found) <= MOST_CHARACTERS
    assert "\n" not in found
    assert not any(letter in "0123456789" for letter in found)

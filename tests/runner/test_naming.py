"""Names of the model as names of code."""

import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.runner.naming import class_key, did_you_mean, slug


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Add to basket", "add_to_basket"),
        ("add-to  basket!", "add_to_basket"),
        ("2nd try", "_2nd_try"),
        ("import", "import_"),
        ("Größe prüfen", "grösse_prüfen"),
        ("ﬁnd", "find"),
        ("v_Cart", "v_cart"),
        ("!!!", ""),
    ],
)
def test_a_slug_is_what_one_would_write(name: str, expected: str) -> None:
    """Words joined by underscores, lower case, never a keyword, never a leading digit."""
    assert slug(name) == expected


@given(st.text(max_size=40))
def test_a_slug_is_stable_and_never_a_keyword(name: str) -> None:
    """The slug of a slug is the slug."""
    made = slug(name)
    assert not keyword.iskeyword(made)
    assert slug(made).strip("_") == made.strip("_")


def test_class_names_and_model_names_meet() -> None:
    """However the words are put together."""
    assert class_key("WebShop") == class_key("Web shop") == class_key("web_shop") == "webshop"


def test_a_suggestion_is_made_only_when_something_is_close() -> None:
    """Nothing is better than nonsense."""
    assert did_you_mean("baskt", ["basket", "home"]) == '; did you mean "basket"?'
    assert did_you_mean("zebra", ["basket", "home"]) == ""

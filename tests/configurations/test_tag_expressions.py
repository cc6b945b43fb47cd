"""Expressions over tags."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.configurations.tag_expressions import parse_tags
from melanzana.errors import RequestError

TAGS = ("smoke", "slow", "wip")
TREES = st.recursive(
    st.sampled_from(TAGS),
    lambda inner: st.one_of(st.tuples(st.just("not"), inner), st.tuples(st.sampled_from(["and", "or"]), inner, inner)),
    max_leaves=8,
)


def written(tree: object) -> str:
    if isinstance(tree, str):
        return f"@{tree}"
    assert isinstance(tree, tuple)
    return f"not ({written(tree[1])})" if tree[0] == "not" else f"({written(tree[1])}) {tree[0]} ({written(tree[2])})"


def meant(tree: object, tags: set[str]) -> bool:
    if isinstance(tree, str):
        return tree in tags
    assert isinstance(tree, tuple)
    if tree[0] == "not":
        return not meant(tree[1], tags)
    left, right = meant(tree[1], tags), meant(tree[2], tags)
    return left and right if tree[0] == "and" else left or right


@given(tree=TREES, tags=st.sets(st.sampled_from(TAGS)))
def test_an_expression_means_what_it_says(tree: object, tags: set[str]) -> None:
    """Whatever is written with brackets is met by exactly the tags that logic says."""
    assert parse_tags(written(tree))(tags) == meant(tree, tags)


def test_and_binds_before_or_and_not_before_both() -> None:
    """Without brackets: not, then and, then or; `@` may be left out and operators stand in any case."""
    meets = parse_tags("smoke AND Not @slow or wip")
    assert [meets(set(tags)) for tags in (["smoke"], ["smoke", "slow"], ["slow", "wip"], [])] == [True, False, True, False]


def test_the_older_form_has_commas_and_tildes() -> None:
    """`@a,@b ~@c` is (a or b) and not c."""
    meets = parse_tags("@a,@b ~@c")
    assert [meets(set(tags)) for tags in ("a", "b", "ac", "", "c")] == [True, True, False, False, False]


@pytest.mark.parametrize("text", ["", ",", "and", "a b or", "(a", "a or", "not", ")", "a and or b", "(" * 200 + "a", "a" * 5_000])
def test_what_is_no_expression_is_refused(text: str) -> None:
    """The error names the field and shows how to write one."""
    with pytest.raises(RequestError, match="write it like") as caught:
        parse_tags(text)
    assert caught.value.detail["field"] == "scenario_tag"

"""Differences of meaning: none between equals, each change found and said, new names recognised, the same counts both ways."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melanzana.graph.difference import ChangeKind, difference
from melanzana.graph.formats.reading import read_model
from melanzana.graph.formats.writing import Format, write_model
from melanzana.graph.model import ActionKind, Box, Output
from support_models import models, simple_models
from support_walks import EXIT, act, case, choice, integer, model, place, sequent, snippet, start

SHOP = """
model: Shop
start: Home
variables:
  basket: {type: integer, initial: 0, range: [0, 5]}
states:
  Home:
    actions:
      search: {to: Results, do: "shop:search"}
      log in: {when: basket == 0, limit: 1}
  Results:
    actions:
      add: {to: Basket, do: "shop:add", set: {basket: basket + 1}}
      back: Home
  Basket:
    actions:
      pay: {to: exit, when: basket > 0 && basket < 5, do: "shop:pay"}
      shop on: Home
test cases:
  buy: {steps: [search, add, pay]}
"""


def sentences(old, new):
    """Of the changes between two texts."""
    return [change.sentence for change in difference(read_model(old.encode()).model, read_model(new.encode()).model).changes]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("basket > 0 && basket < 5", "(basket  >  0) && (basket<5)", []),
        ("      back: Home", "      # a remark\n      back: {to: Home, description: go back}", []),
        (
            "basket > 0 &&",
            "basket > 1 &&",
            ["action 'pay' of 'Basket': guard was `basket > 0 && basket < 5`, is `basket > 1 && basket < 5`"],
        ),
        (
            "basket + 1",
            "basket + 2",
            ["action 'add' of 'Results': assignments were `basket = basket + 1`, are `basket = basket + 2`"],
        ),
        ("limit: 1", "limit: 2, weight: 7", ["weight was 100, is 7", "call limit was 1, is 2"]),
        ("      back: Home", "      back: [Home, Basket]", ["targets were 'Home', are 'Home' or 'Basket'"]),
        ("      back: Home\n", "", ["action 'back' of 'Results' is gone"]),
        ("      back: Home", "      back: Home\n      stay: {}", ["action 'stay' of 'Results' is new"]),
        ("shop:pay", "shop:buy", ["snippets were shop:pay(), are shop:buy()"]),
        ("shop on", "continue", ["action 'shop on' of 'Basket' is now called 'continue'"]),
        ("Results", "Hits", ["state 'Results' is now called 'Hits'"]),
        ("basket", "cart", ["variable 'basket' is now called 'cart'"]),
        (
            "range: [0, 5]",
            "range: [0, 6]",
            ["variable 'basket' was `basket: integer 0 to 5, initially 0`, is `basket: integer 0 to 6"],
        ),
        ("[search, add, pay]", "[search, add]", ["test case 'buy': steps were 'search', 'add', 'pay', are 'search', 'add'"]),
        ("  buy:", "  purchase:", ["test case 'buy' is gone", "test case 'purchase' is new"]),
        ("model: Shop", "model: Web shop", ["the model 'Shop' is now called 'Web shop'"]),
    ],
)
def test_every_change_is_said_in_a_sentence(before, after, said):
    """And nothing else is, though derived ids change with every name."""
    found = sentences(SHOP, SHOP.replace(before, after))
    assert len(found) == len(said), found
    assert all(any(words in sentence for sentence in found) for words in said), found


def test_layout_order_and_tags_are_no_difference_but_order_is_noted():
    """A seed gives another path on states in another order."""
    old = model(start(act("a", "A", "B")), place("A"), place("B"))
    assert difference(old, replace(old, layout={"A": Box(x=1, y=2)}, description="x", tags=("t",))).to_json() == {
        "same": True,
        "count": {"added": 0, "removed": 0, "renamed": 0, "changed": 0},
        "changes": [],
        "notes": [],
    }
    for turned in (
        replace(old, states=(old.states[0], old.states[2], old.states[1])),
        model(start(act("a", "B", "A")), place("A"), place("B")),
    ):
        found = difference(old, turned)
        assert found.same
        assert found.notes == (
            "states, actions or targets stand in another order: they mean the same, but a seed gives another path",
        )


@settings(max_examples=20, deadline=None)
@given(subject=models(max_states=3))
def test_a_model_does_not_differ_from_itself(subject):
    """Whatever it contains."""
    found = difference(subject, subject)
    assert found.same
    assert not found.notes
    assert all(one == other for one, other in found.elements.items())
    assert all(one == other for one, other in found.variables.items())


@settings(max_examples=20, deadline=None)
@given(subject=simple_models(max_states=3))
def test_a_model_written_and_read_again_does_not_differ(subject):
    """The document format keeps all logic."""
    text = write_model(subject, Format.DAI).text
    assert difference(subject, read_model(text.encode()).model).changes == ()


@settings(max_examples=30, deadline=None)
@given(old=simple_models(max_states=3), new=simple_models(max_states=3))
def test_counts_are_the_same_from_both_sides(old, new):
    """What is added one way is removed the other way; and every element is in one pair at most."""
    there, back = difference(old, new), difference(new, old)
    assert there.count()["added"] == back.count()["removed"]
    assert there.count()["removed"] == back.count()["added"]
    assert there.count()["renamed"] == back.count()["renamed"]
    assert there.count()["changed"] == back.count()["changed"]
    assert len(set(there.elements.values())) == len(there.elements)
    assert {new_id: old_id for old_id, new_id in there.elements.items()} == dict(back.elements)


@settings(max_examples=20, deadline=None)
@given(subject=simple_models(max_states=3), data=st.data())
def test_a_new_name_is_recognised(subject, data):
    """With its id an element is found under any name."""
    number = data.draw(st.integers(0, len(subject.states) - 1))
    states = list(subject.states)
    states[number] = replace(states[number], name="Entirely new")
    found = difference(subject, replace(subject, states=tuple(states)))
    assert [(change.kind, change.what, change.name) for change in found.changes] == [(ChangeKind.RENAMED, "state", "Entirely new")]


def test_an_action_that_moved_is_found_by_its_id():
    """It no longer does what it did: it is done elsewhere."""
    old = model(start(act("a", "A"), act("b")), place("A"))
    new = model(start(act("a", "A")), place("A", act("b")))
    found = difference(old, new)
    assert [change.sentence for change in found.changes] == ["action 'b' of 'Start' has become action 'b' of 'A'"]
    assert found.altered == {"b"}


def test_what_changes_the_behaviour_is_told_from_what_does_not():
    """Guard, code and bounds do; weight, name, requirement and targets do not."""
    old = model(start(act("a", "A", when="n > 1", weight=3, requirements=("R1",), parameters=(choice("c", "x"),))), place("A"),
                parameters=(integer("n", 0, 0, 3),))  # fmt: skip
    first = old.states[0].actions[0]

    def altered(**change):
        changed = replace(old, states=(replace(old.states[0], actions=(replace(first, **change),)), old.states[1]))
        return difference(old, changed).altered

    for change in ({"weight": 4}, {"requirements": ("R2",)}, {"name": "b"}, {"targets": ()}, {"guard": "n>1"}, {"tags": ("t",)}):
        assert altered(**change) == frozenset()
    for change in (
        {"guard": None},
        {"call_limit": 1},
        {"snippets": (snippet(),)},
        {"kind": ActionKind.SEQUENT},
        {"parameters": ()},
    ):
        assert altered(**change) == {"a"}


def test_a_guard_that_is_always_true_is_no_guard():
    """And one that cannot be read is compared as text."""
    plain, true = model(start(act("a"))), model(start(act("a", when=" true ")))
    assert difference(plain, true).same
    assert difference(plain, model(start(act("a", when="((")))).count()["changed"] == 1
    assert difference(model(start(act("a", when="(("))), model(start(act("a", when="(( ")))).same


def test_code_is_compared_in_order_with_its_inputs_and_outputs():
    """Two snippets the other way round are another action."""
    one, other = snippet("m:one", outputs=(Output(variable="n"),)), snippet("m:two", disabled=True)
    old, new = (model(start(act("a", snippets=pair)), parameters=(integer("n"),)) for pair in ((one, other), (other, one)))
    assert [change.sentence for change in difference(old, new).changes] == [
        "action 'a' of 'Start': snippets were m:one() → n, m:two() (disabled), are m:two() (disabled), m:one() → n"
    ]


def test_variables_that_can_hold_the_same_are_told():
    """Global and local ones, under their names in both models."""
    old = model(
        start(act("a", parameters=(choice("c", "x"),)), parameters=(integer("s", 0, 0, 1),)), parameters=(integer("n", 0, 0, 3),)
    )
    new = model(
        start(act("a", parameters=(choice("c", "y"),)), parameters=(integer("s", 0, 0, 1),)), parameters=(integer("m", 0, 0, 3),)
    )
    assert difference(old, new).variables == {("", "n"): ("", "m"), ("Start", "s"): ("Start", "s")}


def test_the_whole_model_is_compared_too():
    """Its suite and what it says of Start and of aborted runs; its test cases and special states as well."""
    old = model(start(), EXIT, test_cases=(case("t"),))
    new = replace(old, suite="shop", run_cleanup_after_abort=True, global_actions=(sequent("s"),), test_cases=())
    assert [change.sentence for change in difference(old, new).changes] == [
        "the model: suite was none, is shop",
        "the model: cleanup after an abort was no, is yes",
        "global action 's' is new",
        "test case 't' is gone",
    ]


def test_a_shared_name_is_part_of_what_a_state_means():
    """It decides what the model is together with others."""
    old, new = model(start(), place("A")), model(start(), place("A", shared="HALL"))
    assert [change.sentence for change in difference(old, new).changes] == ["state 'A': shared name was none, is HALL"]

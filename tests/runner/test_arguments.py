"""What functions are called with, and how values are converted."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.errors import SuiteError
from melanzana.generation.step import Verdict
from melanzana.runner.conversion import convert
from support_suite import call, loaded, perform, step, write_suite


def outcome(folder: Path, source: str, one: Any) -> Any:
    with loaded(write_suite(folder, shop=source)) as suite:
        return perform(suite, one)[0]


@pytest.mark.parametrize(
    ("annotation", "value", "result"),
    [
        (int, "2", 2),
        (int, 2.0, 2),
        (float, 2, 2.0),
        (float, "2.5", 2.5),
        (bool, "true", True),
        (bool, "No", False),
        (bool, 0, False),
        (str, 5, "5"),
        (str, True, "true"),
        (list[int], ["1", 2], [1, 2]),
        (int | None, None, None),
        (Any, {"a": 1}, {"a": 1}),
    ],
)
def test_values_are_converted_by_annotation(annotation: Any, value: Any, result: Any) -> None:
    """Typed parameters get typed values."""
    assert convert(value, annotation, "x") == result
    assert type(convert(value, annotation, "x")) is type(result)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [(int, "two"), (int, 2.5), (int, True), (float, "x"), (bool, "maybe"), (bool, 2), (str, None), (int, None)],
)
def test_what_would_lose_something_is_an_error_that_names_the_parameter(annotation: type, value: Any) -> None:
    """No value is bent to fit."""
    with pytest.raises(SuiteError, match=r"shop:add\(qty\) must be"):
        convert(value, annotation, "shop:add(qty)")


@given(st.integers())
def test_whole_numbers_survive_text_and_back(number: int) -> None:
    """Any integer goes through text unchanged."""
    assert convert(convert(number, str, "x"), int, "x") == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_real_numbers_survive_text_and_back(number: float) -> None:
    """Any finite float goes through text unchanged."""
    assert convert(convert(number, str, "x"), float, "x") == number


def test_variables_are_passed_by_name(tmp_path: Path) -> None:
    """Parameters take the variables in scope, converted; a default holds when there is none."""
    source = "def add(item: str, qty: int = 1, size: str = 'M'): return {'got': [item, qty, size]}"
    assert outcome(tmp_path, source, step("add", item="lamp", qty="2")).outputs == {"got": ["lamp", 2, "M"]}


def test_inputs_of_the_model_beat_variables(tmp_path: Path) -> None:
    """Named and ordered inputs come from the call, the rest from the data."""
    source = "def add(item, qty, size): return {'got': [item, qty, size]}"
    one = step("add", call("shop:add", "by position", qty=7), item="variable", size="L")
    assert outcome(tmp_path, source, one).outputs == {"got": ["by position", 7, "L"]}


def test_ordered_inputs_skip_fixtures(tmp_path: Path) -> None:
    """Inputs by position go to the parameters that are no fixtures, in order."""
    source = """
        from melanzana import fixture
        @fixture
        def shop(): return "the shop"
        def add(shop, item, qty): return {"got": [shop, item, qty]}
    """
    assert outcome(tmp_path, source, step("add", call("shop:add", "lamp", 2))).outputs == {"got": ["the shop", "lamp", 2]}


def test_data_is_given_on_request(tmp_path: Path) -> None:
    """A parameter called data is a dict of every variable; changing it changes nothing else."""
    source = "def look(data):\n    data['x'] = 1\n    return {'names': sorted(data)}"
    one = step("look", a=1, b=2)
    assert outcome(tmp_path, source, one).outputs == {"names": ["a", "b", "x"]}
    assert dict(one.data) == {"a": 1, "b": 2}


def test_rest_parameters_take_what_is_left(tmp_path: Path) -> None:
    """*args and **kwargs take the inputs that no other parameter took, and no variables."""
    source = "def look(first, *rest, **named): return {'got': [first, list(rest), named]}"
    one = step("look", call("shop:look", 1, 2, 3, colour="red"), other=9)
    assert outcome(tmp_path, source, one).outputs == {"got": [1, [2, 3], {"colour": "red"}]}


@pytest.mark.parametrize(
    ("source", "one", "message"),
    [
        ("def add(itm): ...", step("add", item="x"), "shop:add asks for 'itm', .*did you mean \"item\""),
        ("def add(qty: int): ...", step("add", qty="two"), r"shop:add\(qty\) must be int, not 'two'"),
        ("def add(): ...", step("add", call("shop:add", 1)), "1 more inputs than it has parameters"),
        ("def add(item): ...", step("add", call("shop:add", itm=1), item=1), "no parameter 'itm'; did you mean \"item\""),
    ],
)
def test_a_parameter_that_cannot_be_filled_is_an_error(tmp_path: Path, source: str, one: Any, message: str) -> None:
    """The step is an error, not a failure: the system under test was never asked."""
    done = outcome(tmp_path, source, one)
    assert done.verdict is Verdict.ERROR
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(done.message)


def test_a_name_that_is_fixture_and_variable_is_an_error(tmp_path: Path) -> None:
    """Which one is meant cannot be told."""
    source = """
        from melanzana import fixture
        @fixture
        def user(): return "fixture"
        def sign_in(user): ...
    """
    done = outcome(tmp_path, source, step("sign in", user="variable"))
    assert done.verdict is Verdict.ERROR and "a fixture and a variable" in done.message


def test_annotations_of_other_libraries_are_converted_by_pydantic(tmp_path: Path) -> None:
    """Enums, Literal and dataclasses work; what is wrong inside is named."""
    source = """
        from dataclasses import dataclass
        from enum import Enum
        from typing import Literal
        class Colour(Enum):
            RED = "red"
        @dataclass
        class Item:
            name: str
            qty: int
        def add(item: Item, colour: Colour, size: Literal["S", "M"]):
            return {"got": [item.name, item.qty, colour.name, size]}
    """
    done = outcome(tmp_path, source, step("add", item={"name": "lamp", "qty": "2"}, colour="red", size="M"))
    assert done.outputs == {"got": ["lamp", 2, "RED", "M"]}
    done = outcome(tmp_path, source, step("add", item={"name": "lamp"}, colour="red", size="M"))
    assert done.verdict is Verdict.ERROR and "qty: Field required" in done.message


def test_annotations_as_text_are_understood(tmp_path: Path) -> None:
    """`from __future__ import annotations` and names that only a type checker sees do no harm."""
    source = """
        from __future__ import annotations
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from nowhere import Page
        def add(qty: int, text: str): return {"got": [qty, text]}
        def open_page(page: Page): return {"got": page}
    """
    assert outcome(tmp_path, source, step("add", qty="3", text=1)).outputs == {"got": [3, "1"]}
    assert outcome(tmp_path, source, step("open page", page="start")).outputs == {"got": "start"}

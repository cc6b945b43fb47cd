"""The text format: reading, writing, and the errors in between."""

import json
from dataclasses import replace

import pytest
import yaml
from hypothesis import given

from melanzana.errors import FormatError
from melanzana.graph.findings import Severity
from melanzana.graph.formats.document import from_document, logic_hash, to_document
from melanzana.graph.formats.text import load_text, read_text, write_text
from melanzana.graph.formats.yaml_source import PARSERS, parse_yaml
from melanzana.graph.model import Box, Input, Model, Output, Snippet, StateKind, derived_id
from melanzana.graph.validation import validate
from support_models import models, simple_models


@given(models())
def test_random_models_break_no_rule(model: Model) -> None:
    """The strategy that property tests rely on gives models without errors."""
    assert [finding.message for finding in validate(model) if finding.severity is Severity.ERROR] == []


@given(simple_models())
def test_simple_models_break_no_rule(model: Model) -> None:
    """The simple strategy does, too."""
    assert [finding.message for finding in validate(model) if finding.severity is Severity.ERROR] == []


@given(models())
def test_text_gives_back_the_model(model: Model) -> None:
    """A model written as text and read again is the same model, and is written the same way again."""
    text = write_text(model)
    again = read_text(text)
    assert again == model
    assert write_text(again) == text


@given(models())
def test_every_parser_reads_the_same(model: Model) -> None:
    """The pure parser and libyaml take the text for the same document at the same places."""
    text = write_text(model)
    sources = [parse_yaml(text, parser=parser) for parser in PARSERS]
    assert all(
        (source.document, source.values, source.keys) == (sources[0].document, sources[0].values, sources[0].keys)
        for source in sources
    )


@given(models())
def test_document_survives_json(model: Model) -> None:
    """The document form goes through JSON unchanged, order included, and gives back the model and its hash."""
    document = to_document(model)
    stored = json.loads(json.dumps(document, allow_nan=False))
    again = from_document(stored)
    assert again == model
    assert json.dumps(to_document(again)) == json.dumps(document)
    assert logic_hash(again) == logic_hash(model)


SHOP = """\
model: Web shop
start: Home
variables:
  basket: {type: integer, initial: 0, range: [0, 5]}
states:
  Home:
    check: shop.home
    actions:
      search: {to: Results, do: shop.search, with: {term: "'lamp'", page: 1}, save: {count: basket}}
  Results:
    actions:
      add: {set: {basket: basket + 1}}
      leave: exit
test cases:
  buy: [search, add, leave]
"""


def test_short_forms_mean_the_long_ones() -> None:
    """A dotted reference, a bare target, a bare step and a literal input are read as what they stand for."""
    model = read_text(SHOP)
    home, results, leave = model.states
    assert home.kind is StateKind.START
    assert home.snippets == (Snippet(reference="shop:home"),)
    assert home.actions[0].snippets[0].inputs == (Input(name="term", expression="'lamp'"), Input(name="page", expression="1"))
    assert home.actions[0].snippets[0].outputs == (Output(name="count", variable="basket"),)
    assert (leave.kind, leave.name, leave.id) == (StateKind.EXIT, "Exit", derived_id("Web shop", "Exit"))
    assert results.actions[1].targets == (leave.id,)
    assert [step.action for step in model.test_cases[0].steps] == [home.actions[0].id, *(action.id for action in results.actions)]


def test_writing_is_pretty_and_brief() -> None:
    """The written text has derived ids nowhere, short maps in one line, and quotes only where they are needed."""
    assert write_text(read_text(SHOP)) == (
        "model: Web shop\nstart: Home\n\nvariables:\n  basket: {type: integer, initial: 0, range: [0, 5]}\n\nstates:\n  Home:\n"
        "    check: shop:home\n    actions:\n      search: {to: Results, do: shop:search, with: {term: \"'lamp'\", page: 1}, "
        "save: {count: basket}}\n  Results:\n    actions:\n      add: {set: {basket: basket + 1}}\n      leave: exit\n\n"
        "test cases:\n  buy: {steps: [search, add, leave]}\n"
    )


def test_words_of_old_yaml_are_text() -> None:
    """`yes`, `no`, `on` and `off` are plain text, and are quoted when written, for readers that think otherwise."""
    model = read_text("model: on\nstart: yes\nstates: {yes: {tags: [no, off, y]}}\n")
    assert (model.name, model.states[0].name, model.states[0].tags) == ("on", "yes", ("no", "off", "y"))
    assert '"yes"' in write_text(model)
    assert yaml.safe_load(write_text(model))["start"] == "yes"


@pytest.mark.parametrize(
    ("plain", "value"),
    [("12", 12), ("-007", -7), ("0x1F", 31), ("0o17", 15), ("1.5e3", 1500.0), (".5", 0.5), ("~", None), ("True", True)],
)
def test_plain_scalars_follow_the_core_schema(plain: str, value: object) -> None:
    """Plain scalars are what YAML 1.2's core schema says."""
    found = load_text(f"x: {plain}").document["x"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("plain", ["1_000", "12:30", "2024-01-01", "=", "<<", "0b1", "1.2.3", "+", "Yes", "OFF"])
def test_what_only_old_yaml_took_for_something_is_text(plain: str) -> None:
    """Scalars with a meaning in YAML 1.1 only are plain text."""
    assert load_text(f"x: {plain}").document["x"] == plain


def test_a_state_called_exit_is_meant_before_the_word() -> None:
    """`to: exit` means the state called exit when there is one, and a later writing says the same."""
    model = read_text("model: m\nstart: a\nstates:\n  a: {actions: {go: exit, end: Done}}\n  exit: {}\nexit: {name: Done}\n")
    assert [model.states[1].id, model.states[2].id] == [action.targets[0] for action in model.states[0].actions]
    assert read_text(write_text(model)) == model


def test_special_states_anywhere_keep_their_order() -> None:
    """A model whose Exit state stands first is written with `kind: exit` in its place."""
    text = "model: m\nstart: b\nstates:\n  Exit: {kind: exit}\n  b:\n    actions: {end: exit}\n"
    model = read_text(text)
    assert [state.kind for state in model.states] == [StateKind.EXIT, StateKind.START]
    assert read_text(write_text(model)) == model


def test_logic_hash_ignores_layout_and_sees_order() -> None:
    """Moving a box keeps the hash; exchanging two actions changes it."""
    model = read_text(SHOP)
    moved = replace(model, layout={model.states[0].id: Box(x=1, y=2)})
    results = replace(model.states[1], actions=model.states[1].actions[::-1])
    assert logic_hash(moved) == logic_hash(model)
    assert logic_hash(replace(model, states=(model.states[0], results, model.states[2]))) != logic_hash(model)


@pytest.mark.parametrize(
    ("old", "new", "suggestion", "words"),
    [
        ("save: {count", "▸sav: {count", "save", "unknown key `sav`"),
        ("to: Results", "to: ▸Result", "Results", "no state is called `Result`"),
        ("start: Home", "start: ▸home", "Home", "names no state"),
        ("type: integer", "type: ▸int", "integer", "unknown type `int`"),
        ("[search, add", "[search, ▸ad", "add", "no action is called `ad`"),
        ("initial: 0", "initial: ▸zero", None, "must be an integer"),
        ("shop.home", "▸home", None, "write module:function"),
        ("leave: exit", "leave: {kind: ▸sequel}", "sequent", "`kind` of an action"),
        ("    actions:\n      add", "    ▸actoins:\n      add", "actions", "unknown key"),
        ("range: [0, 5]", "range: ▸[0]", None, "is a pair"),
        ("{type: integer, initial: 0,", "▸{type: integer, values: [1],", None, "either `values` or `range`"),
        ("model: Web shop\nstart: Home", "▸model: Web shop", None, "add `start: Home`"),
        (
            "do: shop.search, with: {term: \"'lamp'\", page: 1}, save: {count: basket}",
            "do: {call: shop:a, with: ▸7}",
            None,
            "must be a list",
        ),
        ("add: {set", "add: {when: ▸{}, set", None, "must be an expression"),
        ("basket + 1", "▸null", None, "must be an expression"),
        ("do: shop.search, with: ", "with: ▸", None, "add `do: module:function`"),
        ("model: Web shop", "model: ▸12", None, "put it in quotes"),
        ("leave: exit", "leave: exit\n      ▸leave: exit", None, "written twice"),
        ("set: {basket: basket + 1}", "set: ▸basket ++ 1", None, "assignments are wrong"),
        ("test cases:", "layout: {Hoem: ▸[1, 2]}\ntest cases:", "Home", "names no element"),
        ("test cases:", "layout: {Home: ▸[1]}\ntest cases:", None, "a box is"),
        ("test cases:", "exit: ▸{name: Home}\ntest cases:", None, "already called `Home`"),
    ],
)
def test_errors_name_the_place_and_the_fix(old: str, new: str, suggestion: str | None, words: str) -> None:
    """A mistake is refused with its line, its column (▸), what is wrong, and the word that was probably meant."""
    assert SHOP.count(old) == 1
    before, _, after = SHOP.replace(old, new).partition("▸")
    with pytest.raises(FormatError) as caught:
        read_text(before + after, "shop.yaml")
    error = caught.value
    assert words in error.message
    place = (before.count("\n") + 1, len(before) - before.rfind("\n"))
    assert (error.detail["file"], error.detail["line"], error.detail["column"]) == ("shop.yaml", *place)
    assert error.detail.get("suggestion") == suggestion


def test_an_ambiguous_step_asks_for_its_state() -> None:
    """A step that two actions could be is refused, naming both."""
    states = "{a: {actions: {go: [b, c]}}, b: {actions: {x: a}}, c: {actions: {x: a}}}"
    text = f"model: m\nstart: a\nstates: {states}\ntest cases: {{t: [go, x]}}\n"
    with pytest.raises(FormatError, match="b/x, c/x can all come next") as caught:
        read_text(text)
    assert caught.value.detail["suggestion"] == "b/x"
    assert read_text(text.replace("x]", "c/x]")).test_cases[0].steps[1].action == derived_id("m", "c", "x")


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: &x [1]\nb: *x\n", 1, "anchors"),
        ("a: *x\n", 1, "aliases"),
        ("!!python/object/apply:os.system ['id']", 1, "tags"),
        ("a: !x 1", 1, "tags"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("? [a, b]\n: 1\n", 1, "a key must be text"),
        ("a: .inf\n", 1, "not a finite number"),
        ("a: 1e400\n", 1, "not a finite number"),
        (f"a: {'9' * 1000}\n", 1, "too long"),
        ("a: {b: 1\n", 2, "not YAML"),
        ("a: 1\na: 2\n", 2, "written twice; the first one is in line 1"),
        ("", 1, "empty"),
        ("# only a comment\n", 1, "empty"),
    ],
)
def test_yaml_is_refused_by_both_parsers(parser: str, text: str, line: int, words: str) -> None:
    """What is not plain data is refused by name and line, whichever parser reads it."""
    with pytest.raises(FormatError, match=words) as caught:
        parse_yaml(text, parser=parser)
    assert caught.value.detail["line"] == line

"""One door for all formats: telling them apart, and saying where in the file a finding is."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.errors import FormatError, ModelError
from melanzana.graph.formats.dai import write_dai
from melanzana.graph.formats.document import to_document
from melanzana.graph.formats.reading import read_model
from melanzana.graph.formats.text import read_text
from melanzana.graph.validation import validate

SAMPLES = Path(__file__).parents[1] / "samples"
TEXT = """\
model: m
start: a
variables: {x: {type: integer, initial: 0}}
states:
  a:
    actions:
      b: {when: y > 0, set: {x: x + 1}}
      c/d:
        to: a
        set: {x: "'lamp'"}
"""


@pytest.mark.parametrize(
    ("name", "form"),
    [("library.graphwalker.json", "graphwalker"), ("tickets.dai.json", "dai"), ("old_shop.dai.json", "dai")],
)
def test_foreign_formats_are_told_by_content(name: str, form: str) -> None:
    """A file is recognised whatever it is called."""
    result = read_model((SAMPLES / name).read_bytes(), "upload.bin")
    assert result.format == form


def test_the_text_format_may_be_json() -> None:
    """The text format written as JSON is the same format."""
    model = read_text(TEXT)
    result = read_model(json.dumps(to_document(model)).encode())
    assert (result.format, result.model) == ("text", model)


def test_findings_are_located_in_text() -> None:
    """A finding points to the key it is about, also below a name with a slash."""
    result = read_model(TEXT.encode())
    found = {finding.code: (finding.line, finding.column) for finding in result.locate(validate(result.model))}
    assert found["guard-invalid"] == (7, 11)
    assert found["assignment-invalid"] == (10, 15)


def test_findings_are_located_in_json() -> None:
    """In DAI JSON a finding points to the element."""
    text = json.dumps(write_dai(read_text(TEXT)), indent=1)
    result = read_model(text.encode())
    lines = {finding.code: finding.line for finding in result.locate(validate(result.model))}
    line = lines["guard-invalid"]
    assert line is not None
    assert '"b"' in "".join(text.splitlines()[line - 1 : line + 5])


def test_errors_in_json_are_located() -> None:
    """A wrong value in a DAI file is named with its line."""
    text = json.dumps(write_dai(read_text(TEXT)), indent=1).replace('"stateType": "Start"', '"stateType": "Strange"')
    with pytest.raises(FormatError, match="Strange") as caught:
        read_model(text.encode(), "m.json")
    assert "Strange" in text.splitlines()[caught.value.detail["line"] - 1]
    assert caught.value.detail["file"] == "m.json"


@given(st.binary(max_size=200) | st.text("{}[]:,-&*!|>'\"%@ \n\tabmodel:states", max_size=200).map(str.encode))
def test_any_bytes_give_a_model_or_a_model_error(data: bytes) -> None:
    """Whatever is uploaded, the reader ends with a model or with an error of its own kind."""
    try:
        read_model(data)
    except ModelError as error:
        assert error.message


_WORDS = st.sampled_from(
    ["model", "start", "states", "actions", "to", "do", "with", "set", "when", "test cases", "steps", "layout", "exit"]
)
_ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["a", "b", "exit", "x:y", "", "#1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS | st.sampled_from(["a", "b"]), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(_WORDS, _ANY, max_size=6))
def test_any_document_gives_a_model_or_a_model_error(document: dict[str, object]) -> None:
    """So for documents that have the right keys in the wrong places; and what is read can be judged."""
    try:
        model = read_model(json.dumps({"model": "m", "start": "a", "states": {"a": None}, **document}).encode()).model
    except ModelError as error:
        assert error.message
    else:
        validate(model)


_ELEMENTS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.integers(0, 4),
            "type": st.sampled_from(["Root", "State", "Action"]),
            "name": st.sampled_from(["a", "b", "Exit"]),
        },
        optional={
            "parentId": st.integers(0, 4) | st.none(),
            "stateType": st.sampled_from(["Start", "Normal", "Cleanup"]),
            "connectedStates": st.lists(st.fixed_dictionaries({"stateRef": st.integers(0, 4)}), max_size=2) | _ANY,
            "preconditions": _ANY,
            "parameters": _ANY,
            "snippets": _ANY,
            "x_melanzana": _ANY,
            "weight": _ANY,
        },
    ),
    max_size=5,
)


@given(_ELEMENTS, _ANY)
def test_any_dai_document_gives_a_model_or_a_model_error(elements: list[object], cases: object) -> None:
    """So for DAI files."""
    data = json.dumps({"definition": {"elements": elements, "testcases": cases}, "test_cases": cases}).encode()
    try:
        model = read_model(data).model
    except ModelError as error:
        assert error.message
    else:
        validate(model)


_GRAPH = st.fixed_dictionaries(
    {
        "vertices": st.lists(
            st.fixed_dictionaries({"id": st.sampled_from("abc")}, optional={"name": _ANY, "properties": _ANY}), max_size=3
        )
    },
    optional={
        "edges": st.lists(
            st.fixed_dictionaries(
                {"id": st.sampled_from("xyz")},
                optional={
                    key: st.sampled_from("abc") | _ANY for key in ("sourceVertexId", "targetVertexId", "guard", "actions", "weight")
                },
            ),
            max_size=4,
        ),
        "startElementId": st.sampled_from("abcxyz"),
        "actions": _ANY,
    },
)


@given(st.lists(_GRAPH, min_size=1, max_size=2))
def test_any_graphwalker_document_gives_a_model_or_a_model_error(graphs: list[object]) -> None:
    """So for GraphWalker files."""
    try:
        model = read_model(json.dumps({"models": graphs}).encode()).model
    except ModelError as error:
        assert error.message
    else:
        validate(model)

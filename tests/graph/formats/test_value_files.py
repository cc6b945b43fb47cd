"""Values of variables that stand in files beside the model, and distributions by weights."""

from pathlib import Path

import pytest

from melanzana.errors import FormatError, LimitError
from melanzana.graph.formats.dai.reader import read_dai
from melanzana.graph.formats.dai.writer import write_dai
from melanzana.graph.formats.document import from_document, to_document
from melanzana.graph.formats.reading import read_model
from melanzana.graph.formats.text import read_text, write_text
from melanzana.graph.model import Order, Range

MODEL = """model: M
start: Home
states:
  Home:
    variables:
      age: {TYPE}
    actions:
      go: {to: exit, variables: {who: {type: text, generated: true, values: {file: data/users.csv, column: name}}}}
"""


def _model(folder: Path, kind: str, values: str) -> Range:
    text = MODEL.replace("{TYPE}", f"{{type: {kind}, generated: true, values: {values}}}")
    return read_model(text.encode(), "m.yaml", folder).model.states[0].parameters[0].ranges[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/users.csv").write_text('name,age\n"Ann, B.",31\nBob,42\n', encoding="utf-8")
    (tmp_path / "ages.txt").write_text("1\n\n2\nthree\n", encoding="utf-8")
    return tmp_path


def test_a_column_becomes_the_values_of_a_variable(folder: Path) -> None:
    """Values are typed, keep their order, and the model no longer needs the file."""
    text = MODEL.replace(
        "{TYPE}", "{type: integer, generated: true, values: {file: data/users.csv, column: age, order: sequential}}"
    )
    model = read_model(text.encode(), "m.yaml", folder).model
    assert model.states[0].parameters[0].ranges == (Range(values=(31, 42), order=Order.SEQUENTIAL),)
    assert model.states[0].actions[0].parameters[0].ranges == (Range(values=("Ann, B.", "Bob")),)
    assert read_text(write_text(model)) == model == from_document(to_document(model))
    assert read_dai(write_dai(model)) == model


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        ("integer", "{file: ages.txt}", "ages.txt, line 4: 'three' is no whole number"),
        ("boolean", "{file: ages.txt}", "ages.txt, line 3: '2' is neither true nor false"),
        ("text", "{file: data/users.csv, column: nam}", "did you mean `name`"),
        ("text", "{file: gone.csv}", "there is no file gone.csv"),
        ("text", "{file: ../secret.csv}", "must lie in the folder of the model"),
        ("text", "{file: /etc/hostname}", "must lie in the folder of the model"),
        ("text", "{file: way/out.csv}", "must lie in the folder of the model"),
        ("text", "{file: ages.txt, order: backwards}", "`order` is random or sequential"),
        ("text", "{column: name}", "text"),
        ("text", "{fiel: ages.txt}", "did you mean `file`"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_place(folder: Path, kind: str, values: str, words: str) -> None:
    """The message names the file and its line, the detail the line of the model."""
    (folder / "way").symlink_to(folder.parent)
    with pytest.raises(FormatError) as caught:
        _model(folder, kind, values)
    assert words in caught.value.message
    assert caught.value.detail["line"] == 6


def test_a_file_is_not_read_beyond_its_limits(folder: Path) -> None:
    """More than 10,000 values or 1 MB are refused."""
    (folder / "long.txt").write_text("x\n" * 10_001, encoding="utf-8")
    (folder / "large.txt").write_text("x" * (1024 * 1024 + 1), encoding="utf-8")
    for name in ("long.txt", "large.txt"):
        with pytest.raises(LimitError):
            _model(folder, "text", f"{{file: {name}}}")


def test_without_a_folder_a_file_is_refused(folder: Path) -> None:
    """An upload cannot name a file; the message says how to write the values into the model."""
    with pytest.raises(FormatError, match="melanzana convert"):
        read_model(MODEL.replace("{TYPE}", "{type: integer, initial: 1}").encode())


def _ranges(source: str) -> tuple[Range, ...]:
    text = f"model: M\nstart: A\nvariables:\n  n: {source}\nstates: {{A: {{}}}}\n"
    return read_text(text).parameters[0].ranges


def test_a_distribution_by_weights_is_ranges_of_these_weights() -> None:
    """Equal parts get the weights; beside other sources the whole keeps its own weight."""
    single = _ranges("{type: integer, generated: true, range: [1, 10], distribution: [2, 4]}")
    assert [(r.low, r.high, r.weight, r.bins) for r in single] == [(1, 5, 1, 1), (6, 10, 2, 1)]
    both = _ranges("{type: real, generated: true, ranges: [{range: [0, 1], distribution: [1, 3]}, {values: [9.0], weight: 50}]}")
    assert [(r.low, r.high, r.weight) for r in both] == [(0, 0.5, 1), (0.5, 1, 3), (None, None, 2)]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{type: integer, generated: true, range: [1, 2], distribution: [1, 1, 1]}", "fewer whole numbers"),
        ("{type: integer, generated: true, range: [1, 9], distribution: [0, 0]}", "not all 0"),
        ("{type: integer, generated: true, range: [1, 9], distribution: [1, 2], bins: 3}", "leave `bins` out"),
        ("{type: text, generated: true, values: [a], distribution: [1, 2]}", "needs a `range` of numbers"),
        ("{type: integer, generated: true, bins: 3}", "`bins` belongs to a source"),
        ("{type: integer, range: [1, 3], order: sequential}", "belongs to listed values"),
    ],
)
def test_a_source_that_cannot_be_drawn_so_is_refused(source: str, words: str) -> None:
    """The message says what does not fit."""
    with pytest.raises(FormatError, match=words):
        _ranges(source)

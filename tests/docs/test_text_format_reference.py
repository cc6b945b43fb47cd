"""The reference of the text format: its examples, its tables and its schema agree with the code."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given

from melanzana.graph import formats, limits
from melanzana.graph.findings import Severity
from melanzana.graph.formats import keys
from melanzana.graph.formats.document import to_document
from melanzana.graph.formats.text import load_text, read_text, write_text
from melanzana.graph.model import Model
from melanzana.graph.validation import validate
from support_models import models

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs/reference/text-format.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
SCHEMA = json.loads((Path(formats.__file__).parent / "melanzana-model.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
SHIPPED = sorted((REPOSITORY / "examples").glob("*/*.yaml"))


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_break_no_rule(example: str) -> None:
    """Every example is a model without errors or warnings, and the schema accepts it."""
    model = read_text(example)
    assert [finding.message for finding in validate(model) if finding.severity is not Severity.INFO] == []
    assert read_text(write_text(model)) == model
    VALIDATOR.validate(load_text(example).document)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_schema_accepts_the_shipped_models(path: Path) -> None:
    """The models of the examples folder fit the schema."""
    VALIDATOR.validate(load_text(path.read_bytes()).document)


@given(models())
def test_schema_accepts_what_is_written(model: Model) -> None:
    """The schema accepts every document that the writer makes."""
    VALIDATOR.validate(to_document(model))


@pytest.mark.parametrize(
    "change", [{"strat": "Home"}, {"start": None}, {"states": {"Home": {"actons": {}}}}, {"variables": {"x": {"type": "int"}}}]
)
def test_schema_refuses_mistakes(change: dict[str, Any]) -> None:
    """The schema refuses misspelled keys and wrong types."""
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate({"model": "Shop", "start": "Home", "states": {"Home": {}}, **change})


@pytest.mark.parametrize(
    ("place", "known"),
    [
        (None, keys.MODEL),
        ("state", keys.STATE),
        ("special state", keys.SPECIAL_STATE),
        ("action", keys.ACTION),
        ("variable", keys.VARIABLE),
        ("range", keys.RANGE),
        ("call", keys.CALL),
        ("step", keys.STEP),
    ],
)
def test_schema_and_reader_know_the_same_keys(place: str | None, known: tuple[str, ...]) -> None:
    """The schema lists exactly the keys that the reader accepts."""
    definition = SCHEMA["$defs"][place] if place else SCHEMA
    assert set(definition["properties"]) == set(known)


def test_schema_and_reader_know_the_same_keys_of_test_cases() -> None:
    """So for test cases, which have two forms."""
    assert set(SCHEMA["$defs"]["test case"]["oneOf"][0]["properties"]) == set(keys.TEST_CASE)


def test_every_key_is_explained() -> None:
    """The page names every key."""
    known = {
        *keys.MODEL,
        *keys.STATE,
        *keys.SPECIAL_STATE,
        *keys.ACTION,
        *keys.VARIABLE,
        *keys.RANGE,
        *keys.CALL,
        *keys.TEST_CASE,
        *keys.STEP,
    }
    assert sorted(key for key in known if f"`{key}`" not in PAGE) == []


def test_limits_are_the_documented_ones() -> None:
    """The table of limits states the figures of the code."""
    for figure in (
        limits.MAX_STATES,
        limits.MAX_ACTIONS,
        limits.MAX_NODES,
        limits.MAX_VARIABLES,
        limits.MAX_DEPTH,
        limits.MAX_NAME,
    ):
        assert f"| {figure:,} |" in PAGE
    assert limits.MAX_BYTES == 2 * 1024 * 1024

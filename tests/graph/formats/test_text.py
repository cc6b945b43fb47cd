"""The text format: reading, writing, and the errors in between."""

import json

from hypothesis import given

from melanzana.graph.findings import Severity
from melanzana.graph.formats.document import from_document, logic_hash, to_document
from melanzana.graph.formats.text import read_text, write_text
from melanzana.graph.formats.yaml_source import PARSERS, parse_yaml
from melanzana.graph.model import Model
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

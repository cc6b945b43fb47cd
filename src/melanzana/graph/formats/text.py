"""Our text format as YAML: the door for everybody who has a file or makes one.

Glue: `yaml_source` knows where things stand, `document_reader` what they mean; an error of the latter leaves here with file,
line and column. The format itself is described in `docs/reference/text-format.md`.
"""

from typing import Any

from melanzana.errors import ModelError
from melanzana.graph.formats.document import to_document
from melanzana.graph.formats.document_reader import Reading, read_document
from melanzana.graph.formats.emitter import emit
from melanzana.graph.formats.source import Source, decode, explained
from melanzana.graph.formats.yaml_source import parse_yaml
from melanzana.graph.limits import MAX_BYTES, require_at_most
from melanzana.graph.model import Model

#: Sections set off by an empty line, and how many levels below them always stand on lines of their own.
_SECTIONS = {"variables": 1, "states": 3, "anywhere": 1, "test cases": 1, "layout": 1}


def read_text(source: str | bytes, file: str = "") -> Model:
    """The model in a YAML text. Errors: `FormatError` with `file`, `line`, `column` and `suggestion`; `LimitError`."""
    return read_located(load_text(source, file)).model


def load_text(source: str | bytes, file: str = "") -> Source:
    """The plain document of a YAML text, with positions."""
    if isinstance(source, bytes):
        source = _decoded(source, file)
    require_at_most(len(source), MAX_BYTES, "bytes", "characters")
    return parse_yaml(source, file)


def read_located(source: Source) -> Reading:
    """The model of a document that knows its positions, and the places of its elements."""
    try:
        return read_document(source.document)
    except ModelError as error:
        raise explained(error, source) from None


def write_text(model: Model) -> str:
    """The YAML text of a model: the same for equal models. Errors: `InvalidModelError` where names cannot express it."""
    document: dict[str, Any] = to_document(model)
    return emit(document, _SECTIONS)


def _decoded(data: bytes, file: str) -> str:
    try:
        return decode(data)
    except ModelError as error:
        raise explained(error, Source(None, file)) from None

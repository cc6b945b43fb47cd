"""A file of any known format to a model: the door for uploads, the command line and everybody who does not know what they have.

The format is told by what the text holds, not by the file's name. Limits are enforced on the way in; whatever is wrong leaves
here as a `FormatError` or `LimitError` with file, line and column where the text has them.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from melanzana.errors import FormatError, ModelError
from melanzana.graph.findings import Finding
from melanzana.graph.formats.drawing import Drawing
from melanzana.graph.formats.json_source import located, parse_json
from melanzana.graph.formats.source import Source, decode, explained, join_pointer
from melanzana.graph.formats.value_files import inline_values
from melanzana.graph.formats.yaml_source import parse_yaml
from melanzana.graph.model import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadResult:
    """A model, the format it came in (`text`, `dai`, `graphwalker`, `graphml`, `dot`, `xstate`), what was changed or left out."""

    model: Model
    format: str
    notes: tuple[Finding, ...] = ()
    source: Callable[[], Source] = field(default=lambda: Source(None), repr=False)  #: with positions; found only when asked for
    places: dict[str, str] = field(default_factory=dict, repr=False)  #: JSON pointers into the source, by element id

    def locate(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """The findings with the line and column of what they are about, as far as the text tells."""
        found = tuple(findings)
        source = self.source() if found else Source(None)
        return tuple(self._located(finding, source) for finding in found)

    def _located(self, finding: Finding, source: Source) -> Finding:
        pointer = self._pointer(finding, source)
        position = None if pointer is None else source.heading(pointer)
        return finding if position is None else replace(finding, line=position.line, column=position.column)

    def _pointer(self, finding: Finding, source: Source) -> str | None:
        if finding.element_id is None:
            return None
        pointer = self.places.get(finding.element_id, "" if finding.element_id == self.model.id else None)
        if pointer is None or not finding.field or self.format != "text":
            return pointer
        key, _, rest = finding.field.partition("/")
        inner = join_pointer(pointer, key)
        nested = join_pointer(inner, rest) if rest else inner
        return next((place for place in (f"{inner}/{rest}", nested, inner, f"{pointer}/{rest}") if place in source.values), pointer)


class _Reading(Protocol):
    @property
    def model(self) -> Model: ...
    @property
    def places(self) -> dict[str, str]: ...


#: Module and function of each reader, loaded when a file is of its format.
_READERS = {
    "text": ("document_reader", "read_document"),
    "dai": ("dai.reader", "read_noted"),
    "graphwalker": ("graphwalker.reader", "read_noted"),
    "xstate": ("xstate", "read_noted"),
    "graphml": ("graphml", "parse_graphml"),
    "dot": ("dot", "parse_dot"),
}
#: Keys of a machine that no text model has.
_MACHINE = frozenset({"initial", "context", "id", "on", "predictableActionArguments"})
#: How a DOT file begins; a text model's first line is a key with a colon.
_DOT = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/|#[^\n]*)*(?:strict\s+)?(?:di)?graph\b(?!\s*:)", re.IGNORECASE | re.DOTALL)


def read_model(data: bytes, file: str = "", folder: Path | None = None) -> ReadResult:
    """The model in a file; values that stand in files below `folder` are read into it. Errors: `FormatError`, `LimitError`."""
    try:
        text = decode(data)
        if drawn := _drawn_format(text):
            return _read_drawing(text, file, drawn)
        json_like = text.lstrip().startswith("{")
        source = parse_json(text, file) if json_like else parse_yaml(text, file)
    except ModelError as error:
        raise explained(error, Source(None, file)) from None
    form = detect_format(source)
    try:
        if folder is not None and form == "text":
            inline_values(source.document, folder)
        reading = _reader(form)(source.document)
    except ModelError as error:
        raise explained(error, located(source, text) if json_like else source) from None
    notes = tuple(getattr(reading, "notes", ()))
    finder = (lambda: located(source, text)) if json_like else (lambda: source)
    return ReadResult(model=reading.model, format=form, notes=notes, source=finder, places=reading.places)


def _reader(form: str) -> Callable[[Any], _Reading]:
    return _function(form)  # type: ignore[no-any-return]


def _parser(form: str) -> Callable[[str, str], tuple[Source, Drawing]]:
    return _function(form)  # type: ignore[no-any-return]


def _function(form: str) -> Any:
    module, name = _READERS[form]
    return getattr(import_module(f"{__package__}.{module}"), name)


def _drawn_format(text: str) -> str | None:
    """`graphml` or `dot` when the text is a drawing."""
    if text.lstrip().startswith("<"):
        return "graphml"
    return "dot" if _DOT.match(text) else None


def _read_drawing(text: str, file: str, form: str) -> ReadResult:
    source, drawing = _parser(form)(text, file)
    try:
        reading = _reader("graphwalker")(source.document)
    except ModelError as error:
        raise explained(error, source) from None
    notes = (*drawing.notes, *getattr(reading, "notes", ()))
    return ReadResult(model=reading.model, format=form, notes=notes, source=lambda: source, places=reading.places)


def detect_format(source: Source) -> str:
    """Which of the known formats a document is in. Errors: `FormatError` when in none."""
    document = source.document
    if isinstance(document, dict):
        if isinstance(document.get("models"), list):
            return "graphwalker"
        if "definition" in document or isinstance(document.get("elements"), list):
            return "dai"
        if "model" not in document and isinstance(document.get("states"), dict) and _MACHINE & document.keys():
            return "xstate"
        if "model" in document or "states" in document:
            return "text"
    known = (
        "a text model has `model:`, a DAI export `definition` or `elements`, a GraphWalker file `models`, an XState machine "
        "`initial` and `states`"
    )
    message = f"this is no model: {known}"
    raise FormatError(message, file=source.file or None, line=1, column=1)

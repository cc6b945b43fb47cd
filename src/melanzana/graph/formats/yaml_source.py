"""YAML text to a `Source`, from the event stream only.

YAML loaders are never called: libyaml's composer crashes the process on a few hundred thousand open brackets, and aliases let
300 bytes stand for hundreds of millions of values. The event stream does neither, and everything that is not plain data
(anchors, aliases, tags, a second document) is refused here by name.
"""

from collections.abc import Iterator
from typing import Any

import yaml

from melanzana.errors import FormatError, LimitError
from melanzana.graph.formats.scalars import resolve_plain
from melanzana.graph.formats.source import Position, Source, join_pointer
from melanzana.graph.limits import MAX_DEPTH, MAX_NODES

_PARSERS: dict[str, Any] = {"pure": yaml.SafeLoader}  # only their event streams are used
if yaml.__with_libyaml__:
    _PARSERS["libyaml"] = yaml.CSafeLoader
PARSERS = tuple(_PARSERS)  #: the last one is the fastest and the default


def parse_yaml(text: str, file: str = "", parser: str = PARSERS[-1]) -> Source:
    """The one document of `text`. Errors: `FormatError` with line and column, `LimitError`."""
    builder = _Builder(Source(None, file))
    try:
        for event in yaml.parse(text, Loader=_PARSERS[parser]):
            builder.take(event)
    except yaml.YAMLError as error:
        raise _syntax_error(error, text, file) from None
    except UnicodeEncodeError:
        raise FormatError("the text holds half of a surrogate pair, which no file can", file=file or None) from None
    if not builder.documents:
        raise FormatError("the file is empty: it starts with `model: <name>`", file=file or None, line=1, column=1)
    return builder.source


class _Open:
    """A map or list that is not closed yet."""

    __slots__ = ("key", "pointer", "value")

    def __init__(self, value: dict[str, Any] | list[Any], pointer: str) -> None:
        self.value = value
        self.pointer = pointer
        self.key: str | None = None


class _Builder:
    """Takes events one by one; recursion-free."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.documents = 0
        self._nodes = 0
        self._stack: list[_Open] = []

    def take(self, event: yaml.Event) -> None:
        match event:
            case yaml.ScalarEvent():
                self._check(event)
                self._scalar(event)
            case yaml.MappingStartEvent():
                self._check(event)
                self._open({}, event)
            case yaml.SequenceStartEvent():
                self._check(event)
                self._open([], event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._stack.pop()
            case yaml.AliasEvent():
                raise self._error("aliases (`*name`) are not allowed: write the value again", event)
            case yaml.DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    raise self._error("a second document starts here: one file holds one model", event)

    def _check(self, event: Any) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise LimitError(f"the document has more than {MAX_NODES:,} values", limit="nodes", maximum=MAX_NODES)
        if event.anchor is not None:
            raise self._error(f"anchors (`&{event.anchor}`) are not allowed: write the value where it is needed", event)
        if event.tag is not None:
            raise self._error(f"tags (`{event.tag[:60]}`) are not allowed: the reader knows the types", event)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        top = self._stack[-1] if self._stack else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            self._key(top, event)
            return
        self._add(self._resolved(event), event)

    def _resolved(self, event: yaml.ScalarEvent) -> Any:
        if not event.implicit[0]:
            return event.value
        try:
            return resolve_plain(event.value)
        except ValueError as error:
            raise self._error(f"{error}; put it in quotes if it is text", event) from None

    def _key(self, top: _Open, event: yaml.ScalarEvent) -> None:
        pointer = join_pointer(top.pointer, event.value)
        if event.value in top.value:
            first = self.source.keys[pointer]
            raise self._error(f"`{event.value[:80]}` is written twice; the first one is in line {first.line}", event)
        self.source.keys[pointer] = _position(event)
        top.key = event.value

    def _open(self, value: dict[str, Any] | list[Any], event: Any) -> None:
        if len(self._stack) >= MAX_DEPTH:
            raise LimitError(
                f"maps and lists are nested more than {MAX_DEPTH} deep",
                limit="depth",
                maximum=MAX_DEPTH,
                **_place(event, self.source),
            )
        top = self._stack[-1] if self._stack else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            raise self._error("a key must be text, not a map or a list", event)
        self._stack.append(_Open(value, self._add(value, event)))

    def _add(self, value: Any, event: Any) -> str:
        """Put a value where it belongs; its pointer."""
        pointer = ""
        if self._stack:
            top = self._stack[-1]
            if isinstance(top.value, dict):
                assert top.key is not None
                pointer = join_pointer(top.pointer, top.key)
                top.value[top.key] = value
                top.key = None
            else:
                pointer = f"{top.pointer}/{len(top.value)}"
                top.value.append(value)
        else:
            self.source.document = value
        self.source.values[pointer] = _position(event)
        return pointer

    def _error(self, message: str, event: yaml.Event) -> FormatError:
        return FormatError(message, **_place(event, self.source))


def _position(event: Any) -> Position:
    return Position(event.start_mark.line + 1, event.start_mark.column + 1)


def _place(event: Any, source: Source) -> dict[str, Any]:
    line, column = _position(event)
    return {"file": source.file or None, "line": line, "column": column}


def _syntax_error(error: yaml.YAMLError, text: str, file: str) -> FormatError:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        message = f"not YAML: {'; '.join(_reasons(error))}"
        mark = error.problem_mark
        return FormatError(message, file=file or None, line=mark.line + 1, column=mark.column + 1)
    position = getattr(error, "position", None)
    if not isinstance(position, int):
        return FormatError(f"not YAML: {error}", file=file or None)
    start = text.rfind("\n", 0, position) + 1
    message = f"not YAML: character U+{ord(text[position]):04X} is not allowed" if position < len(text) else "not YAML"
    return FormatError(message, file=file or None, line=text.count("\n", 0, position) + 1, column=position - start + 1)


def _reasons(error: yaml.MarkedYAMLError) -> Iterator[str]:
    if error.problem:
        yield error.problem
    if error.context and error.context_mark is not None:
        yield f"{error.context} that starts in line {error.context_mark.line + 1}"

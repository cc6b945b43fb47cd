"""A text, read once: its plain values, and where in the text each of them stands.

`yaml_source` and `json_source` make it, the document reader takes `document`, and `explained` turns the JSON pointer of a
reader's error into file, line and column. Nothing here knows what a model is.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from melanzana.errors import FormatError, ModelError
from melanzana.graph.limits import MAX_BYTES, require_at_most


class Position(NamedTuple):
    """A place in a text; both count from 1, columns in characters."""

    line: int
    column: int


@dataclass(slots=True)
class Source:
    """`values` and `keys` hold positions by JSON pointer; both stay empty for texts that are not located."""

    document: Any
    file: str = ""
    values: dict[str, Position] = field(default_factory=dict)
    keys: dict[str, Position] = field(default_factory=dict)

    def position(self, pointer: str, key: str | None = None) -> Position | None:
        """Where the value at `pointer`, or the key in it, stands; else the nearest value around it."""
        if key is not None and (found := self.keys.get(join_pointer(pointer, key))):
            return found
        while pointer and pointer not in self.values:
            pointer = pointer.rpartition("/")[0]
        return self.values.get(pointer)

    def heading(self, pointer: str) -> Position | None:
        """Where the key that names the value at `pointer` stands; for items of lists, the value."""
        return self.keys.get(pointer) or self.position(pointer)


def join_pointer(pointer: str, key: str | int) -> str:
    """The JSON pointer (RFC 6901) of the value under `key`."""
    return f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"


def decode(data: bytes) -> str:
    """The text of an uploaded file. Errors: `LimitError` over 2 MB, `FormatError` for anything that is not plain UTF-8."""
    require_at_most(len(data), MAX_BYTES, "bytes", "bytes")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in data[:4]:
        raise FormatError("the file is UTF-16 or UTF-32: save it as UTF-8", line=1, column=1)
    if data.startswith(b"\xef\xbb\xbf"):
        raise FormatError("the file starts with a byte order mark: save it as UTF-8 without one", line=1, column=1)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"the file is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start:,}; save it as UTF-8"
        raise FormatError(message, line=line) from None


def explained(error: ModelError, source: Source) -> ModelError:
    """`error` with file, line and column added to its detail, found by its `path` (and `key`) in `source`."""
    path, key = error.detail.get("path"), error.detail.get("key")
    position = source.position(path, key) if isinstance(path, str) else None
    if source.file:
        error.detail.setdefault("file", source.file)
    if position is not None:
        error.detail.setdefault("line", position.line)
        error.detail.setdefault("column", position.column)
    return error

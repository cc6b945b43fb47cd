"""Values that stand in a file beside the model: `values: {file: users.csv, column: name}` becomes the list of these values.

`reading.read_model` does it where it is told the model's folder, before the document is read: from there on a model is complete in
itself, in a snapshot, in the catalog and on another machine. Only files below that folder are opened, links followed. The cost is
that of the files, each read once.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from melanzana.graph.formats import keys
from melanzana.graph.formats.node import Node, closest
from melanzana.graph.formats.source import decode
from melanzana.graph.limits import MAX_NODES, require_at_most
from melanzana.graph.model import Order, Scalar

MAX_FILE_BYTES = 1024 * 1024
MAX_FILE_VALUES = 10_000
_TRUE, _FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})
_SECTIONS = ("exit", "error", "cleanup")


def inline_values(document: Any, folder: Path) -> None:
    """Replace, in place, every reference to a file by its values. Errors: `FormatError` with `path`, `LimitError`."""
    if not isinstance(document, dict):
        return
    files = _Folder(folder)
    found = 0
    for entry, kind in _sources(Node(document)):
        node = entry.get("values")
        reference = node.only(keys.VALUE_FILE)
        column = reference.get("column")
        name = None if column.value is None else column.required_text()
        values = [_typed(node, text, kind, place) for text, place in files.rows(node, reference.get("file").required_text(), name)]
        found += len(values)
        require_at_most(found, MAX_NODES // 2, "values", "values from files")
        entry.value["values"] = values
        if reference.get("order").value is not None:
            entry.value["order"] = _order(reference.get("order"))


def _order(node: Node) -> str:
    if node.required_text() not in set(Order):
        raise node.error(f"`order` is {' or '.join(Order)}", closest(node.required_text(), Order))
    return node.required_text()


def _sources(root: Node) -> Iterator[tuple[Node, str]]:
    """Every source of values that names a file, with the type of its variable."""
    for variable in _variables(root):
        kind = variable.value.get("type")
        entries = [variable, *(Node(e, f"{variable.pointer}/ranges/{n}") for n, e in _listed(variable.value.get("ranges")))]
        for entry in entries:
            if isinstance(entry.value, dict) and isinstance(entry.value.get("values"), dict):
                yield entry, kind if isinstance(kind, str) else "text"


def _listed(value: Any) -> Iterator[tuple[int, Any]]:
    return iter(enumerate(value)) if isinstance(value, list) else iter(())


def _variables(root: Node) -> Iterator[Node]:
    owners = [root, *(root.get(key) for key in _SECTIONS), *_maps(root.get("states"))]
    owners += [action for owner in tuple(owners) for action in _maps(_of(owner, "actions"))]
    owners += _maps(root.get("anywhere"))
    for owner in owners:
        yield from _maps(_of(owner, "variables"))


def _of(owner: Node, key: str) -> Node:
    return owner.get(key) if isinstance(owner.value, dict) else Node(None)


def _maps(node: Node) -> Iterator[Node]:
    """The entries of a map that are maps; whatever else stands there is the document reader's to refuse."""
    return (entry for _, entry in node.items() if isinstance(entry.value, dict)) if isinstance(node.value, dict) else iter(())


class _Folder:
    """The files below the folder of a model."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._texts: dict[str, str] = {}

    def rows(self, node: Node, name: str, column: str | None) -> list[tuple[str, str]]:
        """The values, as text, and where each of them stands. Without `column`, each line that is not empty is one."""
        text = self._texts[name] = self._texts[name] if name in self._texts else self._text(node, name)
        if column is None:
            found = [(line, f"{name}, line {at}") for at, line in enumerate(text.splitlines(), 1) if line.strip()]
        else:
            found = _column(node, name, text, column)
        if not found:
            raise node.error(f"{name[:80]} holds no values")
        require_at_most(len(found), MAX_FILE_VALUES, "values", f"values in {name[:80]}")
        return found

    def _text(self, node: Node, name: str) -> str:
        path = self._inside(node, name)
        try:
            if not path.is_file():
                raise node.error(f"there is no file {name[:80]} in the folder of the model")
            require_at_most(path.stat().st_size, MAX_FILE_BYTES, "bytes", f"bytes in {name[:80]}")
            return decode(path.read_bytes())
        except OSError as error:
            raise node.error(f"{name[:80]} cannot be read: {error.strerror}") from None

    def _inside(self, node: Node, name: str) -> Path:
        message = f"{name[:80]} must lie in the folder of the model: write its path from there, as in data/users.csv"
        if not name or "\\" in name or not name.isprintable():
            raise node.error(message)
        try:
            path = (self._folder / name).resolve()
        except (OSError, RuntimeError):  # links in a circle
            raise node.error(message) from None
        if not path.is_relative_to(self._folder):
            raise node.error(message)
        return path


def _column(node: Node, name: str, text: str, column: str) -> list[tuple[str, str]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found = []
    try:
        heads = [head.strip() for head in next(reader, [])]
        if column not in heads:
            raise node.error(f"{name[:80]} has no column `{column[:80]}` in its first line", closest(column, heads))
        at = heads.index(column)
        for row in reader:
            if row and len(row) <= at:
                raise node.error(f"{name[:80]}, line {reader.line_num} has no column `{column[:80]}`: it has {len(row)} of them")
            if row:
                found.append((row[at], f"{name}, line {reader.line_num}"))
    except csv.Error as error:
        raise node.error(f"{name[:80]}, line {reader.line_num}: {error}") from None
    return found


def _typed(node: Node, text: str, kind: str, place: str) -> Scalar:
    words = text.strip()
    try:
        if kind == "integer":
            return int(words)
        if kind == "real":
            return float(words)
    except ValueError:
        raise node.error(f"{place}: {words[:40]!r} is no {'whole ' if kind == 'integer' else ''}number") from None
    if kind == "boolean":
        if words.casefold() not in _TRUE | _FALSE:
            raise node.error(f"{place}: {words[:40]!r} is neither true nor false")
        return words.casefold() in _TRUE
    return text

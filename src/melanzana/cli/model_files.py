"""Model files that commands are given: their content, the valid model in them, and the folder where what they name lies."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from melanzana.errors import FormatError, InvalidModelError

if TYPE_CHECKING:
    from melanzana.graph.formats.reading import ReadResult

_EXIT_USAGE = 2


def read_bytes(path: Path) -> bytes:
    """The content of a file, or of standard input. Ends the command with 2 when there is no such file."""
    try:
        return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        typer.echo(f"melanzana: cannot read {path}: {error.strerror or error}", err=True)
        raise typer.Exit(_EXIT_USAGE) from None


def folder_of(path: Path) -> Path | None:
    """Where the files lie that a model names; None for standard input."""
    return None if str(path) == "-" else path.parent


def name_of(path: Path) -> str:
    """What messages call a file."""
    return "<stdin>" if str(path) == "-" else str(path)


def load_model(path: Path) -> "ReadResult":
    """The valid model of a file. Errors: `InvalidModelError`, beginning with the file and, where it is known, the place in it."""
    from melanzana.graph.formats.reading import read_model
    from melanzana.graph.validation import require_valid

    name = name_of(path)
    try:
        result = read_model(read_bytes(path), name, folder_of(path))
        require_valid(result.model)
    except FormatError as error:
        place = ":".join(str(part) for part in (name, error.detail.get("line"), error.detail.get("column")) if part is not None)
        raise InvalidModelError(f"{place}: {error.message}") from None
    except InvalidModelError as error:
        raise InvalidModelError(f"{name}: {error.message}", error.findings) from None
    return result

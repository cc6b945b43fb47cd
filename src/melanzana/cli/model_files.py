"""Files that commands are given: their content, and the folder where what they name lies."""

import sys
from pathlib import Path

import typer

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

"""`melanzana convert IN OUT`: a model file from one format into another.

Exit codes: 0 written; 1 the file cannot be read as a model or written in that format; 2 no such file, or OUT is in the way.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from melanzana.cli.checking.report import printable
from melanzana.cli.joined_files import joined
from melanzana.cli.model_files import folder_of, read_bytes
from melanzana.errors import FormatError
from melanzana.graph.formats.writing import Format, write_model

if TYPE_CHECKING:
    from melanzana.graph.findings import Finding
    from melanzana.graph.formats.reading import ReadResult
    from melanzana.graph.model import Model

_EXIT_NOT_PASSED, _EXIT_USAGE = 1, 2


_BY_SUFFIX = {
    ".yaml": Format.TEXT,
    ".yml": Format.TEXT,
    ".json": Format.DAI,
    ".dot": Format.DOT,
    ".gv": Format.DOT,
    ".mmd": Format.MERMAID,
}


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Model file in any known format; - reads standard input.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="File to write; - writes standard output.")],
    to: Annotated[Format | None, typer.Option(help="Format to write; told by the ending of OUT when left out.")] = None,
    join: Annotated[
        list[Path] | None, typer.Option(help="File of a model joined to this one by shared states.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over OUT if it exists.")] = False,
) -> None:
    """Convert a model file. Read: text, DAI, GraphWalker, yEd GraphML, XState, DOT. What the other format cannot hold is listed."""
    form = _chosen(to, target)
    if str(target) != "-" and target.exists() and not force:
        _refuse(f"{target} exists: give --force to write over it")
    model, notes = _source(source, join)
    written = write_model(model, form)
    for note in (*notes, *written.notes):
        typer.echo(printable(f"note: {note.message}"), err=True)
    _write(target, written.text)


def _source(source: Path, join: list[Path] | None) -> "tuple[Model, tuple[Finding, ...]]":
    """The model of the file, or of all joined, which then must be valid."""
    if join:
        return joined(source, join), ()  # says its notes itself
    result = read_file(source)
    return result.model, result.notes


def read_file(source: Path) -> "ReadResult":
    """The model of the file; an error names file, line and column and ends the command with 1."""
    from melanzana.graph.formats.reading import read_model

    name = "<stdin>" if str(source) == "-" else str(source)
    data = read_bytes(source)
    try:
        return read_model(data, name, folder_of(source))
    except FormatError as error:
        place = ":".join(str(part) for part in (name, error.detail.get("line"), error.detail.get("column")) if part is not None)
        typer.echo(printable(f"melanzana: {place}: {error.message}"), err=True)
        raise typer.Exit(_EXIT_NOT_PASSED) from None


def _chosen(to: Format | None, target: Path) -> Format:
    form = to or _BY_SUFFIX.get(target.suffix.casefold())
    if form is None:
        _refuse(f"give --to with one of {', '.join(Format)}: the ending of OUT does not tell")
    return form


def _refuse(message: str) -> NoReturn:
    typer.echo(f"melanzana: {message}", err=True)
    raise typer.Exit(_EXIT_USAGE)


def _write(target: Path, text: str) -> None:
    if str(target) == "-":
        typer.echo(text, nl=False)
        return
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        _refuse(f"cannot write {target}: {error.strerror or error}")

"""`melanzana diff OLD NEW`: what has changed between two models, by meaning and not by text.

Exit codes: 0 they mean the same; 1 they do not, or a file cannot be read as a model; 2 no such file.
"""

import json
import shutil
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from melanzana.cli.checking.report import plural, printable
from melanzana.cli.convert import read_file

if TYPE_CHECKING:
    from melanzana.graph.difference import Difference

_EXIT_DIFFERENT = 1
_WIDEST = 100
_SIGNS = {"added": ("+", typer.colors.GREEN), "removed": ("-", typer.colors.RED), "renamed": (">", typer.colors.BLUE),
          "changed": ("~", typer.colors.YELLOW)}  # fmt: skip


def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="Model file in any known format; - reads standard input.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Model file to compare it with, in any known format.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of lines.")] = False,
) -> None:
    """Compare two models by what they mean. Layout, order, blanks and descriptions do not count."""
    from melanzana.graph.difference import difference

    found = difference(read_file(old).model, read_file(new).model)
    if as_json:
        typer.echo(json.dumps({"old": str(old), "new": str(new), **found.to_json()}, indent=2, ensure_ascii=False))
    else:
        _print(found)
    if not found.same:
        raise typer.Exit(_EXIT_DIFFERENT)


def _print(found: "Difference") -> None:
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    for change in found.changes:
        sign, colour = _SIGNS[change.kind]
        text = textwrap.fill(printable(change.sentence), width, initial_indent="  ", subsequent_indent="    ")
        typer.echo(typer.style(sign, fg=colour, bold=True) + text[1:])
    for note in found.notes:
        typer.echo(textwrap.fill(printable(f"note: {note}"), width, subsequent_indent="  "))
    if found.changes or found.notes:
        typer.echo()
    counted = [f"{number} {kind}" for kind, number in found.count().items() if number]
    typer.echo("no difference" if found.same else f"{plural(len(found.changes), 'change')}: {', '.join(counted)}")

"""Several model files joined by their shared states, for the commands that take `--join`.

Every file must be a valid model by itself. Notes of the readers and of the joining go to standard error.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from melanzana.cli.checking.report import printable
from melanzana.cli.model_files import load_model, name_of

if TYPE_CHECKING:
    from melanzana.graph.formats.reading import ReadResult
    from melanzana.graph.model import Model


def joined(first: Path, others: Sequence[Path]) -> "Model":
    """The one valid model, begun by the first. Errors: `ModelError` of a file or of what they are together."""
    from melanzana.graph.joining import Part, join_models
    from melanzana.graph.validation import require_valid

    parts: list[Part] = []
    for file in (first, *others):
        name = name_of(file)
        result = load_model(file)
        for note in result.notes:
            typer.echo(printable(f"note: {name}: {note.message}"), err=True)
        parts.append(Part(result.model, _placing(result, name)))
    found = join_models(parts)
    for note in found.notes:
        typer.echo(printable(f"note: {note.message}"), err=True)
    require_valid(found.model)
    return found.model


def _placing(result: "ReadResult", name: str) -> Callable[[str, str | None], str]:
    from melanzana.graph.findings import Finding, Severity

    def place(element_id: str, field: str | None) -> str:
        asked = Finding(code="place", severity=Severity.INFO, message="", element_id=element_id, field=field)
        [found] = result.locate([asked])
        return ":".join(str(part) for part in (name, found.line, found.column) if part is not None)

    return place

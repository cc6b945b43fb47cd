"""The files that a walk may be given: steps to follow (`--steps`), and what earlier runs have seen (`--history`)."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from melanzana.errors import FormatError, GenerationError

if TYPE_CHECKING:
    from melanzana.generation.recorded import Recorded


def read_seen(file: Path | None) -> Mapping[str, Any]:
    """The history in a file; nothing when it is not there yet."""
    from json import loads

    from melanzana.generation.history import read_history

    if file is None or not file.exists():
        return {}
    try:
        return read_history(loads(file.read_text("utf-8"))).to_json()
    except (OSError, ValueError, FormatError) as error:
        why = error.message if isinstance(error, FormatError) else str(error)
        raise typer.BadParameter(f"{file}: {why}", param_hint="--history") from None


def read_steps(file: Path | None) -> "Recorded | None":
    """The steps in a file for `predefined()` and `replay()`."""
    from json import loads

    from melanzana.generation.recorded import Recorded

    if file is None:
        return None
    try:
        return Recorded.from_json(loads(file.read_text("utf-8")))
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}", param_hint="--steps") from None
    except (ValueError, GenerationError) as error:
        why = error.message if isinstance(error, GenerationError) else f"it is no JSON ({error})"
        raise typer.BadParameter(f"{file}: {why}", param_hint="--steps") from None

"""A model to a file of any known format: the door for the command line, downloads and everybody who writes models.

`reading.py` is the way back for those formats that can be read.
"""

import json
from collections.abc import Callable
from enum import StrEnum

from melanzana.graph.findings import Finding, Severity
from melanzana.graph.formats.dai import write_dai
from melanzana.graph.formats.dai.words import EXTENSION
from melanzana.graph.formats.dot import write_dot
from melanzana.graph.formats.graphwalker.writer import write_graphwalker
from melanzana.graph.formats.mermaid import write_mermaid
from melanzana.graph.formats.text import write_text
from melanzana.graph.formats.written import Written
from melanzana.graph.formats.xstate import write_xstate
from melanzana.graph.model import Model


class Format(StrEnum):
    """Formats that can be written."""

    TEXT = "text"
    DAI = "dai"
    GRAPHWALKER = "graphwalker"
    XSTATE = "xstate"
    DOT = "dot"
    MERMAID = "mermaid"


def write_model(model: Model, form: Format) -> Written:
    """The text of the file, and a note on everything the format has no place for."""
    return _WRITERS[form](model)


def _text(model: Model) -> Written:
    return Written(write_text(model))


def _dai(model: Model) -> Written:
    document = write_dai(model)
    carried = [entry for entry in (*document["definition"]["elements"], *document["test_cases"]) if EXTENSION in entry]
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if not carried:
        return Written(text)
    count = "1 element" if len(carried) == 1 else f"{len(carried)} elements"
    what = f"{count} with more than DAI has fields for (guards, assignments, inputs by expression, …)"
    message = f"{what}; this is carried in {EXTENSION}, which only Melanzana reads"
    return Written(text, (Finding(code="convert-extension", severity=Severity.INFO, message=message),))


_WRITERS: dict[Format, Callable[[Model], Written]] = {
    Format.TEXT: _text,
    Format.DAI: _dai,
    Format.GRAPHWALKER: write_graphwalker,
    Format.XSTATE: write_xstate,
    Format.DOT: write_dot,
    Format.MERMAID: write_mermaid,
}

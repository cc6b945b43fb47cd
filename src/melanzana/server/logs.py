"""How the server logs: structured lines on stderr, for people or for machines, with nothing secret and nothing forged in them.

Values that come from outside may hold line breaks, escape sequences or bidirectional marks; every string is made printable before
it is written, so one event is one line.
"""

import contextlib
import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog


def configure(level: str, shape: str) -> None:
    """Set up structlog and the standard library's logging. `level` and `shape` are those of `ServerSettings`."""
    renderer: Any = (
        structlog.processors.JSONRenderer() if shape == "json" else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            printable,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=lambda *_: _StderrLogger(),
    )
    logging.basicConfig(
        level=max(logging.WARNING, logging.getLevelNamesMapping()[level]), stream=sys.stderr, format="%(name)s: %(message)s"
    )


class _StderrLogger:
    """Writes lines to stderr; a closed or full stderr loses the line and never the request that logged it."""

    def msg(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(line + "\n")
            sys.stderr.flush()

    debug = info = warning = error = critical = exception = fatal = msg


def printable(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: escape whatever could break or disguise a line; a traceback keeps its line breaks."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = _escape(value, keep="\n" if name == "exception" else "")
    return event


def _escape(text: str, keep: str) -> str:
    return "".join(char if char.isprintable() or char in keep else char.encode("unicode_escape").decode("ascii") for char in text)

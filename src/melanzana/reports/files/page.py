"""One HTML file that says it all: works from disk and by mail, without scripts or anything from elsewhere.

The Content-Security-Policy in its head allows the one style sheet inside it, by its hash, and nothing else; whatever a system under
test put into a message is text. The failing step comes first. Written in parts: memory does not grow with the steps.
"""

import base64
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from melanzana.reports.files.records import RunData
from melanzana.reports.files.text import printable
from melanzana.version import __version__

_PARTS = 500


def html(run: RunData) -> Iterator[str]:
    """The file, some hundred pieces at a time."""
    stream = _template().stream(run=run, style=Markup(_style()), style_hash=_hash(_style()), version=__version__)  # noqa: S704 - our own file
    stream.enable_buffering(_PARTS)
    yield from stream


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("melanzana.reports.files"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters["seconds"] = _seconds
    return environment.get_template("run.html")


def _shown(value: object) -> object:
    """Markup is our own; everything else may hold anything."""
    return value if isinstance(value, Markup) else printable(str(value))


def _seconds(value: float) -> str:
    return f"{value:.3f} s" if value < 60 else f"{int(value // 60)} min {value % 60:.0f} s"


@cache
def _style() -> str:
    return (files("melanzana.reports.files") / "templates" / "run.css").read_text("utf-8")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

"""Every command and every option that `--help` shows is in the reference."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

import melanzana
from melanzana.access.permissions import Scope
from melanzana.cli.main import app

REFERENCE = Path(__file__).parents[2] / "docs/reference"


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield " ".join(path), command
    for name, child in (children or {}).items():
        yield from commands(child, (*path, name))


def sections() -> dict[str, str]:
    page = (REFERENCE / "command-line.md").read_text("utf-8")
    return {part.split("`")[0]: part for part in page.split("## `melanzana ")[1:]}


def test_every_command_and_option_is_in_the_reference() -> None:
    """A section a command, a row an option; nothing that is not there any more."""
    described = {re.sub(r"( [A-Z_]+)+$", "", name): text for name, text in sections().items()}
    known = dict(commands(typer.main.get_command(app)))
    assert set(described) == set(known)
    for name, command in known.items():
        shown = [option for parameter in command.params if not getattr(parameter, "hidden", False) for option in parameter.opts]
        assert not [option for option in shown if option.startswith("--") and f"`{option}`" not in described[name]], name


def test_every_permission_is_in_the_reference() -> None:
    """`docs/reference/authentication.md` names every permission word."""
    page = (REFERENCE / "authentication.md").read_text("utf-8")
    assert not [scope.value for scope in Scope if f"`{scope.value}`" not in page]


def test_authors_of_action_code_import_these_names() -> None:
    """What `from melanzana import …` offers is a promise."""
    assert set(melanzana.__all__) == {"__version__", "action", "attach", "fixture", "log", "state", "sut"}

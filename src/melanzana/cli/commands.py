"""The commands by name, and where each one is: a command is imported when it is called, or when all are listed.

A call of one command then pays for that command alone. `main.py` makes the command line of it.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

#: Name → module and function, or module and `typer.Typer` of a group, in the order of `--help`.
COMMANDS = {
    "serve": "melanzana.cli.serve:serve",
    "agent": "melanzana.cli.agent:agent",
    "run": "melanzana.cli.run:run",
    "replay": "melanzana.cli.replay:replay",
    "shrink": "melanzana.cli.shrink:shrink",
    "report": "melanzana.cli.report:report",
    "ci": "melanzana.cli.ci:app",
    "generate": "melanzana.cli.generate:generate",
    "check": "melanzana.cli.check:check",
    "convert": "melanzana.cli.convert:convert",
    "diff": "melanzana.cli.diff:diff",
    "login": "melanzana.cli.login:login",
    "logout": "melanzana.cli.login:logout",
    "whoami": "melanzana.cli.login:whoami",
    "client": "melanzana.cli.client:app",
    "users": "melanzana.cli.users:app",
    "realms": "melanzana.cli.realms:app",
    "keys": "melanzana.cli.keys:app",
    "providers": "melanzana.cli.providers:app",
    "audit": "melanzana.cli.audit:app",
    "backup": "melanzana.cli.backup:backup",
    "restore": "melanzana.cli.backup:restore",
    "retention": "melanzana.cli.retention:retention",
}


class _Loaded(Mapping[str, Any]):
    """The commands as typer wants them, each made when it is asked for."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = _made(name, self._places[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class Commands(TyperGroup):
    """The group of all commands."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**{**attributes, "commands": _Loaded(COMMANDS)})


def _made(name: str, place: str) -> Any:
    module, _, attribute = place.partition(":")
    found = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        command: Any = typer.main.get_group(found)
    else:
        single = typer.Typer(add_completion=False)
        single.command(name)(found)
        command = typer.main.get_command(single)
    command.name = name
    return command

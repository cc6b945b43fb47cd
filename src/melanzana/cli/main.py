"""`melanzana`: the list of commands, and how an error becomes a message and an exit code.

Exit codes: 0 it went well; 1 what was checked or run did not pass; 2 the command was used wrongly; 3 something that is needed is
missing or does not answer. `commands.py` says where each command is; it imports what it needs when it is called.
"""

import sys
from typing import Annotated

import typer

from melanzana.cli.commands import Commands
from melanzana.errors import AuthError, MelanzanaError, SettingsError, SuiteError, UnavailableError
from melanzana.version import __version__

EXIT_NOT_PASSED, EXIT_USAGE, EXIT_INFRASTRUCTURE = 1, 2, 3

app = typer.Typer(
    name="melanzana",
    cls=Commands,
    help="Model-based test execution: check a model, generate paths, run them, serve them to CI.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"melanzana {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")] = False,
) -> None:
    """Model-based test execution: check a model, generate paths, run them, serve them to CI."""


def exit_code(error: MelanzanaError) -> int:
    """The exit code that an error of the command line ends with."""
    if isinstance(error, SettingsError):
        return EXIT_USAGE
    return EXIT_INFRASTRUCTURE if isinstance(error, UnavailableError | AuthError | SuiteError) else EXIT_NOT_PASSED


def main() -> None:
    """The entry point `melanzana`."""
    main_of(app)


def main_of(commands: typer.Typer) -> None:
    """Run a command line; an error that has a name is one line on stderr, never a traceback."""
    try:
        commands()
    except MelanzanaError as error:
        typer.echo(f"melanzana: {error.message}", err=True)
        sys.exit(exit_code(error))


if __name__ == "__main__":
    main()

"""`melanzana report RUN`: a run as a file for CI servers, test archives, spreadsheets and people.

RUN is a run of a server by id, or a file of `melanzana run --save`. The writers are those of `reports/files/`.
"""

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from melanzana.cli.saved_run import CredentialsOption, RunArgument, ServerOption, connected
from melanzana.errors import NotFoundError, RequestError, SettingsError
from melanzana.reports.files.formats import FOLDER_WRITERS, WRITERS, Format

if TYPE_CHECKING:
    from melanzana.reports.files.records import RunData

_ID = re.compile(r"[1-9][0-9]*|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def report(
    run: RunArgument,
    form: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.HTML,
    output: Annotated[
        Path | None, typer.Option(help="File, or for allure folder, to write. [default: standard output]", show_default=False)
    ] = None,
    server: ServerOption = None,
    config: CredentialsOption = None,
) -> None:
    """Write a run that has ended as JUnit XML, CTRF, Allure results, an HTML page, JSON or CSV.

    The exit code tells whether it was written, not how the run came out.
    """
    if form in FOLDER_WRITERS and output is None:
        raise typer.BadParameter(f"{form} is a folder of files: say where", param_hint="--output")
    data = _of_file(Path(run)) if Path(run).is_file() else _of_server(run, server, config)
    write(data, form, output)


def write(data: "RunData", form: Format, output: Path | None) -> None:
    """Write the run; without `output` on standard output. Errors: SettingsError when the file cannot be written."""
    try:
        if output is None:
            sys.stdout.buffer.writelines(part.encode() for part in WRITERS[form](data))
        elif form in FOLDER_WRITERS:
            output.mkdir(parents=True, exist_ok=True)
            for name, parts in FOLDER_WRITERS[form](data):
                _write_file(output / name, parts)
        else:
            _write_file(output, WRITERS[form](data))
    except OSError as error:
        raise SettingsError(f"{output or 'standard output'} cannot be written: {error.strerror}") from None


def _write_file(file: Path, parts: Iterable[str]) -> None:
    with file.open("wb") as target:
        target.writelines(part.encode() for part in parts)


def _of_file(file: Path) -> "RunData":
    from melanzana.protocol.recording import RunFile
    from melanzana.reports.files.reading import of_run_file

    try:
        return of_run_file(RunFile.from_json(json.loads(file.read_text("utf-8"))), file.name)
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}", param_hint="RUN") from None
    except (ValueError, RequestError) as error:
        why = error.message if isinstance(error, RequestError) else "it is no JSON"
        raise typer.BadParameter(f"{file} is no saved run: {why}", param_hint="RUN") from None


def _of_server(run: str, server: str | None, config: Path | None) -> "RunData":
    import asyncio

    if not _ID.fullmatch(run):
        raise typer.BadParameter(f"there is no file {run}, and the id of a run is a number or a uuid", param_hint="RUN")
    return asyncio.run(_fetched(run, server, config))


async def _fetched(run: str, server: str | None, config: Path | None) -> "RunData":
    from melanzana.reports.files.reading import of_server

    address, client = connected(server, config)
    async with client:
        try:
            return of_server(await client.run(run), await client.recording(run))
        except (NotFoundError, RequestError) as error:
            raise typer.BadParameter(f"{address}: {error.message}", param_hint="RUN") from None

"""`melanzana report RUN`: a run as a file for CI servers, test archives, spreadsheets and people.

RUN is a run of a server by id, or a file of `melanzana run --save`. The writers are those of `reports/files/`; what the run has
attached is put beside the file (`written_files.py`).
"""

import json
import re
import sys
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from melanzana.cli.saved_run import CredentialsOption, RunArgument, ServerOption, attachments_of, connected
from melanzana.cli.written_files import write
from melanzana.errors import NotFoundError, RequestError, SettingsError
from melanzana.reports.files.formats import FOLDER_WRITERS, WRITERS, Format

if TYPE_CHECKING:
    from melanzana.client.rest import RestClient
    from melanzana.reports.files.records import RunData

_ID = re.compile(r"[1-9][0-9]*|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def report(
    run: RunArgument,
    form: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.HTML,
    output: Annotated[
        Path | None,
        typer.Option(help="File to write, or folder (allure; html without .html). [default: standard output]", show_default=False),
    ] = None,
    server: ServerOption = None,
    config: CredentialsOption = None,
) -> None:
    """Write a run that has ended as JUnit XML, CTRF, Allure results, an HTML page, JSON or CSV.

    Files that the run has attached are put beside it. The exit code tells whether it was written, not how the run came out.
    """
    if form in FOLDER_WRITERS and output is None:
        raise typer.BadParameter(f"{form} is a folder of files: say where", param_hint="--output")
    if output is None:
        _print(_of_file(Path(run)) if Path(run).is_file() else _of_server(run, server, config, None)[0], form)
        return
    with tempfile.TemporaryDirectory(prefix="melanzana-report-") as folder:
        file = Path(run)
        found = (_of_file(file), attachments_of(file)) if file.is_file() else _of_server(run, server, config, Path(folder))
        write(found[0], form, output, found[1])


def _print(data: "RunData", form: Format) -> None:
    try:
        sys.stdout.buffer.writelines(part.encode() for part in WRITERS[form](data))
    except OSError as error:
        raise SettingsError(f"standard output cannot be written: {error.strerror}") from None


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


def _of_server(run: str, server: str | None, config: Path | None, folder: Path | None) -> "tuple[RunData, dict[str, Path]]":
    """The run, and where its attachments lie by SHA-256: in `folder`, if one is given."""
    import asyncio

    if not _ID.fullmatch(run):
        raise typer.BadParameter(f"there is no file {run}, and the id of a run is a number or a uuid", param_hint="RUN")
    return asyncio.run(_fetched(run, server, config, folder))


async def _fetched(run: str, server: str | None, config: Path | None, folder: Path | None) -> "tuple[RunData, dict[str, Path]]":
    from melanzana.reports.files.reading import of_server

    address, client = connected(server, config)
    async with client:
        try:
            data = of_server(await client.run(run), await client.recording(run))
            found = {} if folder is None else await _contents(client, run, folder)
        except (NotFoundError, RequestError) as error:
            raise typer.BadParameter(f"{address}: {error.message}", param_hint="RUN") from None
        return replace(data, address=address), found


async def _contents(client: "RestClient", run: str, folder: Path) -> dict[str, Path]:
    """Every attachment's content in a file of its own, so that one at a time is in memory; what the server lost is left out."""
    found: dict[str, Path] = {}
    for one in await client.attachments(run):
        if one["sha256"] not in found:
            with suppress(NotFoundError):
                content = await client.attachment(run, one["id"])
                found[one["sha256"]] = folder / one["sha256"]
                found[one["sha256"]].write_bytes(content)
    return found

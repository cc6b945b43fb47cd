"""RUN on the command line of `replay` and `shrink`: a file that `melanzana run --save` wrote, or the id of a server's run."""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from melanzana.errors import NotFoundError, RequestError

if TYPE_CHECKING:
    from melanzana.client.rest import RestClient
    from melanzana.generation.recorded import Recorded
    from melanzana.generation.signature import Signature
    from melanzana.graph.model import Model
    from melanzana.protocol.recording import RunFile
    from melanzana.protocol.snapshot import Snapshot

_ID = re.compile(r"[1-9][0-9]*|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="File of `melanzana run --save`, or a server's run by id.", show_default=False)
]
SuiteOption = Annotated[
    Path | None, typer.Option(help="Folder of the action code. [default: the one of the run]", show_default=False)
]
ServerOption = Annotated[
    str | None, typer.Option(envvar="MELANZANA_SERVER", help="Address of the server that has the run.", show_default=False)
]
CredentialsOption = Annotated[
    Path | None,
    typer.Option("--config", help="Access keys (.ini) for the server. [default: your login]", show_default=False),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A run that was read, ready to be performed again."""

    title: str  #: of the run, for messages
    model: "Model"
    snapshot: "Snapshot"  #: with the suite's folder on this machine
    walked: "Recorded"
    failure: "Signature | None"
    message: str  #: of the failure, as the run told it
    failing_step: int

    def element_name(self) -> str:
        """`state "Basket"` or `action "pay"`: where the run failed; empty when no element did."""
        if self.failure is None:
            return ""
        for state in self.model.states:
            if state.id == self.failure.element:
                return f'state "{state.name}"'
        named = (action.name for _, action in self.model.actions() if action.id == self.failure.element)
        return next((f'action "{name}"' for name in named), "")


def save_run(file: Path, snapshot: "Snapshot", events: list[Any]) -> None:
    """Write what `read_run` reads. Errors: BadParameter."""
    from melanzana.protocol.recording import RunFile

    document = RunFile(snapshot=snapshot, events=tuple(events)).to_json()
    write_file(file, json.dumps(document, ensure_ascii=False) + "\n", "--save")


def attachments_folder(file: Path) -> Path:
    """Where the contents lie that a saved run has attached, under their SHA-256."""
    return file.with_name(f"{file.name}.attachments")


def attachments_of(file: Path) -> dict[str, Path]:
    """The contents that a saved run has attached, as far as they are there."""
    folder = attachments_folder(file)
    return {path.name: path for path in folder.iterdir()} if folder.is_dir() else {}


def write_file(file: Path, text: str, option: str) -> None:
    """Write a text file. Errors: BadParameter naming the option."""
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be written: {error.strerror}", param_hint=option) from None


def read_run(run: str, suite: Path | None, server: str | None, credentials: Path | None) -> Recording:
    """The run that is meant. Errors: BadParameter; what a server says."""
    from melanzana.graph.formats.document import from_document
    from melanzana.protocol.recording import failure_of, recorded_walk
    from melanzana.runner.trying import Attempted

    found = _of_file(Path(run)) if Path(run).is_file() else _of_server(run, server, credentials)
    snapshot = replace(found.snapshot, suite=_folder(suite, found.snapshot))
    last = next((event for event in reversed(found.events) if type(event).__name__ == "RunFinished"), None)
    if last is None:
        raise typer.BadParameter(f"run {run} has not ended: there is no end in its events", param_hint="RUN")
    attempted = Attempted(found.events, last, False)  # type: ignore[arg-type]
    return Recording(
        title=Path(run).name if Path(run).is_file() else f"run {run}",
        model=from_document(snapshot.model),
        snapshot=snapshot,
        walked=recorded_walk(found),
        failure=failure_of(found.events),
        failing_step=attempted.failing_step,
        message=_message(found),
    )


def _of_file(file: Path) -> "RunFile":
    from melanzana.protocol.recording import RunFile

    try:
        return RunFile.from_json(json.loads(file.read_text("utf-8")))
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}", param_hint="RUN") from None
    except (ValueError, RequestError) as error:
        why = error.message if isinstance(error, RequestError) else "it is no JSON"
        raise typer.BadParameter(f"{file} is no saved run: {why}", param_hint="RUN") from None


def _of_server(run: str, server: str | None, credentials: Path | None) -> "RunFile":
    import asyncio

    if not _ID.fullmatch(run):
        raise typer.BadParameter(f"there is no file {run}, and the id of a run is a number or a uuid", param_hint="RUN")
    return asyncio.run(_fetched(run, server, credentials))


async def _fetched(run: str, server: str | None, credentials: Path | None) -> "RunFile":
    from melanzana.protocol.recording import RunFile

    address, client = connected(server, credentials)
    async with client:
        try:
            return RunFile.from_json(await client.recording(run))
        except NotFoundError as error:
            raise typer.BadParameter(f"{address}: {error.message}", param_hint="RUN") from None


def connected(server: str | None, credentials: Path | None) -> "tuple[str, RestClient]":
    """A server's address and a client of it, by access keys or else by the user's login. Errors: BadParameter."""
    from melanzana.client.login import LoginFile, SavedLogin
    from melanzana.client.rest import RestClient
    from melanzana.client.tokens import ClientCredentials
    from melanzana.runner.ini import read_ini

    if credentials is not None:
        keys = read_ini(credentials, server)
        return keys.host_url, RestClient(keys.host_url, ClientCredentials(keys.token_url, keys.client_id, keys.client_secret))
    file = LoginFile.of_user()
    login = file.read()
    if login is None:
        raise typer.BadParameter("log in first (melanzana login), or give access keys", param_hint="--config")
    address = server or login.server
    return address, RestClient(address, SavedLogin(file))


def _message(run: "RunFile") -> str:
    """Of the first step that did not pass, or of the end."""
    from melanzana.protocol.events import RunFinished, StepFinished

    told = (event for event in run.events if isinstance(event, StepFinished | RunFinished) and event.verdict != "passed")
    return next((event.message for event in told), "")


def _folder(suite: Path | None, snapshot: "Snapshot") -> str | None:
    """The suite here: the folder given, else that of the run, should it be here."""
    folder = suite or (Path(snapshot.suite).expanduser() if snapshot.suite else None)
    if folder is None:
        return None
    if not folder.is_dir():
        why = f"{folder} is not a folder" if suite else f"the run's action code, {folder}, is not here"
        raise typer.BadParameter(f"{why}: say where it is", param_hint="--suite")
    return str(folder.resolve())

"""`melanzana run`: walk a model on this machine, perform its action code, and say what came out. No server is needed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from melanzana.cli.joined_files import joined
from melanzana.cli.model_files import load_model
from melanzana.cli.saved_run import attachments_folder, save_run
from melanzana.cli.sub_model_files import find_sub_models
from melanzana.cli.walk_files import read_seen, read_steps
from melanzana.cli.written_files import wanted_report, write
from melanzana.errors import GenerationError, RequestError
from melanzana.generation.step import OnError, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from melanzana.cli.run_lines import Lines
    from melanzana.generation.recorded import Recorded
    from melanzana.graph.model import Model
    from melanzana.protocol.events import Event
    from melanzana.protocol.snapshot import Snapshot
    from melanzana.reports.files.formats import Format
    from melanzana.runner.local import LocalResult, LocalRun

EXIT_PASSED, EXIT_FAILED, EXIT_ERROR, EXIT_CANCELLED = 0, 1, 3, 4


def run(  # noqa: PLR0917 - one parameter a flag
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="The model's file, in any format that can be read.", show_default=False)
    ],
    suite: Annotated[
        Path | None, typer.Option(help="Folder of the action code. [default: what the model names]", show_default=False)
    ] = None,
    path: Annotated[
        str | None, typer.Option(help="Path expression, e.g. random(transition_coverage(100)).", show_default=False)
    ] = None,
    test_case: Annotated[str | None, typer.Option(help="Walk this test case of the model.", show_default=False)] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Same seed, same path. [default: a new one]", show_default=False)] = None,
    param: Annotated[list[str] | None, typer.Option(help="name=value for a variable of the model.", show_default=False)] = None,
    on_error: Annotated[OnError, typer.Option(help="What to do when a step does not pass.")] = OnError.CLEAN,
    step_pause: Annotated[float, typer.Option(min=0, help="Seconds to wait after each step with code.")] = 0.0,
    attachments: Annotated[Path | None, typer.Option(help="Folder to keep attached files in.", show_default=False)] = None,
    steps: Annotated[
        Path | None, typer.Option(help="JSON file of steps to follow: names, or a recorded walk.", show_default=False)
    ] = None,
    save: Annotated[Path | None, typer.Option(help="File to keep the run in, for replay and shrink.", show_default=False)] = None,
    report: Annotated[
        list[str] | None,
        typer.Option(help="File to write the run as, by its suffix or FORMAT:FILE; may be repeated.", show_default=False),
    ] = None,
    history: Annotated[
        Path | None, typer.Option(help="File of what earlier runs have seen, for explore; this run is added.", show_default=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Generate the path and perform no code.")] = False,
    sub_model: Annotated[
        list[Path] | None, typer.Option(help="File of a model that actions name as sub-model.", show_default=False)
    ] = None,
    join: Annotated[
        list[Path] | None, typer.Option(help="File of a model joined to this one by shared states.", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of lines.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print every step.")] = False,
) -> None:
    """Walk a model here, perform its action code, and say what came out.

    Exit codes: 0 passed, 1 failed, 2 used wrongly, 3 error (the test could not be carried out), 4 cancelled. Ctrl-C runs the
    teardowns first; a second Ctrl-C does not wait for them.
    """
    from melanzana.cli.run_lines import Lines, document

    wanted = [wanted_report(text) for text in report or []]
    wishes = Wishes(path, test_case, seed, param or [], on_error, step_pause, dry_run, read_steps(steps), read_seen(history))
    loaded = joined(model, join) if join else load_model(model).model
    inside = find_sub_models(loaded, model, sub_model or [])
    snapshot = _with_sub_models(_snapshot(loaded, wishes, _suite_folder(suite, model, loaded)), inside)
    lines = Lines(loaded, snapshot, silent=json, verbose=verbose)
    events: list[Event] = []
    with _contents(save, bool(wanted)) as contents:
        result = _carry_out(loaded, snapshot, lines, (attachments, contents), events)
        _write_reports(wanted, snapshot, events, save, contents)
    if history is not None:
        _add_seen(history, snapshot, events)
    if save is not None:
        save_run(save, snapshot, events)
    if json:
        typer.echo(document(loaded, snapshot, result))
    else:
        lines.summary(result)
    raise typer.Exit(_exit_code(result))


@contextmanager
def _contents(save: Path | None, wanted: bool) -> Iterator[Path | None]:
    """Where attached contents are kept for the files that are written: beside the saved run, else for as long as it takes."""
    import tempfile

    if save is not None:
        yield attachments_folder(save)
    elif wanted:
        with tempfile.TemporaryDirectory(prefix="melanzana-report-") as folder:
            yield Path(folder)
    else:
        yield None


def _write_reports(
    wanted: "list[tuple[Format, Path]]", snapshot: "Snapshot", events: "list[Event]", save: Path | None, contents: Path | None
) -> None:
    from melanzana.protocol.events import RunFinished
    from melanzana.protocol.recording import RunFile
    from melanzana.reports.files.reading import of_run_file

    if not wanted or not any(isinstance(event, RunFinished) for event in events):
        return
    data = of_run_file(RunFile(snapshot=snapshot, events=tuple(events)), save.name if save is not None else "")
    found = {path.name: path for path in contents.iterdir()} if contents is not None and contents.is_dir() else {}
    for form, file in wanted:
        write(data, form, file, found)


class Wishes(NamedTuple):
    """What the command line says of the walk."""

    path: str | None
    test_case: str | None
    seed: int | None
    parameters: list[str]
    on_error: OnError
    step_pause: float
    dry_run: bool
    recorded: "Recorded | None" = None
    seen: "Mapping[str, Any] | None" = None


def _add_seen(file: Path, snapshot: "Snapshot", events: "list[Event]") -> None:
    from json import dumps

    from melanzana.generation.history import History, read_history
    from melanzana.protocol.learning import learn

    before = read_history(snapshot.history) if snapshot.history else History()
    file.write_text(dumps(learn(before, events).to_json()) + "\n", "utf-8")


def _suite_folder(suite: Path | None, file: Path, model: "Model") -> Path | None:
    """The folder given, else the one that the model names, beside its file."""
    if suite is not None:
        if not suite.is_dir():
            raise typer.BadParameter(f"{suite} is not a folder", param_hint="--suite")
        return suite.resolve()
    named = file.parent / model.suite
    return named.resolve() if model.suite and named.is_dir() else None


def _snapshot(model: "Model", wishes: Wishes, suite: Path | None) -> "Snapshot":
    import secrets

    from melanzana.generation.data import coerce_overrides
    from melanzana.generation.path_expression import default_path
    from melanzana.generation.walk import Walk, WalkPlan
    from melanzana.graph.formats.document import logic_hash, to_document
    from melanzana.protocol.snapshot import Snapshot

    if wishes.path is not None and wishes.test_case is not None:
        raise typer.BadParameter("give --path or --test-case, not both", param_hint="--path")
    path = wishes.path or (default_path(wishes.test_case) if wishes.recorded is None else "predefined()")
    seed = secrets.randbelow(2**31) if wishes.seed is None else wishes.seed
    try:
        parameters = coerce_overrides(model, dict(_pair(text) for text in wishes.parameters))
        plan = WalkPlan(path=path, seed=seed, on_error=wishes.on_error, parameters=parameters, dry=wishes.dry_run)
        Walk(model, replace(plan, recorded=wishes.recorded))
    except (GenerationError, RequestError) as error:
        raise typer.BadParameter(error.message, param_hint="path or parameter") from None
    _require_code(model, suite, wishes.dry_run)
    return Snapshot(
        model=to_document(model),
        model_id=model.id,
        model_version=1,
        model_hash=logic_hash(model),
        path=path,
        seed=seed,
        on_error=wishes.on_error,
        parameters=parameters,
        perform=not wishes.dry_run,
        suite=str(suite) if suite is not None else None,
        step_pause_seconds=wishes.step_pause,
        recorded=None if wishes.recorded is None else wishes.recorded.to_json(),
        history=wishes.seen or {},
    )


def _with_sub_models(snapshot: "Snapshot", sub_models: "Mapping[str, Model]") -> "Snapshot":
    from melanzana.graph.formats.document import to_document

    return replace(snapshot, sub_models={uuid: to_document(model) for uuid, model in sub_models.items()})


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise typer.BadParameter(f"{text!r} is not of the form name=value", param_hint="--param")
    return name.strip(), value


def _require_code(model: "Model", suite: Path | None, dry_run: bool) -> None:
    """A model that names code needs to be told where that is, before the first step rather than at it."""
    if dry_run or suite is not None:
        return
    actions = (snippet for _, action in model.actions() for snippet in action.snippets)
    states = (snippet for state in model.states for snippet in state.snippets)
    named = next((snippet.reference for snippet in (*states, *actions) if not snippet.disabled), None)
    if named is not None:
        raise typer.BadParameter(f"the model names code ({named}): say where it is, or give --dry-run", param_hint="--suite")


def _carry_out(
    model: "Model", snapshot: "Snapshot", lines: "Lines", kept: tuple[Path | None, Path | None], events: "list[Event]"
) -> "LocalResult":
    """Run it; every event is shown and kept in `events`."""
    import asyncio
    import signal

    from melanzana.protocol.events import RunPaused
    from melanzana.runner.local import LocalRun
    from melanzana.runner.process import ProcessWorkers

    def listen(event: "Event") -> None:
        events.append(event)
        lines.show(event)
        if isinstance(event, RunPaused):
            _ask_to_continue(one)

    one = LocalRun(ProcessWorkers(), listen, *kept)

    async def work() -> "LocalResult":
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, one.cancel)
        with lines:
            return await one.run(snapshot, model)

    return asyncio.run(work())


def _ask_to_continue(one: "LocalRun") -> None:
    """Continue at the next Enter; without a terminal nobody can answer, so the run is cancelled."""
    import asyncio

    if not sys.stdin.isatty():
        one.cancel()
        return
    loop = asyncio.get_running_loop()

    def answered() -> None:
        loop.remove_reader(sys.stdin)
        sys.stdin.readline()
        one.resume()

    loop.add_reader(sys.stdin, answered)


def _exit_code(result: "LocalResult") -> int:
    if result.cancelled:
        return EXIT_CANCELLED
    return {Verdict.PASSED: EXIT_PASSED, Verdict.FAILED: EXIT_FAILED}.get(Verdict(result.finished.verdict), EXIT_ERROR)

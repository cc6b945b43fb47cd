"""`melanzana shrink RUN`: the smallest walk that fails as a run did, as a test case.

Exit codes: 0 a smallest failing walk was found, if only the run's own (also when the effort was spent before everything was tried);
2 used wrongly; 3 it could not be carried out; 4 cancelled, what was found until then is printed; 5 the failure did not come again.
"""

import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from melanzana.cli.replay import EXIT_CANCELLED, EXIT_ERROR, EXIT_FLAKY, filled, introduce
from melanzana.cli.saved_run import CredentialsOption, Recording, RunArgument, ServerOption, SuiteOption, read_run, write_file

if TYPE_CHECKING:
    from melanzana.generation.network import Network
    from melanzana.generation.shrinking.shrinker import Shrunk
    from melanzana.graph.model import TestCase
    from melanzana.runner.trying import LiveOracle, Retrier

#: Steps of the result that are printed.
_SHOWN = 30


def shrink(  # noqa: PLR0917 - one parameter a flag
    run: RunArgument,
    suite: SuiteOption = None,
    budget: Annotated[int, typer.Option(min=1, help="Most performances.")] = 200,
    seconds: Annotated[float, typer.Option(min=1, help="Begin no performance after so many seconds.")] = 600.0,
    repeat: Annotated[int, typer.Option(min=1, help="Performances before a walk counts as passing, for flaky systems.")] = 1,
    name: Annotated[str | None, typer.Option(help="Name of the test case. [default: what fails]", show_default=False)] = None,
    into: Annotated[
        Path | None, typer.Option(metavar="MODEL", help="Model file (text format) to add the test case to.", show_default=False)
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File for the walk (.json) or its test case.", show_default=False)] = None,
    server: ServerOption = None,
    config: CredentialsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of lines.")] = False,
) -> None:
    """Find the smallest walk that fails as a run did, by performing ever smaller ones; print it as a test case.

    Exit codes: 0 found, 2 used wrongly, 3 could not be carried out, 4 cancelled, 5 the failure did not come again.
    """
    recording = read_run(run, suite, server, config)
    if recording.failure is None:
        raise typer.BadParameter("it passed: there is nothing to shrink", param_hint="RUN")
    if not as_json:
        introduce(recording)
    result = _Search(recording, _Effort(budget, seconds, repeat), quiet=as_json).carry_out()
    case = _case(recording, result, name)
    result = _with_doubt(recording, result, case)
    block = _block(recording, case)
    if result.shrunk.reproduced and result.code == 0:
        _keep(result, block, into, out)
    typer.echo(_document(recording, result, block) if as_json else _text(result, block))
    raise typer.Exit(result.code)


@dataclass(frozen=True, slots=True)
class _Effort:
    """What the command line grants."""

    performances: int
    seconds: float
    repeat: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """What the search came to."""

    shrunk: "Shrunk"
    network: "Network"
    steps_before: int
    seconds: float
    code: int
    remark: str  #: why it ended early, or what kept it from an answer


class _Search:
    """One search with its clock and its line of progress."""

    def __init__(self, recording: Recording, effort: _Effort, *, quiet: bool) -> None:
        self._recording, self._effort, self._quiet = recording, effort, quiet
        self._begun = time.monotonic()
        self._told = 0

    def carry_out(self) -> _Result:
        from melanzana.generation.shrinking.searching import Failing, search
        from melanzana.generation.shrinking.shrinker import Effort
        from melanzana.runner.process import ProcessWorkers
        from melanzana.runner.trying import LiveOracle, Retrier

        recording = self._recording
        assert recording.failure is not None  # asked before
        retrier = Retrier(recording.snapshot, ProcessWorkers())
        oracle = LiveOracle(retrier, recording.failure, self._may_go_on)
        failing = Failing(
            model=recording.model,
            walked=recording.walked,
            signature=recording.failure,
            parameters=recording.snapshot.parameters,
        )
        effort = Effort(most_performances=self._effort.performances, repeat=self._effort.repeat, tell=self._tell)
        found = search(failing, oracle, effort)
        network, shrunk = found.network, found.shrunk
        if self._told and sys.stderr.isatty():
            typer.echo(err=True)
        code, remark = self._judged(shrunk, oracle, retrier)
        return _Result(
            shrunk=shrunk,
            network=network,
            steps_before=len(recording.walked.steps),
            seconds=time.monotonic() - self._begun,
            code=code,
            remark=remark,
        )

    def _may_go_on(self) -> bool:
        return time.monotonic() - self._begun < self._effort.seconds

    def _judged(self, shrunk: "Shrunk", oracle: "LiveOracle", retrier: "Retrier") -> tuple[int, str]:
        if retrier.cancelled:
            return EXIT_CANCELLED, "cancelled: this is the smallest walk until then"
        if not shrunk.reproduced:
            if oracle.unanswered:
                return EXIT_ERROR, f"the run could not be carried out again: {oracle.unanswered}"
            times = "once" if shrunk.performances == 1 else f"{shrunk.performances} times"
            hint = "; it may be flaky: try --repeat 5" if self._effort.repeat == 1 else ""
            return EXIT_FLAKY, f"the failure did not come again: the walk was performed {times} and passed{hint}"
        if not shrunk.finished:
            spent = f"{self._effort.performances} performances" if self._may_go_on() else f"{self._effort.seconds:g} seconds"
            return 0, f"the effort of {spent} was spent: there may be a smaller walk"
        return 0, ""

    def _tell(self, performances: int, actions: int) -> None:
        """On a terminal one line that changes; elsewhere a line when the walk has become smaller."""
        if self._quiet:
            return
        text = f"  {performances} performed, {actions} actions"
        if sys.stderr.isatty():
            typer.echo(f"\r{text}   ", err=True, nl=False)
        elif actions != self._told:
            typer.echo(text, err=True)
        self._told = actions


def _case(recording: Recording, result: _Result, name: str | None) -> "TestCase":
    """The walk as a test case with a name that the model does not have yet."""
    from melanzana.generation.shrinking.choices import recorded_of
    from melanzana.generation.shrinking.searching import case_of

    assert recording.failure is not None  # asked before
    return case_of(recording.model, recorded_of(result.network, result.shrunk.walked), recording.failure, name)


def _with_doubt(recording: Recording, result: _Result, case: "TestCase") -> _Result:
    """A test case names actions and no targets: say so where it would not walk the same way."""
    from melanzana.errors import MelanzanaError
    from melanzana.generation.routes import plan_directed
    from melanzana.generation.shrinking.choices import recorded_of

    steps = recorded_of(result.network, result.shrunk.walked).steps
    walked = [(step.element, step.target) for step in steps if step.kind == "action"]
    try:
        planned = plan_directed(recording.model, case, seed=recording.snapshot.seed, parameters=recording.snapshot.parameters)
    except MelanzanaError:
        planned = ()
    if walked == [(move.action_id, move.target_id) for move in planned]:
        return result
    doubt = "as a test case it may walk another way; --out FILE.json keeps the walk itself, for: melanzana run --steps"
    return replace(result, remark=f"{result.remark}; {doubt}" if result.remark else doubt)


def _block(recording: Recording, case: "TestCase") -> str:
    """The entry of `test cases:`, indented as it stands there."""
    from melanzana.graph.formats.addresses import Addresses
    from melanzana.graph.formats.case_document import write_test_cases
    from melanzana.graph.formats.emitter import emit

    model = recording.model
    addresses = Addresses(model.states, model.global_actions)
    return emit({"test cases": write_test_cases((case,), model.name, addresses)}, {"test cases": 2})


def _keep(result: _Result, block: str, into: Path | None, out: Path | None) -> None:
    from melanzana.generation.shrinking.choices import recorded_of
    from melanzana.graph.formats.adding import add_test_case

    if into is not None:
        try:
            text = into.read_text("utf-8")
        except OSError as error:
            raise typer.BadParameter(f"{into} cannot be read: {error.strerror}", param_hint="--into") from None
        write_file(into, add_test_case(text, block, str(into)), "--into")
    if out is not None:
        recorded = recorded_of(result.network, result.shrunk.walked)
        is_json = out.suffix == ".json"
        write_file(out, json.dumps(recorded.to_json(), indent=2, ensure_ascii=False) + "\n" if is_json else block, "--out")


def _text(result: _Result, block: str) -> str:
    shrunk = result.shrunk
    spent = f"{shrunk.performances} performance{'s' * (shrunk.performances != 1)} in {result.seconds:.0f} s"
    if not shrunk.reproduced:
        return f"{filled('', result.remark)}\n{spent}"
    from melanzana.generation.shrinking.choices import recorded_of

    steps = recorded_of(result.network, shrunk.walked).steps
    lines = [f"fails in {_steps(len(steps), shrunk.after)} instead of {_steps(result.steps_before, shrunk.before)}", spent, ""]
    lines += [f"  {n:>4}  {step.name if step.kind == 'state' else '  ' + step.name}" for n, step in enumerate(steps[:_SHOWN], 1)]
    lines += [f"        … {len(steps) - _SHOWN} more"] if len(steps) > _SHOWN else []
    if shrunk.flaky:
        lines += ["", filled("", f"flaky: the result failed {shrunk.failures} of {shrunk.tries} times")]
    if result.remark:
        lines += ["", filled("", result.remark)]
    return "\n".join([*lines, "", block.rstrip("\n")])


def _steps(steps: int, actions: int) -> str:
    return f"{steps} step{'s' * (steps != 1)}, {actions} action{'s' * (actions != 1)}"


def _document(recording: Recording, result: _Result, block: str) -> str:
    from melanzana.generation.shrinking.choices import recorded_of

    shrunk = result.shrunk
    recorded = recorded_of(result.network, shrunk.walked)
    document = {
        "model": recording.model.name,
        "signature": recording.failure and recording.failure._asdict(),
        "reproduced": shrunk.reproduced,
        "finished": shrunk.finished,
        "remark": result.remark,
        "steps": {"before": result.steps_before, "after": len(recorded.steps)},
        "actions": {"before": shrunk.before, "after": shrunk.after},
        "performances": shrunk.performances,
        "duration_seconds": round(result.seconds, 3),
        "flaky": {"failures": shrunk.failures, "of": shrunk.tries} if shrunk.tries else None,
        "walk": recorded.to_json()["steps"],
        "test_case": block,
    }
    return json.dumps(document, indent=2, ensure_ascii=False)

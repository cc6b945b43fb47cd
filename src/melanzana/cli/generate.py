"""`melanzana generate MODEL`: the path that a walk of a model takes, without any code being performed.

Exit codes: 0 a complete path was generated; 1 it was not (dead end, impossible step, an expression that failed, `--max-steps` came
first), or the model is wrong; 2 the command was used wrongly, a wrong path expression included.
"""

import json
import shutil
import textwrap
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from melanzana.cli.checking.report import plural, printable
from melanzana.cli.joined_files import joined
from melanzana.cli.model_files import load_model
from melanzana.cli.sub_model_files import find_sub_models
from melanzana.cli.tours import ITERATION, cut_path, part_name, read_durations
from melanzana.cli.walk_files import read_seen, read_steps
from melanzana.errors import PathExpressionError, RequestError
from melanzana.generation.step import OnError, Step, StepKind, Verdict

if TYPE_CHECKING:
    from melanzana.generation.tally import Tally
    from melanzana.generation.walk import Walk, WalkPlan
    from melanzana.graph.model import Model

_EXIT_INCOMPLETE, _EXIT_USAGE = 1, 2
_WIDEST = 100
#: Names of uncovered elements listed by `--stats`.
_LISTED = 12
#: Steps after which `--stats` asks for the figures of the whole walk at once.
_LONG = 20_000


def generate(  # noqa: PLR0917 - one parameter a flag
    model: Annotated[Path, typer.Argument(help="The model's file, in any format; - reads standard input.", show_default=False)],
    path: Annotated[
        str | None,
        typer.Option(help="Path expression. [default: weighted(iterations(1) or actions(10000))]", show_default=False),
    ] = None,
    test_case: Annotated[str | None, typer.Option(help="Walk this test case, by name or id.", show_default=False)] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**63 - 1, help="Same seed, same path. [default: a new one]", show_default=False)
    ] = None,
    param: Annotated[list[str] | None, typer.Option(help="name=value for a variable of the model.", show_default=False)] = None,
    on_error: Annotated[OnError, typer.Option(help="What the walk does when an expression fails.")] = OnError.CLEAN,
    split: Annotated[
        int | None, typer.Option(min=1, help="Cut the tour into test cases of at most so many steps.", show_default=False)
    ] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="K/OF", help="Only the K-th of OF shares of the tour's test cases.", show_default=False)
    ] = None,
    durations: Annotated[
        Path | None, typer.Option(help="JSON file with seconds by name, for tours and shortest paths.", show_default=False)
    ] = None,
    steps: Annotated[
        Path | None, typer.Option(help="JSON file of steps to follow: names, or a recorded walk.", show_default=False)
    ] = None,
    history: Annotated[
        Path | None, typer.Option(help="File of what earlier runs have seen, for explore.", show_default=False)
    ] = None,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Stop here in any case.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of lines.")] = False,
    sub_model: Annotated[
        list[Path] | None, typer.Option(help="File of a model that actions name as sub-model.", show_default=False)
    ] = None,
    join: Annotated[
        list[Path] | None, typer.Option(help="File of a model joined to this one by shared states.", show_default=False)
    ] = None,
    stats: Annotated[bool, typer.Option("--stats", help="Print the figures and not the path.")] = False,
) -> None:
    """Generate a path through a model; no code is performed."""
    if test_case is not None and (path is not None or split is not None or shard is not None):
        other = "--path" if path is not None else "--split or --shard"
        raise typer.BadParameter(f"give {other} or --test-case, not both", param_hint="--test-case")
    loaded = joined(model, join) if join else load_model(model).model
    asked = _Asked(cut_path(path, split, shard), test_case, seed, on_error, param or [], read_durations(durations, loaded))
    plan = _with_files(_plan(loaded, asked), steps, history, "predefined()" if asked.path is None and test_case is None else None)
    walk = _walk(loaded, plan, max_steps, find_sub_models(loaded, model, sub_model or []))
    run = _Generated(loaded, plan, walk, max_steps)
    if as_json:
        typer.echo(json.dumps(run.document(stats), indent=2, ensure_ascii=False))
    else:
        run.print(stats)
    raise typer.Exit(run.exit_code())


class _Asked(NamedTuple):
    """What the command line asks for besides the model."""

    path: str | None
    test_case: str | None
    seed: int | None
    on_error: OnError
    param: list[str]
    durations: Mapping[str, float]


def _plan(model: "Model", asked: _Asked) -> "WalkPlan":
    import secrets

    from melanzana.generation.data import coerce_overrides
    from melanzana.generation.path_expression import default_path
    from melanzana.generation.walk import WalkPlan

    try:
        parameters = coerce_overrides(model, dict(_pair(text) for text in asked.param))
    except RequestError as error:
        raise typer.BadParameter(error.message, param_hint="--param") from None
    return WalkPlan(
        path=asked.path or default_path(asked.test_case),
        seed=secrets.randbelow(2**31) if asked.seed is None else asked.seed,
        on_error=asked.on_error,
        parameters=parameters,
        durations=asked.durations,
        dry=True,
    )


def _with_files(plan: "WalkPlan", steps: Path | None, history: Path | None, path: str | None) -> "WalkPlan":
    """What files add to the plan; `path` is the one that steps are followed by when no other was asked for."""
    from dataclasses import replace

    from melanzana.generation.history import read_history

    if history is not None:
        plan = replace(plan, history=read_history(read_seen(history)))
    return plan if steps is None else replace(plan, recorded=read_steps(steps), path=path or plan.path)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise typer.BadParameter(f"{text!r} is not of the form name=value", param_hint="--param")
    return name.strip(), value


def _walk(model: "Model", plan: "WalkPlan", max_steps: int | None, sub_models: "Mapping[str, Model]") -> "Walk":
    """The walk, before its first step. Ends the command with 2 for a path expression that cannot be used."""
    from melanzana.generation.nesting import start_walk

    try:
        if max_steps is None and not _ends(plan, model):
            message = "`never` and `time` do not end a path that is only generated: add another condition or --max-steps"
            raise typer.BadParameter(message, param_hint="--path")
        return start_walk(model, plan, sub_models)
    except PathExpressionError as error:
        typer.echo(_pointed(plan.path, error), err=True)
        raise typer.Exit(_EXIT_USAGE) from None
    except RequestError as error:
        raise typer.BadParameter(error.message, param_hint="--param") from None


def _ends(plan: "WalkPlan", model: "Model") -> bool:
    """Does generating alone bring the path to an end? A tour always ends."""
    from melanzana.generation.path_expression import parse_path

    parts = parse_path(plan.path, model).parts
    return all(part.tour is not None or part.condition is None or part.condition.offline for part in parts)


def _pointed(path: str, error: PathExpressionError) -> str:
    """The message, and below it the expression with a mark under the character meant."""
    position = error.detail["position"]
    begin = max(position - 60, 0)
    shown = printable(path[begin : position + 16])
    return f"melanzana: {printable(error.message)}\n  {shown}\n  {' ' * (position - begin)}^"


class _Generated:
    """A walk being generated, and what is said of it."""

    def __init__(self, model: "Model", plan: "WalkPlan", walk: "Walk", max_steps: int | None) -> None:
        self._model, self._plan = model, plan
        self._walk: Walk | Tally = walk
        self._max_steps = max_steps
        self._width = min(shutil.get_terminal_size().columns, _WIDEST)
        self._part = part_name(plan.path)
        self._parts: list[dict[str, int]] = []  #: of each iteration its number and the numbers of its first and last step
        self._steps = self._actions = 0
        self._seconds = 0.0

    def print(self, stats: bool) -> None:
        """Every step, then the end; with `stats` the figures instead of the steps."""
        typer.echo(self._fill(f"{self._model.name}: {self._plan.path}, seed {self._plan.seed}"))
        iteration = 0
        for step in self._generate(stats):
            if not stats:
                if step.iteration != iteration and step.iteration > 1:
                    typer.echo(f"\n{self._part} {step.iteration}")
                typer.echo(_line(step, self._width))
            iteration = step.iteration
        if stats:
            self._print_stats()
        typer.echo(("" if stats else "\n") + self._fill(self._end(self._walk.iteration if stats else iteration)))

    def document(self, stats: bool) -> dict[str, Any]:
        """The same for a machine; `stats` leaves out the steps."""
        steps = [_step_json(step) for step in self._generate(stats) if not stats]
        outcome = self._walk.outcome
        report = self._walk.coverage.report()
        measures = {"states": report.states, "actions": report.actions, "transitions": report.transitions}
        return {
            "model": self._model.name,
            "path": self._plan.path,
            "seed": self._plan.seed,
            "outcome": outcome and {"verdict": outcome.verdict, "reason": outcome.reason, "message": outcome.message},
            "exact": self._walk.exact,
            "count": {"steps": self._steps, "actions": self._actions, "iterations": self._walk.iteration},
            "coverage": {n: {"covered": m.covered, "total": m.total, "ratio": m.ratio} for n, m in measures.items()},
            **({"test_cases": self._parts} if self._part != ITERATION else {}),
            **({} if stats else {"steps": steps}),
        }

    def exit_code(self) -> int:
        """0 for a complete path, or for one that only `--max-steps` could end."""
        if self._walk.outcome is not None:
            return 0 if self._walk.outcome.verdict is Verdict.PASSED else _EXIT_INCOMPLETE
        return _EXIT_INCOMPLETE if _ends(self._plan, self._model) else 0

    def _generate(self, stats: bool) -> Iterator[Step]:
        """The steps; of a long walk only the first ones when nobody asks for more than its figures."""
        from melanzana.generation.walk import walk_steps

        begun = time.perf_counter()
        assert not isinstance(self._walk, tuple)  # it is at its beginning
        for step in walk_steps(self._walk, max_steps=self._max_steps):
            self._steps += 1
            self._actions += step.kind is StepKind.ACTION
            if not self._parts or self._parts[-1]["number"] != step.iteration:
                self._parts.append({"number": step.iteration, "first_step": step.number})
            self._parts[-1]["last_step"] = step.number
            yield step
            if stats and step.number == _LONG and self._told_at_once():
                break
        self._seconds = time.perf_counter() - begun

    def _told_at_once(self) -> bool:
        """The figures of the whole walk, where they are to be had without its steps."""
        from melanzana.generation.tally import tally

        nests = any(action.sub_models for _, action in self._model.actions())
        told = tally(self._model, self._plan) if self._max_steps is None and not nests else None
        if told is None:
            return False
        self._walk, self._steps, self._actions = told, told.progress.steps, told.progress.actions
        return True

    def _print_stats(self) -> None:
        report = self._walk.coverage.report()
        for name, measure in (("states", report.states), ("actions", report.actions), ("transitions", report.transitions)):
            typer.echo(f"  {name:<12} {measure.covered:>6,} of {measure.total:>6,}  {measure.ratio:>6.1%}")
        if missing := self._missing():
            typer.echo(self._fill(f"  not covered: {missing}"))
        if self._walk.exact is not None:
            typer.echo("  no path does the same for less" if self._walk.exact else "  a shorter path may do the same")
        if self._part != ITERATION:
            longest = max((part["last_step"] - part["first_step"] + 1 for part in self._parts), default=0)
            typer.echo(f"  the longest test case has {longest} steps")
        if self._seconds > 0:
            typer.echo(f"  {self._steps / self._seconds:,.0f} steps a second")

    def _missing(self) -> str:
        from melanzana.generation.coverage import Covered

        names = {state.id: state.name for state in self._model.states}
        names |= {action.id: action.name for _, action in self._model.actions()}
        ids = (*self._walk.coverage.missing(Covered.STATES), *self._walk.coverage.missing(Covered.TRANSITIONS))
        more = f" and {len(ids) - _LISTED} more" if len(ids) > _LISTED else ""
        return ", ".join(names[element] for element in ids[:_LISTED]) + more

    def _end(self, iterations: int) -> str:
        sizes = (self._steps, "step"), (self._actions, "action"), (iterations, self._part)
        count = ", ".join(plural(size, word) for size, word in sizes)
        outcome = self._walk.outcome
        if outcome is None:
            assert not isinstance(self._walk, tuple)  # that has ended
            return f"{count}: stopped by --max-steps; {self._walk.progress():.0%} of what the path asks for"
        message = f": {outcome.message}" if outcome.message else ""
        return f"{count}: {outcome.verdict}, {outcome.reason.replace('_', ' ')}{message}"

    def _fill(self, text: str) -> str:
        return textwrap.fill(printable(text), self._width, subsequent_indent="  ")


def _line(step: Step, width: int) -> str:
    """`   3  Results` for a state, `   4    add → Basket` for an action; cut to one line."""
    name = "    " * step.depth + (step.name if step.kind is StepKind.STATE else f"  {step.name}")
    target = "" if step.target_name is None else f" → {step.target_name}"
    text = printable(f"{step.number:>4}  {name}{target}")
    return text if len(text) <= width else text[: width - 1] + "…"


def _step_json(step: Step) -> dict[str, Any]:
    found: dict[str, Any] = {"number": step.number, "iteration": step.iteration, "kind": step.kind, "id": step.element_id}
    found |= {"name": step.name, "state": step.state}
    if step.kind is StepKind.ACTION:
        found |= {"target": step.target, "target_name": step.target_name}
    if step.model:
        found |= {"model": step.model, "depth": step.depth}
    return found | {"data": dict(step.data)}

"""Performs one step of a walk with the suite's code, and says how it came out.

FAILED: the code raised, so the system under test did something wrong. ERROR: the code could not be run: it is missing or ambiguous,
a parameter cannot be filled, a fixture could not be made or torn down, a result cannot be stored. `walking.py` drives it in the
worker; everything happens on the calling thread, and a step that was interrupted still has its fixtures torn down.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from inspect import BoundArguments
from typing import Protocol

from melanzana.errors import SuiteError
from melanzana.generation.step import Step, Verdict
from melanzana.graph.model import Value
from melanzana.runner.arguments import Sources, arguments_for
from melanzana.runner.authoring import Attachment, LogLine, Notes, Observer, close_notes, observers, open_notes
from melanzana.runner.calling import Caller
from melanzana.runner.failures import Failure, cut, describe
from melanzana.runner.fixtures import FixtureFailed, Fixtures
from melanzana.runner.interruption import ABORTED_STEP, Interruption, StepAborted
from melanzana.runner.outputs import outputs_of
from melanzana.runner.ready import ready_fixtures
from melanzana.runner.suite import Bound, Suite


class Output(Protocol):
    """Where captured output comes from; see `capture.Capture`."""

    def take(self) -> tuple[str, str]: ...


class NoOutput:
    """Nothing is captured."""

    def take(self) -> tuple[str, str]:
        return "", ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Performed:
    """How a step came out."""

    verdict: Verdict
    message: str = ""
    outputs: Mapping[str, Value] = field(default_factory=dict)
    notes: tuple[Attachment | LogLine, ...] = ()  #: in order; captured output and the traceback last
    aborted: bool = False  #: the step was interrupted


@dataclass(slots=True)
class _Progress:
    """What one step has come to so far."""

    verdict: Verdict = Verdict.PASSED
    message: str = ""
    aborted: bool = False
    outputs: dict[str, Value] = field(default_factory=dict)
    traces: list[LogLine] = field(default_factory=list)

    def spoil(self, verdict: Verdict, message: str, trace: str = "") -> None:
        """The first thing that goes wrong counts; the others are logged."""
        if self.verdict is Verdict.PASSED:
            self.verdict, self.message = verdict, cut(message)
        elif not trace:
            self.traces.append(LogLine(cut(message), "ERROR"))
        if trace:
            self.traces.append(LogLine(cut(trace), "ERROR"))


class Performer:
    """The code side of one run. Use it from one thread, and `close` it whatever happened."""

    def __init__(
        self, suite: Suite | None, model: str, interruption: Interruption | None = None, output: Output | None = None
    ) -> None:
        self._suite, self._model = suite, model
        self.model_names: Mapping[str, str] = {}  #: of sub-models, by uuid
        self._caller = Caller(interruption or Interruption())
        folder, known = (suite.folder, suite.inventory.fixtures) if suite is not None else (None, {})
        self._fixtures = Fixtures(known, self._caller, folder, ready_fixtures())
        self._folder = folder
        self._output: Output = output or NoOutput()
        self._notes = Notes()
        open_notes(self._notes)

    def bind(self, step: Step) -> tuple[Bound, ...]:
        """The functions that perform `step`; none when it has no code. Raises SuiteError."""
        if self._suite is not None:
            return self._suite.bind(step, self.model_names.get(step.model, self._model))
        if step.calls:
            raise SuiteError(
                f"the model names code ({step.calls[0].reference}) and no suite was given: name the folder of the action code",
                reference=step.calls[0].reference,
            )
        return ()

    def perform(self, step: Step, bound: tuple[Bound, ...]) -> Performed:
        """Call the functions in order until one does not pass, then tear down the step's fixtures."""
        progress = _Progress()
        self._observed(progress, lambda observer: observer.begins(step.name))
        try:
            for function in bound:
                self._call(function, {**step.data, **progress.outputs}, progress)
                if progress.verdict is not Verdict.PASSED:
                    break
        except (StepAborted, KeyboardInterrupt) as stop:
            self._abort(progress, stop)
        passed = progress.verdict is Verdict.PASSED
        self._observed(progress, lambda observer: observer.ends(step.name, passed))
        for failure in self._fixtures.end_step():
            progress.spoil(Verdict.ERROR, failure.message, failure.trace)
        return Performed(
            verdict=progress.verdict,
            message=progress.message,
            outputs=progress.outputs,
            notes=(*self.take_notes(), *progress.traces),
            aborted=progress.aborted,
        )

    def take_notes(self) -> tuple[Attachment | LogLine, ...]:
        """What code logged, attached and printed since the last step."""
        out, err = self._output.take()
        printed = [LogLine(text.rstrip("\n"), level) for text, level in ((out, "INFO"), (err, "WARNING")) if text.strip()]
        noted = (LogLine(cut(note.message), note.severity) if isinstance(note, LogLine) else note for note in self._notes.take())
        return (*noted, *printed)

    def close(self) -> list[Failure]:
        """Tear down every fixture and end async code. Returns what went wrong."""
        failures = self._fixtures.end_run()
        try:
            self._caller.close()
        except Exception as error:
            failures.append(describe(error, self._folder))
        close_notes()
        return failures

    def _observed(self, progress: _Progress, tell: Callable[[Observer], None]) -> None:
        """Tell everybody who observes; what goes wrong there is logged and changes no verdict."""
        for observer in observers():
            try:
                self._caller.tidy(partial(tell, observer))
            except Exception as error:
                progress.traces.append(LogLine(cut(f"observing the step: {describe(error, self._folder).message}"), "WARNING"))

    def _call(self, bound: Bound, data: Mapping[str, Value], progress: _Progress) -> None:
        try:
            sources = Sources.of_call(
                bound.call,
                label=bound.label,
                fixtures=self._fixtures.beside(data),
                get_fixture=lambda name: self._fixtures.get(name, data),
                data=data,
            )
            arguments = arguments_for(bound.function, sources)
        except SuiteError as error:
            progress.spoil(Verdict.ERROR, error.message)
        except FixtureFailed as error:
            progress.spoil(Verdict.ERROR, str(error), error.failure.trace)
        else:
            self._run(bound, arguments, progress)

    def _run(self, bound: Bound, arguments: BoundArguments, progress: _Progress) -> None:
        try:
            result = self._caller.call(bound.function, arguments.args, arguments.kwargs)
        except (StepAborted, KeyboardInterrupt):
            raise
        except BaseException as error:  # pytest's own outcomes and SystemExit are no Exception
            failure = describe(error, self._folder)
            progress.spoil(Verdict.FAILED, failure.message, failure.trace)
            return
        try:
            progress.outputs.update(outputs_of(result, bound.call, bound.label))
        except SuiteError as error:
            progress.spoil(Verdict.ERROR, error.message)

    def _abort(self, progress: _Progress, stop: BaseException) -> None:
        progress.aborted = True
        failure = describe(stop, self._folder)
        what = ABORTED_STEP if isinstance(stop, StepAborted) else "the step was interrupted"
        place = f" ({failure.file}:{failure.line})" if failure.file and failure.line else ""
        progress.spoil(Verdict.ERROR, what + place)

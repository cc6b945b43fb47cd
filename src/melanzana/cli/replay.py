"""`melanzana replay RUN`: the same steps with the same values, once or several times; failing is told from flaky.

Exit codes: 0 every performance passed; 1 every one failed as the run did (a run that had passed: failed); 2 used wrongly; 3 it
could not be carried out; 4 cancelled; 5 it is flaky, or failed otherwise than the run.
"""

import json
import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from melanzana.cli.saved_run import CredentialsOption, Recording, RunArgument, ServerOption, SuiteOption, read_run

if TYPE_CHECKING:
    from melanzana.runner.trying import Attempted

EXIT_PASSED, EXIT_FAILED, EXIT_ERROR, EXIT_CANCELLED, EXIT_FLAKY = 0, 1, 3, 4, 5
WIDTH = 80


def replay(  # noqa: PLR0917 - one parameter a flag
    run: RunArgument,
    suite: SuiteOption = None,
    times: Annotated[int, typer.Option(min=1, help="How often the steps are performed.")] = 1,
    server: ServerOption = None,
    config: CredentialsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of lines.")] = False,
) -> None:
    """Perform the steps of a run again, with the values it drew, and say whether it fails, is flaky, or passes.

    Exit codes: 0 passed each time, 1 failed each time as the run did, 2 used wrongly, 3 could not be carried out, 4 cancelled,
    5 flaky, or failed otherwise than the run.
    """
    from melanzana.runner.process import ProcessWorkers
    from melanzana.runner.trying import Retrier

    recording = read_run(run, suite, server, config)
    retrier = Retrier(recording.snapshot, ProcessWorkers())
    if not as_json:
        introduce(recording)
    done: list[Attempted] = []
    while len(done) < times and not retrier.cancelled:
        done.append(retrier.perform(recording.walked))
        if not as_json:
            typer.echo(_line(len(done), recording, done[-1]))
    code, verdict = _judged(recording, done)
    typer.echo(_document(recording, done, code, verdict) if as_json else verdict)
    raise typer.Exit(code)


def introduce(recording: Recording) -> None:
    """What was recorded: the run, and where and why it failed."""
    steps = f"{len(recording.walked.steps)} steps"
    typer.echo(f"{recording.model.name}: {steps} of {recording.title}")
    if recording.failure is None:
        typer.echo("  recorded  passed")
        return
    typer.echo(f"  recorded  failed at step {recording.failing_step}, {recording.element_name() or 'outside of any step'}")
    typer.echo(filled("  why       ", recording.message or str(recording.failure)))


def filled(lead: str, text: str) -> str:
    """Text in lines of 80 columns, below each other after `lead`."""
    shown = "".join(char if char.isprintable() else " " for char in text)
    return textwrap.fill(shown, WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead), break_on_hyphens=False)


def _line(number: int, recording: Recording, attempted: "Attempted") -> str:
    seconds = f"{attempted.finished.at_seconds:.1f} s"
    if attempted.cancelled:
        return f"  {number:>4}  cancelled"
    if not attempted.answered:
        return filled(f"  {number:>4}  not carried out: ", attempted.finished.message)
    if attempted.failure is None:
        return f"  {number:>4}  passed in {seconds}"
    if attempted.failure == recording.failure:
        return f"  {number:>4}  failed in {seconds} at step {attempted.failing_step}: the same failure"
    what = "otherwise" if recording.failure is not None else "now"
    return filled(f"  {number:>4}  failed {what} at step {attempted.failing_step}: ", str(attempted.failure))


def _judged(recording: Recording, done: "list[Attempted]") -> tuple[int, str]:
    """The exit code, and the sentence that ends the output."""
    if done[-1].cancelled:
        return EXIT_CANCELLED, "cancelled"
    if unanswered := [attempted for attempted in done if not attempted.answered]:
        return EXIT_ERROR, f"could not be carried out {_of(len(unanswered), len(done))}"
    failures = [attempted.failure for attempted in done if attempted.failure is not None]
    wanted = recording.failure or (Counter(failures).most_common(1)[0][0] if failures else None)
    same, other = sum(failure == wanted for failure in failures), sum(failure != wanted for failure in failures)
    if not failures:
        again = "not reproduced: " if recording.failure is not None else ""
        return EXIT_PASSED, f"{again}passed {_of(len(done), len(done))}"
    if other:
        return EXIT_FLAKY, f"failed {_of(same, len(done))} as recorded, and {_of(other, len(done))} otherwise"
    if same == len(done):
        as_recorded = "with the same signature" if recording.failure is not None else "although the run had passed"
        return EXIT_FAILED, f"failing: failed {_of(same, len(done))} {as_recorded}"
    return EXIT_FLAKY, f"flaky: failed {_of(same, len(done))} ({same / len(done):.0%})"


def _of(count: int, total: int) -> str:
    return f"{count} of {total} times" if total > 1 else ("once" if count else "never")


def _document(recording: Recording, done: "list[Attempted]", code: int, verdict: str) -> str:
    attempts = [
        {
            "verdict": attempted.finished.verdict,
            "reason": attempted.finished.reason,
            "same_failure": attempted.failure is not None and attempted.failure == recording.failure,
            "failing_step": attempted.failing_step or None,
            "signature": attempted.failure and attempted.failure._asdict(),
            "duration_seconds": attempted.finished.at_seconds,
        }
        for attempted in done
    ]
    word = {EXIT_PASSED: "passed", EXIT_FAILED: "failing", EXIT_FLAKY: "flaky", EXIT_CANCELLED: "cancelled"}.get(code, "error")
    document = {
        "model": recording.model.name,
        "recorded": recording.failure and recording.failure._asdict(),
        "verdict": word,
        "message": verdict,
        "attempts": attempts,
    }
    return json.dumps(document, indent=2, ensure_ascii=False)

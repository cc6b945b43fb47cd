"""What people call the states of runs, and how a run stands in one sentence. Pages of runs and models ask."""

from melanzana.executions.records import ExecutionSummary, LifecycleState
from melanzana.reports.records import RunReport

#: Colour and glyph of a state, and what people call it.
WORDS = {
    LifecycleState.QUEUED: ("off", "Queued"),
    LifecycleState.LEASED: ("now", "Starting"),
    LifecycleState.RUNNING: ("now", "Running"),
    LifecycleState.ABORTING: ("warn", "Stopping"),
    LifecycleState.PASSED: ("ok", "Passed"),
    LifecycleState.FAILED: ("bad", "Failed"),
    LifecycleState.ERROR: ("warn", "Error"),
    LifecycleState.ABORTED: ("off", "Cancelled"),
}


def sentence(report: RunReport) -> str:
    """The state of the run in one sentence."""
    run, failing = report.row.execution, report.failing
    if run.state in {LifecycleState.FAILED, LifecycleState.ERROR} and failing is not None:
        return f"Step {failing.number}, {failing.kind} \u201c{failing.element}\u201d: {failing.message or failing.verdict}"
    if run.state is LifecycleState.QUEUED:
        return f"{run.waiting_for or 'waiting for an agent'}.".capitalize()
    if standing := _standing(run):
        return standing
    if run.message:
        return run.message
    done = report.progress
    counts = ((done.steps, "step"), (done.actions, "action"), (max(done.iterations, 1), "iteration"))
    return ", ".join(f"{count:,} {word}{'s' * (count != 1)}" for count, word in counts) + "."


def _standing(run: ExecutionSummary) -> str:
    """Why the walk stands still, or is about to; empty when it goes on."""
    if run.paused:
        return "Paused on request: continue or abort." if run.pause_requested else _AT_A_FAILURE
    return "Will pause before its next step." if run.pause_requested and run.state is not LifecycleState.ABORTING else ""


_AT_A_FAILURE = "Paused after a step that did not pass: continue or abort."


def phase(run: ExecutionSummary) -> str:
    """The state with what decides which buttons there are."""
    return f"{run.state}{' paused' if run.paused else ''}{' pausing' if run.pause_requested else ''}"


def figures(report: RunReport) -> list[tuple[str, int, int, int]]:
    """Of each kind of coverage: its name, covered, total, percent."""
    done = report.progress
    kinds = [("States", done.states), ("Actions", done.action_coverage), ("Transitions", done.transitions)]
    if done.requirements.total:
        kinds.append(("Requirements", done.requirements))
    return [(name, one.covered, one.total, int(one.ratio * 100)) for name, one in kinds]

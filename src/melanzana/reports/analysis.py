"""What many runs say together: failures that are the same one, and how the test cases fare. Pure sums over runs, newest first.

A failure is flaky when the same walk (model version, path, seed, parameters) has passed, too; a test case is flaky when, on one
version, it has both passed and not. `service.py` gathers the runs, `analysis_api.py` and `model_pages.py` show the result.
"""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from melanzana.executions.records import ExecutionSummary, LifecycleState
from melanzana.generation.signature import Signature, signature_of
from melanzana.reports.records import FailingStep

UNSUCCESSFUL = (LifecycleState.FAILED, LifecycleState.ERROR)
#: Of each group, the newest runs that are named.
NAMED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """Failures with the same signature."""

    signature: Signature
    element: str  #: name of the state or action; empty when no step is to blame
    kind: str  #: state, action, or run
    state: LifecycleState  #: of the newest of them: failed or error
    message: str  #: of the newest of them, whole
    count: int
    run_ids: tuple[int, ...]  #: the newest first
    versions: tuple[int, ...]
    first_seen: datetime
    last_seen: datetime
    flaky: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFigures:
    """How the directed runs of one test case ended."""

    uuid: str  #: its id in the model
    runs: tuple[tuple[int, LifecycleState], ...]  #: the newest first
    counts: Mapping[LifecycleState, int]
    flaky: bool

    @property
    def total(self) -> int:
        """Runs, also those under way."""
        return sum(self.counts.values())


def defects(runs: Iterable[tuple[ExecutionSummary, FailingStep | None]], flaky: Collection[int]) -> tuple[Defect, ...]:
    """Of runs that failed or ended as errors, with their failing steps; the most frequent first.

    `flaky`: numbers of those whose walk has passed, too.
    """
    groups: dict[Signature, list[tuple[ExecutionSummary, FailingStep | None]]] = {}
    for run, step in runs:
        signature = (
            signature_of(step.element_id, step.message) if step is not None else signature_of("", run.message or run.reason or "")
        )
        groups.setdefault(signature, []).append((run, step))
    found = (_defect(signature, members, flaky) for signature, members in groups.items())
    return tuple(sorted(found, key=lambda one: (-one.count, -one.run_ids[0])))


def _defect(signature: Signature, members: Sequence[tuple[ExecutionSummary, FailingStep | None]], flaky: Collection[int]) -> Defect:
    newest, step = members[0]
    runs = [run for run, _ in members]
    return Defect(
        signature=signature,
        element=step.element if step is not None else "",
        kind=step.kind if step is not None else "run",
        state=newest.state,
        message=step.message if step is not None else newest.message or newest.reason or "",
        count=len(members),
        run_ids=tuple(run.run_id for run in runs[:NAMED]),
        versions=tuple(sorted({run.model_version for run in runs})),
        first_seen=min(run.created_at for run in runs),
        last_seen=max(run.created_at for run in runs),
        flaky=any(run.run_id in flaky for run in runs),
    )


def walk_of(run: ExecutionSummary) -> Hashable:
    """Equal for runs that were to walk the same way, their parameters left aside: these only the whole execution tells."""
    return (run.model_version, run.path, run.seed, run.perform)


def case_figures(runs: Iterable[ExecutionSummary]) -> dict[str, CaseFigures]:
    """By the test case's id in the model; runs of none are left out."""
    groups: dict[str, list[ExecutionSummary]] = {}
    for run in runs:
        if run.test_case is not None:
            groups.setdefault(run.test_case, []).append(run)
    return {uuid: _figures(uuid, members) for uuid, members in groups.items()}


def _figures(uuid: str, runs: Sequence[ExecutionSummary]) -> CaseFigures:
    counts = {state: sum(run.state is state for run in runs) for state in LifecycleState}
    passed = {run.model_version for run in runs if run.state is LifecycleState.PASSED}
    failed = {run.model_version for run in runs if run.state in UNSUCCESSFUL}
    named = tuple((run.run_id, run.state) for run in runs[:NAMED])
    return CaseFigures(uuid=uuid, runs=named, counts={state: n for state, n in counts.items() if n}, flaky=bool(passed & failed))

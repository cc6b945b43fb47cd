"""One run's log, folded as it grows: counters, coverage, timings and the first step that did not pass.

A `RunFold` takes events in order and can be asked at any time; `reports/service.py` keeps the folds of runs that people look at and
feeds them what is new. Only the newest attempt counts: when an agent was lost and another one began anew, the report is about the
one that began last. Everything is computed from the events themselves; no figure that an agent sends is trusted.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from melanzana.executions.expiry import ATTACHMENTS_REMOVED, LOG_REMOVED
from melanzana.executions.lifecycle import TERMINAL
from melanzana.executions.records import ExecutionSummary, LifecycleState, Reason, StoredEvent
from melanzana.generation.coverage import CoverageReport, CoverageTracker, Measure
from melanzana.generation.kinds import Glance, Kind
from melanzana.generation.progress import Progress as WalkProgress
from melanzana.generation.requirement_coverage import requirements_of
from melanzana.generation.step import StepKind, Verdict
from melanzana.generation.variable_coverage import Memory
from melanzana.generation.watching import watch
from melanzana.graph.model import Model
from melanzana.protocol.events import AttachmentStored, RunFinished, RunStarted, StepFinished
from melanzana.reports.records import ElementTiming, FailingStep, Kept, Progress, Tally
from melanzana.reports.summaries import Summary

_UNSUCCESSFUL = (LifecycleState.FAILED, LifecycleState.ERROR)
#: Whatever a step did before: this is why the run ended as it did.
_ENDED_BY_SERVER = (Reason.AGENT_LOST, Reason.QUEUE_EXPIRED)


@dataclass(slots=True)
class _Clocked:
    name: str
    kind: str
    count: int = 0
    total: float = 0.0
    longest: float = 0.0


class RunFold:
    """What the events of a run's newest attempt add up to."""

    def __init__(self, model: Model, kinds: frozenset[Kind] = frozenset()) -> None:
        """`kinds` of coverage are counted besides states, actions and transitions."""
        self.model = model
        self._kinds = sorted(kinds)
        self._requirements = requirements_of(model)
        self.names = {state.id: state.name for state in model.states}  #: of states by id, sub-models' as far as they were entered
        self.cases = {case.id: case.name for case in model.test_cases}  #: names of test cases by id
        self.last_seq = 0
        self.log_removed_at: datetime | None = None
        self.attachments_removed_at: datetime | None = None
        self.told = 0  #: the newest attempt of which an agent told something
        self._begin(0)

    def _begin(self, attempt: int) -> None:
        self.attempt = attempt
        self.started: RunStarted | None = None
        self.begun_at: datetime | None = None
        self.end_seq: int | None = None  #: number of the last word about the end, the agent's or the server's
        self.failing: FailingStep | None = None
        self._steps = self._actions = self._iterations = 0
        self._elapsed = 0.0
        self._timings: dict[str, _Clocked] = {}
        self._kept: list[Kept] = []
        self.here = ""  #: id of the state that the run's own model is in
        self.last_action = ""  #: id of the action that led there
        self.unsuccessful: set[str] = set()  #: ids of elements of which a step did not pass
        self._coverage = CoverageTracker(self.model)
        self._memory = Memory(self.model) if self._kinds else None
        for kind in self._kinds:
            watch(self._coverage, self.model, kind)

    def add(self, stored: StoredEvent) -> None:
        """The next event. Events that were seen before change nothing."""
        if stored.seq <= self.last_seq:
            return
        self.last_seq = stored.seq
        if stored.agent_seq is not None:
            self.told = stored.attempt
        if stored.attempt > self.attempt:
            self._begin(stored.attempt)
        match stored.event():
            case StepFinished() as step:
                self._count(step)
                self._judge(step, stored.seq)
            case RunStarted() as started:
                self.started, self.begun_at = started, stored.at
            case AttachmentStored() as file:
                self._keep(file, stored.seq)
            case RunFinished():
                self.end_seq = stored.seq
            case None if stored.type == LOG_REMOVED:
                self._restore(stored)
            case None if stored.type == ATTACHMENTS_REMOVED:
                self.attachments_removed_at, self._kept = stored.at, []
            case None if stored.body.get("state") in TERMINAL:
                self.end_seq = self.end_seq or stored.seq
            case _:
                pass

    def failure_seq(self, execution: ExecutionSummary) -> int | None:
        """Number of the event that says why the run did not pass; None when it did, or none says so."""
        if execution.reason in _ENDED_BY_SERVER:
            return self.end_seq
        if self.failing is not None:
            return self.failing.seq
        return self.end_seq if execution.state in _UNSUCCESSFUL else None

    def _count(self, step: StepFinished) -> None:
        self._steps += 1
        self._actions += step.kind == StepKind.ACTION
        self._iterations = max(self._iterations, step.iteration)
        if step.kind == StepKind.STATE:
            self.names.setdefault(step.element_id, step.name)
        if not step.model:  # a sub-model's elements are none of this model's
            self._coverage.visit(step.kind, step.element_id, step.target)
            self._stand(step)
        self._elapsed = step.at_seconds + step.duration_seconds
        if self._memory is not None and not step.model:
            self._show(step, self._memory)
        clocked = self._timings.setdefault(step.element_id, _Clocked(step.name, step.kind))
        clocked.count += 1
        clocked.total += step.duration_seconds
        clocked.longest = max(clocked.longest, step.duration_seconds)

    def _stand(self, step: StepFinished) -> None:
        if step.verdict != Verdict.PASSED:
            self.unsuccessful.add(step.element_id)
        if step.kind == StepKind.ACTION:
            self.last_action = step.element_id
        else:
            self.here = step.element_id

    def _keep(self, file: AttachmentStored, seq: int) -> None:
        self._kept.append(Kept.of(file, seq))

    def _show(self, step: StepFinished, memory: Memory) -> None:
        is_action = step.kind == StepKind.ACTION
        values = memory.of(step.element_id, step.values) if is_action else {}
        self._coverage.see(Glance(is_action, step.element_id, step.target, step.iteration, values))

    def _judge(self, step: StepFinished, seq: int) -> None:
        if self.failing is None and step.verdict != Verdict.PASSED:
            self.failing = FailingStep(
                seq=seq,
                number=step.number,
                iteration=step.iteration,
                kind=step.kind,
                element_id=step.element_id,
                element=step.name,
                verdict=step.verdict,
                message=step.message,
                at_seconds=step.at_seconds,
            )

    def _restore(self, stored: StoredEvent) -> None:
        """Take the figures from what was left when the log was removed, whatever of it was still seen."""
        self._coverage, self._kept = CoverageTracker(self.model), []
        self.log_removed_at = self.attachments_removed_at = stored.at
        told = Summary.of(stored.body)
        told.show(self._coverage)
        self._steps, self._actions, self._iterations, self._elapsed = told.steps, told.actions, told.iterations, told.elapsed
        self.failing = told.failing
        self._timings = {element: _Clocked(*values) for element, *values in told.timings}

    def summary(self) -> dict[str, Any]:
        """What is left of a log that is removed."""
        timings = [(id_, each.name, each.kind, each.count, each.total, each.longest) for id_, each in self._timings.items()]
        return Summary(
            steps=self._steps,
            actions=self._actions,
            iterations=self._iterations,
            elapsed=self._elapsed,
            failing=self.failing,
            timings=timings,
            report=self.coverage(),
        ).body(self.last_seq)

    def progress(self) -> Progress:
        """Counters and coverage so far."""
        report = self.coverage()
        return Progress(
            steps=self._steps,
            actions=self._actions,
            iterations=self._iterations,
            states=report.states,
            action_coverage=report.actions,
            transitions=report.transitions,
            requirements=self._requirement_coverage(),
        )

    def figures(self) -> WalkProgress:
        """What stop conditions ask about, as far as the log goes."""
        figures = WalkProgress(self._coverage)
        figures.steps, figures.actions = self._steps, self._actions
        figures.iterations = max(self._iterations - (self.end_seq is None), 0)
        figures.elapsed_seconds = self._elapsed
        return figures

    def _requirement_coverage(self) -> Measure:
        covered = sum(any(map(self._coverage.hits, elements)) for elements in self._requirements.values())
        return Measure(covered=covered, total=len(self._requirements))

    def coverage(self) -> CoverageReport:
        """Coverage so far."""
        return self._coverage.report()

    def tally(self) -> Tally:
        """How often each thing was gone through so far, without what was not."""
        report = self.coverage()
        return Tally(
            hits={element: hits for element, hits in report.hits.items() if hits},
            transition_hits={pair: hits for pair, hits in report.transition_hits.items() if hits},
            further={kind: dict(watcher.hits) for kind, watcher in self._coverage.watchers.items()},
        )

    def attachments(self) -> tuple[Kept, ...]:
        """The files that were kept so far, in order."""
        return tuple(self._kept)

    def timings(self) -> tuple[ElementTiming, ...]:
        """Every element that was performed, the one that took longest in total first."""
        timings = (
            ElementTiming(
                element_id=element,
                name=clocked.name,
                kind=clocked.kind,
                count=clocked.count,
                total_seconds=clocked.total,
                max_seconds=clocked.longest,
            )
            for element, clocked in self._timings.items()
        )
        return tuple(sorted(timings, key=lambda timing: -timing.total_seconds))

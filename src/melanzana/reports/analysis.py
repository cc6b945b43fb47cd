"""What many runs say together: failures that are the same one, how test cases fare, which parts of a model fail. Pure sums.

A failure is flaky when the same walk (model version, path, seed, parameters) has passed, too; a test case is flaky when, on one
version, it has both passed and not. `analysing.py` gathers the outcomes, `analysis_api.py` and the pages show the result.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from melanzana.executions.records import LifecycleState
from melanzana.generation.signature import Signature
from melanzana.graph.model import Model
from melanzana.reports.outcomes import UNSUCCESSFUL, Outcome

#: Of each group, the newest runs that are named.
NAMED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """Failures with the same signature, on one model."""

    mark: str  #: names the group in addresses
    signature: Signature
    model_id: str  #: uuid
    element: str  #: name of the state or action; empty when no step is to blame
    kind: str  #: state, action, or run
    state: LifecycleState  #: of the newest of them: failed or error
    message: str  #: of the newest of them
    count: int
    run_ids: tuple[int, ...]  #: the newest first
    versions: tuple[int, ...]
    first_seen: datetime
    last_seen: datetime
    flaky: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Explored:
    """How often runs that chose their own way have performed a test case."""

    hits: int = 0
    passes: int = 0
    runs: int = 0  #: that did so at least once


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAnalysis:
    """How the directed runs of one test case ended, and how exploring runs came by."""

    uuid: str  #: its id in the model
    runs: tuple[Outcome, ...]  #: the newest first, cancelled ones too
    counts: Mapping[LifecycleState, int]
    flaky: bool
    explored: Explored

    @property
    def passes(self) -> int:
        return self.counts.get(LifecycleState.PASSED, 0)

    @property
    def judged(self) -> int:
        """Runs that passed, failed or ended as errors."""
        return self.passes + sum(self.counts.get(state, 0) for state in UNSUCCESSFUL)

    @property
    def pass_rate(self) -> float | None:
        """From 0 to 1; None without such a run."""
        return self.passes / self.judged if self.judged else None

    @property
    def flake_rate(self) -> float | None:
        """Of the neighbouring judged runs of one version, how many ended differently; None without two."""
        judged = [one for one in self.runs if one.state in {LifecycleState.PASSED, *UNSUCCESSFUL}]
        pairs = [(a, b) for a, b in pairwise(judged) if a.model_version == b.model_version]
        return sum(a.failed != b.failed for a, b in pairs) / len(pairs) if pairs else None

    @property
    def seconds(self) -> tuple[float, float] | None:
        """Mean and 95th percentile of how long its runs took; None without one."""
        taken = sorted(one.seconds for one in self.runs if one.state in {LifecycleState.PASSED, *UNSUCCESSFUL})
        return (sum(taken) / len(taken), taken[-(-95 * len(taken) // 100) - 1]) if taken else None

    @property
    def failing(self) -> tuple[tuple[str, int], ...]:
        """Where its runs failed, and how often, the most frequent first."""
        return tuple(Counter(one.element or "the run" for one in self.runs if one.failed).most_common())


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementFailures:
    """One state, action, or tag."""

    kind: str  #: state, action, tag
    id: str
    name: str
    failures: int
    hits: int

    @property
    def ratio(self) -> float:
        """From 0 to 1."""
        return min(self.failures / self.hits, 1.0) if self.hits else 1.0


def defects(failed: Iterable[Outcome], passed: Collection[str]) -> tuple[Defect, ...]:
    """Of outcomes that failed, newest first; the most frequent first. `passed`: walks that have passed, too."""
    groups: dict[str, list[Outcome]] = {}
    for one in failed:
        if one.mark is not None:
            groups.setdefault(one.mark, []).append(one)
    found = (_defect(mark, members, passed) for mark, members in groups.items())
    return tuple(sorted(found, key=lambda one: (-one.count, -one.run_ids[0])))


def _defect(mark: str, members: Sequence[Outcome], passed: Collection[str]) -> Defect:
    newest = members[0]
    assert newest.signature is not None
    return Defect(
        mark=mark,
        signature=newest.signature,
        model_id=newest.model_id,
        element=newest.element,
        kind=newest.kind,
        state=newest.state,
        message=newest.message,
        count=len(members),
        run_ids=tuple(run.run_id for run in members[:NAMED]),
        versions=tuple(sorted({run.model_version for run in members})),
        first_seen=min(run.created_at for run in members),
        last_seen=max(run.created_at for run in members),
        flaky=any(run.walk in passed for run in members),
    )


def case_analysis(uuid: str, runs: Sequence[Outcome], explored: Explored) -> CaseAnalysis:
    """Of the outcomes of its directed runs, newest first."""
    counts = Counter(run.state for run in runs)
    passed = {run.model_version for run in runs if run.state is LifecycleState.PASSED}
    failed = {run.model_version for run in runs if run.failed}
    return CaseAnalysis(uuid=uuid, runs=tuple(runs), counts=counts, flaky=bool(passed & failed), explored=explored)


def failing_elements(model: Model, failed: Iterable[Outcome], hits: Mapping[str, int]) -> tuple[ElementFailures, ...]:
    """States and actions of one version that runs failed in, then tags of these; in each group the most failures first."""
    counts = Counter(one.signature.element for one in failed if one.signature is not None and one.signature.element)
    elements = [("state", one.id, one.name, one.tags) for one in model.states]
    elements += [("action", one.id, one.name, one.tags) for _, one in model.actions()]
    found = [
        ElementFailures(kind=kind, id=id_, name=name, failures=counts[id_], hits=hits.get(id_, 0))
        for kind, id_, name, _ in elements
        if counts[id_]
    ]
    of_tags, hits_of_tags = Counter[str](), Counter[str]()
    for _, id_, _, tags in elements:
        for tag in dict.fromkeys(tags):
            of_tags[tag] += counts[id_]
            hits_of_tags[tag] += hits.get(id_, 0)
    found += [ElementFailures(kind="tag", id=t, name=t, failures=n, hits=hits_of_tags[t]) for t, n in of_tags.items() if n]
    return tuple(sorted(found, key=lambda one: (one.kind == "tag", -one.failures, one.name)))

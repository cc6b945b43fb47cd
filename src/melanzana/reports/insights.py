"""What speaks for and against releasing the newest version of a model, as `GET /ai/models/{id}/release-insights` answers it.

The original publishes no fields; these are ours. How many failures nobody has met yet is estimated as coverage is
(`prediction.py`): failures are species, runs are samples.
"""

from collections import Counter
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from melanzana.catalog.service import ModelRef
from melanzana.executions.records import ExecutionFilter, LifecycleState
from melanzana.reports import shapes
from melanzana.reports.analysis import Defect
from melanzana.reports.outcomes import UNSUCCESSFUL
from melanzana.reports.prediction import LEAST_RUNS, unseen_things
from melanzana.reports.records import CoverageReport, CoverageWish
from melanzana.reports.service import ReportService

#: Newest runs that the pass rate is about.
JUDGED = 100
_ENDS = frozenset({LifecycleState.PASSED, *UNSUCCESSFUL})


class Insights(NamedTuple):
    """Of the newest version; dry runs left out."""

    coverage: CoverageReport
    defects: tuple[Defect, ...]  #: seen on this version
    fresh: int  #: how many of them no older version had
    judged: int
    passed: int


class InsightsAnswer(BaseModel):
    """What speaks for and against a release."""

    model_config = ConfigDict(protected_namespaces=())

    model_version: int
    runs: int = Field(description="That performed code, on this version.")
    score: float | None = Field(description="Pass rate times coverage of feasible actions, from 0 to 1; null without a judged run.")
    pass_rate: float | None = Field(description="Of the newest 100 runs that passed, failed or ended as errors.")
    judged_runs: int
    coverage: shapes.CoverageTotals = Field(description="Of what is feasible.")
    defects: int = Field(description="Different failures on this version.")
    new_defects: int = Field(description="Those that no older version has shown.")
    flaky_defects: int
    undiscovered_defects: float | None = Field(
        description="Estimate of different failures that no run has met; null with few runs."
    )


async def insights_of(service: ReportService, realm: str, model: ModelRef) -> Insights:
    """Raises NotFoundError."""
    report = await service.model_coverage(realm, model, CoverageWish(performed_only=True))
    version = report.model_version
    found = [one for one in await service.analyses.defects(realm, model) if version in one.versions]
    uuid = await service.model_uuid(realm, model)
    page = await service.list_runs(realm, ExecutionFilter(states=_ENDS, model_id=uuid, limit=JUDGED))
    runs = [row.execution for row in page.rows if row.execution.model_version == version and row.execution.perform]
    fresh = sum(min(one.versions) == version for one in found)
    return Insights(report, tuple(found), fresh, len(runs), sum(run.state is LifecycleState.PASSED for run in runs))


def insights_answer(found: Insights) -> InsightsAnswer:
    """As JSON."""
    report, further = found.coverage, found.coverage.further
    rate = found.passed / found.judged if found.judged else None
    counts = Counter(one.count for one in found.defects)
    few = report.runs < LEAST_RUNS
    return InsightsAnswer(
        model_version=report.model_version,
        runs=report.runs,
        score=None if rate is None else rate * further.actions.feasible.ratio,
        pass_rate=rate,
        judged_runs=found.judged,
        coverage=shapes.totals_of(further.states.feasible, further.actions.feasible, further.transitions.feasible),
        defects=len(found.defects),
        new_defects=found.fresh,
        flaky_defects=sum(one.flaky for one in found.defects),
        undiscovered_defects=None if few else unseen_things(report.runs, counts[1], counts[2]),
    )

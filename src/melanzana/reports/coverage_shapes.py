"""What the routes of coverage and of differences between versions read from a query and write into an answer."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from melanzana.errors import RequestError
from melanzana.generation.kinds import MAX_PATH_DEPTH, MAX_VARIABLE_DEPTH
from melanzana.graph.difference import Difference
from melanzana.reports.history import CoverageDifference, CoverageHistory, HistoryWish
from melanzana.reports.prediction import METHOD, Outlook
from melanzana.reports.records import CoverageItem, CoverageReport, CoverageWish, FurtherCoverage, KindFigures
from melanzana.reports.shapes import REF_PATTERN, CoverageTotals, Figure, figure, totals_of


class CoverageQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    run_id: str | None = Field(default=None, pattern=REF_PATTERN, description="Only this run; left out: all of the newest version.")
    performed: bool = Field(default=False, description="Leave out dry runs, which generate a path and perform no code.")
    path_depth: int | None = Field(
        default=None, ge=1, le=MAX_PATH_DEPTH, description="Also coverage of so many transitions in a row."
    )
    variable_depth: int | None = Field(
        default=None, ge=1, le=MAX_VARIABLE_DEPTH, description="Also coverage of values of variables: 1 one by one, 2 in pairs."
    )
    carry_over: bool = Field(
        default=False, description="Add what runs of older versions have covered of what has not changed since. Not with `run_id`."
    )
    since_version: int | None = Field(default=None, ge=1, le=2**31 - 1, description="With `carry_over`: from this version on only.")

    coverage_model: int | None = Field(
        default=None, ge=1, le=2**53, description="Both depths by a coverage model's `id`; not with a depth of its own."
    )

    def wish(self) -> CoverageWish:
        """The same for the service."""
        since = (self.since_version or 1) if self.carry_over else None
        return CoverageWish(
            performed_only=self.performed, path_depth=self.path_depth, variable_depth=self.variable_depth, since_version=since
        )


class HistoryQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["state", "action", "transition", "path", "variable"] = Field(default="action", description="Coverage of what.")
    depth: int = Field(
        default=1, ge=1, le=MAX_PATH_DEPTH, description="Of `path` 1 to 5, of `variable` 1 or 2; else without effect."
    )
    performed: bool = Field(default=False, description="Leave out dry runs.")
    goal: float = Field(default=0.9, gt=0, le=1, description="The coverage of what is feasible that the prediction is about.")

    def wish(self) -> HistoryWish:
        """The same for the service. Errors: RequestError for values of three variables together."""
        if self.kind == "variable" and self.depth > MAX_VARIABLE_DEPTH:
            raise RequestError(f"depth of variables is 1 to {MAX_VARIABLE_DEPTH}", field="depth")
        return HistoryWish(what=self.kind, depth=self.depth, performed_only=self.performed, goal=self.goal)


class DifferenceQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    old: int = Field(alias="from", ge=1, le=2**31 - 1, description="The older version.")
    new: int = Field(alias="to", ge=1, le=2**31 - 1, description="The newer version.")


class FeasibleTotals(CoverageTotals):
    """The same, of what guards and data do not rule out."""

    complete: bool = Field(description="Whether everything was looked at; if not, what was not found counts as feasible.")
    reason: str = Field(description="Why not; else empty.")


class RequirementNode(BaseModel):
    """One requirement; covered as soon as an element that is marked with it was gone through."""

    requirement: str
    hitCount: int
    feasible: bool
    element_ids: list[str]


class RequirementCoverage(BaseModel):
    total: Figure
    feasible: Figure
    items: list[RequirementNode]


class DepthCoverage(BaseModel):
    """Paths or values of variables at one depth."""

    depth: int
    total: Figure
    feasible: Figure
    feasible_known: bool = Field(description="Whether the feasible part could be counted; if not it is everything.")
    missing: list[str] = Field(description="The first feasible values that no action was performed with; of depth 1 only.")


class CarriedRuns(BaseModel):
    """Runs of an older version whose coverage was carried over."""

    version: int
    runs: int


class ChangeItem(BaseModel):
    """One change between two versions."""

    kind: str = Field(description="`added`, `removed`, `renamed` or `changed`.")
    what: str = Field(description="`model`, `variable`, `state`, `action` or `test case`.")
    name: str
    aspect: str | None = Field(description="Of a change: `guard`, `assignments`, `targets`, …")
    old_id: str | None
    new_id: str | None
    sentence: str


class DifferenceAnswer(BaseModel):
    """What has changed between two versions, by meaning."""

    same: bool
    count: dict[str, int]
    changes: list[ChangeItem]
    notes: list[str] = Field(description="What differs and is no part of the logic.")


class CoverageNode(BaseModel):
    """One element and what lies inside it."""

    name: str
    kind: str = Field(description="`model`, `state`, `global`, `action` or `transition`.")
    element_id: str | None
    coverage: float = Field(description="A ratio from 0 to 1 over the element and everything inside it.")
    hitCount: int
    items: "list[CoverageNode]"


class CoverageAnswer(BaseModel):
    """Coverage of a model by its runs."""

    model_config = ConfigDict(protected_namespaces=())

    model_version: int
    runs: int = Field(description="How many runs were counted.")
    dry_runs: int = Field(description="How many of them performed no code.")
    totals: CoverageTotals
    feasible: FeasibleTotals
    requirements: RequirementCoverage
    paths: DepthCoverage | None = Field(description="With `path_depth`.")
    variables: DepthCoverage | None = Field(description="With `variable_depth`.")
    carried: list[CarriedRuns] = Field(description="With `carry_over`.")
    items: list[CoverageNode]


class CurvePointItem(BaseModel):
    """After so many runs so much was covered."""

    runs: int
    run_id: int
    covered: int


class PredictionAnswer(BaseModel):
    """How far it is to the goal."""

    goal: float
    outlook: Outlook = Field(description="`reached`; `expected` after `more_runs`; `levels_off` below it; `unknown` with few runs.")
    more_runs: int | None
    more_seconds: float | None = Field(description="By how long a run takes on average.")
    asymptote: float | None = Field(description="The coverage of what is feasible that runs like these tend to.")
    method: str


class HistoryAnswer(BaseModel):
    """Coverage over runs that have ended."""

    model_config = ConfigDict(protected_namespaces=())

    model_version: int
    kind: str
    depth: int
    runs: int
    total: Figure
    feasible: Figure
    points: list[CurvePointItem] = Field(description="Each run that covered something new, and the last one; at most 400.")
    prediction: PredictionAnswer


class CoverageChangeItem(BaseModel):
    """One state or action of the newer version."""

    kind: str
    element_id: str
    name: str
    state: str = Field(description="Name of the state that has the action.")
    fresh: bool = Field(description="New, or it does something else than before: nothing is carried over.")
    old_hits: int
    new_hits: int
    status: str = Field(description="`kept`, `lost`, `gained` or `open`.")


class CoverageDifferenceAnswer(BaseModel):
    """What two versions were covered of."""

    old_runs: int
    new_runs: int
    old: CoverageTotals
    new: CoverageTotals
    items: list[CoverageChangeItem]


def history_answer(found: CoverageHistory, wish: HistoryWish) -> HistoryAnswer:
    one = found.prediction
    seconds = None if one.more_runs is None else one.more_runs * found.mean_seconds
    return HistoryAnswer(
        model_version=found.report.model_version,
        kind=wish.what,
        depth=wish.depth,
        runs=found.runs,
        total=figure(found.figures.plain),
        feasible=figure(found.figures.feasible),
        points=[CurvePointItem(**point._asdict()) for point in found.points],
        prediction=PredictionAnswer(
            goal=one.goal,
            outlook=one.outlook,
            more_runs=one.more_runs,
            more_seconds=seconds,
            asymptote=one.asymptote,
            method=METHOD,
        ),
    )


def coverage_difference_answer(found: CoverageDifference) -> CoverageDifferenceAnswer:
    items = [
        CoverageChangeItem(
            kind=one.kind,
            element_id=one.id,
            name=one.name,
            state=one.inside,
            fresh=one.fresh,
            old_hits=one.before,
            new_hits=one.after,
            status=one.status,
        )
        for one in found.items
    ]
    old, new = (totals_of(tree.states, tree.actions, tree.transitions) for tree in (found.old, found.new))
    return CoverageDifferenceAnswer(old_runs=found.old_runs, new_runs=found.new_runs, old=old, new=new, items=items)


def coverage_answer(report: CoverageReport) -> CoverageAnswer:
    tree = report.tree
    return CoverageAnswer(
        model_version=report.model_version,
        runs=report.runs,
        dry_runs=report.dry_runs,
        totals=totals_of(tree.states, tree.actions, tree.transitions),
        feasible=_feasible(report.further),
        requirements=_requirements(report.further),
        paths=_depth(report.further.paths),
        variables=_depth(report.further.variables),
        carried=[CarriedRuns(version=version, runs=runs) for version, runs in report.carried.items()],
        items=[_node(tree.root)],
    )


def difference_answer(found: Difference) -> DifferenceAnswer:
    return DifferenceAnswer(**found.to_json())


def _feasible(further: FurtherCoverage) -> FeasibleTotals:
    return FeasibleTotals(
        state=figure(further.states.feasible),
        action=figure(further.actions.feasible),
        transition=figure(further.transitions.feasible),
        complete=further.complete,
        reason=further.reason,
    )


def _requirements(further: FurtherCoverage) -> RequirementCoverage:
    items = [
        RequirementNode(
            requirement=item.requirement, hitCount=item.hit_count, feasible=item.feasible, element_ids=list(item.element_ids)
        )
        for item in further.requirement_items
    ]
    figures = further.requirements
    return RequirementCoverage(total=figure(figures.plain), feasible=figure(figures.feasible), items=items)


def _depth(found: KindFigures | None) -> DepthCoverage | None:
    if found is None:
        return None
    return DepthCoverage(
        depth=found.depth,
        total=figure(found.figures.plain),
        feasible=figure(found.figures.feasible),
        feasible_known=found.known,
        missing=list(found.missing),
    )


def _node(item: CoverageItem) -> CoverageNode:
    return CoverageNode(
        name=item.name,
        kind=item.kind,
        element_id=item.element_id,
        coverage=item.coverage,
        hitCount=item.hit_count,
        items=[_node(inner) for inner in item.items],
    )

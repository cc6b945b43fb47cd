"""Where the lines and bars of charts lie; templates draw them as SVG. Pure geometry, in pixels of the drawing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from melanzana.reports.records import RunRow
from melanzana.reports.sums import CurvePoint

WIDTH, HEIGHT = 760, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 14, 12, 28
#: Marks on a curve; more could not be told apart.
MOST_MARKS = 60
LANE = 38
_NAMES = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A run on a curve."""

    x: float
    y: float
    point: CurvePoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Coverage over runs: a line of steps."""

    line: str  #: an SVG path
    marks: tuple[Mark, ...]
    rules: tuple[tuple[float, str], ...]  #: heights with their words
    goal: float  #: the height of the goal
    last: int  #: number of runs at the right end


def curve(points: Sequence[CurvePoint], total: int, goal: float) -> Curve | None:
    """None without a run, or with nothing to cover."""
    if not points or not total:
        return None
    runs = max(points[-1].runs, 2)
    wide, tall = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM

    def x(number: int) -> float:
        return round(_LEFT + wide * (number - 1) / (runs - 1), 1)

    def y(share: float) -> float:
        return round(_TOP + tall * (1 - share), 1)

    steps = [f"M{x(points[0].runs)} {y(points[0].covered / total)}"]
    steps += [f"H{x(point.runs)}V{y(point.covered / total)}" for point in points[1:]]
    stride = -(-len(points) // MOST_MARKS)
    marked = [*points[:-1:stride], points[-1]]
    return Curve(
        line="".join(steps),
        marks=tuple(Mark(x=x(one.runs), y=y(one.covered / total), point=one) for one in marked),
        rules=tuple((y(share), f"{share:.0%}") for share in (0.0, 0.5, 1.0)),
        goal=y(goal),
        last=points[-1].runs,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A run on a timeline."""

    row: RunRow
    x: float
    y: float
    width: float
    waited: float  #: where its wait in the queue began; the wait ends at `x`


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Runs in lanes, over time."""

    lanes: tuple[tuple[str, float], ...]  #: names with their heights
    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, datetime], ...]
    height: int


def timeline(rows: Sequence[tuple[str, RunRow]], now: datetime) -> Timeline | None:
    """Of runs with the name of the lane that each belongs to. None without one."""
    if not rows:
        return None
    begin = min(row.execution.created_at for _, row in rows)
    end = max(row.execution.ended_at or now for _, row in rows)
    span = max((end - begin).total_seconds(), 0.001)
    names = sorted({name for name, _ in rows}, key=lambda name: (not name, name))
    tops = {name: _TOP + number * LANE for number, name in enumerate(names)}

    def x(at: datetime) -> float:
        return round(_NAMES + (WIDTH - _NAMES - _RIGHT) * (at - begin).total_seconds() / span, 1)

    def bar(name: str, row: RunRow) -> Bar:
        run = row.execution
        started = run.started_at or run.ended_at or now
        left = x(started)
        return Bar(row=row, x=left, y=tops[name], width=max(x(run.ended_at or now) - left, 3.0), waited=x(run.created_at))

    ticks = tuple((x(begin + (end - begin) * share), begin + (end - begin) * share) for share in (0.0, 0.5, 1.0))
    return Timeline(
        lanes=tuple((name or "no agent yet", top) for name, top in tops.items()),
        bars=tuple(bar(name, row) for name, row in rows),
        ticks=ticks,
        height=_TOP + len(names) * LANE + _BOTTOM,
    )

"""Measures in CPU seconds of this process: the median of several repetitions, each on fresh data and with others' garbage gone."""

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table. `value` is what was measured and `target` what it is held against, in the same unit."""

    work: str
    size: str  #: what came out: steps, ratio to the optimum
    value: float
    unit: str
    target: float | None = None
    more_is_better: bool = False

    @property
    def met(self) -> bool | None:
        """Was the target reached? None where there is none."""
        if self.target is None:
            return None
        return self.value >= self.target if self.more_is_better else self.value <= self.target


def cpu_seconds(call: Callable[[Any], Any], prepare: Callable[[], Any] = lambda: None, repetitions: int = 5) -> tuple[float, Any]:
    """The median of the CPU seconds of `call(prepare())`, and what the last one returned."""
    times, found = [], None
    for _ in range(repetitions):
        prepared = prepare()
        gc.collect()
        begun = time.process_time()
        found = call(prepared)
        times.append(time.process_time() - begun)
    return statistics.median(times), found


def table(rows: list[Row]) -> str:
    """Rows as aligned text; a target that was missed is marked."""
    lines = [("work", "result", "median", "target", "")]
    for row in rows:
        target = "" if row.target is None else f"{'≥' if row.more_is_better else '≤'} {_figure(row.target)} {row.unit}"
        lines.append(
            (row.work, row.size, f"{_figure(row.value)} {row.unit}", target, {True: "met", False: "MISSED"}.get(row.met, ""))
        )
    widths = [max(len(line[column]) for line in lines) for column in range(5)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def _figure(value: float) -> str:
    if value >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.3g}"

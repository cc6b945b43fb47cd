"""What the soak showed: every promise against the history, and the figures against their bounds."""

from collections import Counter
from dataclasses import dataclass, field

from plan import PHASES, Plan
from stores import Store
from watching import Notes, Sample, late, slope

from support_history import TERMINAL, violations

#: MB of resident memory a minute; MB of the write-ahead log of SQLite's file; open files more than at the beginning.
MOST_SLOPE, MOST_LOG, MORE_FILES = 1.0, 64.0, 40


@dataclass
class Judgement:
    """`wrong` has a sentence for each broken promise."""

    engine: str
    figures: list[tuple[str, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    summary: str = ""

    @property
    def good(self) -> bool:
        return not self.wrong

    def lines(self) -> list[str]:
        shown = [f"  {name:<35}{value}" for name, value in self.figures]
        told = [f"   broken: {line}" for line in self.wrong[:20]]
        more = [f"   … and {len(self.wrong) - 20} more"] if len(self.wrong) > 20 else []
        return [*shown, *told, *more, f"{self.engine} {'PASSED' if self.good else 'FAILED'}: {self.summary}"]


def judge(plan: Plan, engine: str, store: Store, notes: Notes, samples: dict[str, list[Sample]]) -> Judgement:
    """Everything against everything."""
    found = store.found()
    broken = violations(notes.history, found)
    lost = sum("is gone" in line for line in broken)
    judgement = Judgement(engine, wrong=[*broken, *notes.broken])
    states = Counter(row.state for row in found)
    open_still = sum(count for state, count in states.items() if state not in TERMINAL)
    _server(plan, judgement, samples)
    _times(plan, judgement, notes)
    accepted = len({call.answer["execution"] for call in notes.history.calls if call.verb == "start" and call.outcome == "ok"})
    ended = ", ".join(f"{count:,} {state}" for state, count in sorted(states.items()))
    refusals = ", ".join(f"{count:,} × {status}" for status, count in sorted(notes.statuses.items()) if status >= 429)
    judgement.figures = [
        ("executions", ended),
        ("calls in the history", f"{len(notes.history.calls):,}; {len(broken)} contradictions"),
        ("answers 429 and above", refusals or "none"),
        ("killed", f"{notes.agents_killed} agents, {notes.servers_killed} servers"),
        ("store", store.fault),
        ("reports sent twice", f"{notes.reports_twice:,}"),
        *judgement.figures,
    ]
    aborts = sum(call.verb == "abort" and call.outcome == "ok" for call in notes.history.calls)
    kills = notes.agents_killed + notes.servers_killed
    judgement.summary = (
        f"{accepted:,} starts, {notes.steps:,} steps, {aborts} aborts, {kills} kills, {lost} lost, {open_still} open"
    )
    return judgement


def _times(plan: Plan, judgement: Judgement, notes: Notes) -> None:
    slow = max(notes.lost_seconds, default=0.0)
    # A look comes every quarter of a second, and its answer takes a while on a machine that is busy.
    if slow > plan.lost_within + 1.5:
        judgement.wrong.append(f"the loss of an agent took {slow:.1f} s to show, and at most {plan.lost_within:g} s are promised")
    middle, p99 = late(notes.start_seconds, 0.5) * 1000, late(notes.start_seconds, 0.99) * 1000
    judgement.figures += [
        ("start acknowledged, first try", f"{middle:.0f} ms median, {p99:.0f} ms p99"),
        ("loss of an agent seen", f"{len(notes.lost_seconds)} times, {slow:.1f} s at most"),
        (
            "abort until the end is kept",
            f"{late(notes.abort_seconds, 0.5):.1f} s median, {max(notes.abort_seconds, default=0):.1f} s at most",
        ),
    ]


def _server(plan: Plan, judgement: Judgement, samples: dict[str, list[Sample]]) -> None:
    quiet = next(phase.name for phase in PHASES if phase.leak_window)
    first, window = samples.get(PHASES[0].name, []), samples.get(quiet, [])
    last = samples.get(PHASES[-1].name, []) or window
    if not (first and window and last):
        judgement.wrong.append("the server was not there to be looked at")
        return
    steady = [each.files for each in first[len(first) // 2 :]]
    rising, log, files = slope(window), max(each.log for each in window), last[-1].files - max(steady)
    judgement.figures += [
        ("resident memory, quiet", f"{window[0].resident:.0f} to {window[-1].resident:.0f} MB, {rising:+.2f} MB/min"),
        ("open files, warm and at the end", f"{max(steady)}, {last[-1].files}"),
        ("write-ahead log, quiet, at the end", f"{log:.0f}, {last[-1].log:.0f} MB"),
    ]
    if plan.pace == 1.0 and rising >= MOST_SLOPE:
        judgement.wrong.append(f"memory grows by {rising:.2f} MB a minute; less than {MOST_SLOPE:g} is allowed")
    if files > MORE_FILES:
        judgement.wrong.append(f"{files} more files are open than in the beginning")
    if judgement.engine == "sqlite" and max(log, last[-1].log) >= MOST_LOG:
        judgement.wrong.append(f"the write-ahead log grew to {max(log, last[-1].log):.0f} MB")

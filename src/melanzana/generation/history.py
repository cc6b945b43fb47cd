"""What earlier runs of a model went through and where they failed, as a value: `explore(…)` begins where they ended.

A history is carried in the snapshot of an execution, or kept in a file; the same history, model and seed give the same path. It
knows transitions and pairs of transitions by the ids of action and target, so it outlives changes of the model elsewhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from melanzana.errors import FormatError

#: Entries kept of transitions and of pairs; the last ones that were seen.
MOST = 20_000
VERSION = 1

Transition = tuple[str, str | None]  #: ids of an action and of its target; None: the walk stays


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Counts over runs."""

    hits: Mapping[Transition, int] = field(default_factory=dict)
    failures: Mapping[Transition, int] = field(default_factory=dict)
    pairs: frozenset[tuple[Transition, Transition]] = frozenset()  #: taken in a row

    def to_json(self) -> dict[str, Any]:
        """As `from_json` reads it: transitions in order, pairs by their numbers in that order."""
        known = sorted({*self.hits, *self.failures, *(one for pair in self.pairs for one in pair)}, key=_order)
        number = {transition: position for position, transition in enumerate(known)}
        return {
            "version": VERSION,
            "transitions": [[action, target, self.hits.get((action, target), 0), self.failures.get((action, target), 0)]
                            for action, target in known],
            "pairs": sorted([number[first], number[second]] for first, second in self.pairs),
        }  # fmt: skip


def read_history(document: Any) -> History:
    """The history in a document. Errors: `FormatError`."""
    try:
        if document["version"] != VERSION:
            raise FormatError(f"this history is of version {document['version']}; version {VERSION} is read")
        rows = [(str(action), None if target is None else str(target), int(hits), int(failures))
                for action, target, hits, failures in document["transitions"]]  # fmt: skip
        known = [(action, target) for action, target, _, _ in rows]
        pairs = frozenset((known[first], known[second]) for first, second in document["pairs"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise FormatError("this is no history of a walk: it has version, transitions and pairs") from error
    return History(
        hits={(action, target): hits for action, target, hits, _ in rows if hits > 0},
        failures={(action, target): failures for action, target, _, failures in rows if failures > 0},
        pairs=pairs,
    )


def add(history: History, steps: Iterable[tuple[Transition, bool, bool]]) -> History:
    """The history with one run more: each action's transition, whether an iteration began before it, whether it failed."""
    hits, failures, pairs = dict(history.hits), dict(history.failures), set(history.pairs)
    before: Transition | None = None
    for transition, anew, failed in steps:
        hits[transition] = hits.pop(transition, 0) + 1
        if failed:
            failures[transition] = failures.pop(transition, 0) + 1
        if before is not None and not anew and len(pairs) < MOST:
            pairs.add((before, transition))
        before = transition
    return History(hits=_last(hits), failures=_last(failures), pairs=frozenset(pairs))


def _last(counts: dict[Transition, int]) -> dict[Transition, int]:
    return dict(list(counts.items())[-MOST:])


def _order(transition: Transition) -> tuple[str, str]:
    return transition[0], transition[1] or ""

"""What would be new if a walk went through it, by kinds, and the nearest way to something new of one kind.

`explore.py` asks. A walk is told here as labels of the graph of configurations, one after the other, with the values that can be
seen. The search is breadth first over configurations together with the last transitions, since what is new depends on these; it
looks at `LOOKED_AT` places at most, and takes the first arc in the order of the graph.
"""

from collections.abc import Iterable, Mapping
from itertools import combinations, pairwise

from melanzana.generation.configurations import Configurations
from melanzana.generation.history import History
from melanzana.generation.network import Network
from melanzana.graph.model import ActionKind, Model, Parameter, ParameterType, Value

TRANSITIONS, PATHS, VALUES, CASES, FAILURES = "transitions", "paths", "values", "test cases", "failures"
#: Places looked at for one way; values of a variable up to which it is watched.
LOOKED_AT, MOST_VALUES = 4_000, 64

Variable = tuple[int, str]  # store and name
#: Configuration, the last labels before it, the place it was come from, the arc by which, and how far it is.
_Place = tuple[int, tuple[int, ...], int, int, int]
_Value = tuple[int, str, Value]  # place of the variable among those watched, kind of the value, value


def watched_variables(model: Model) -> tuple[Variable, ...]:
    """The global variables with few values, which can be told apart."""
    return tuple((0, parameter.name) for parameter in model.parameters if _is_small(parameter))


def _is_small(parameter: Parameter) -> bool:
    if parameter.type in (ParameterType.BOOLEAN, ParameterType.SET):
        return True
    return parameter.type is ParameterType.INTEGER and bool(parameter.ranges) and _width(parameter) <= MOST_VALUES


def _width(parameter: Parameter) -> float:
    return sum(
        len(part.values) or (float("inf") if part.low is None or part.high is None else part.high - part.low + 1)
        for part in parameter.ranges
    )


class Novelty:
    """What was seen, and what would be new."""

    def __init__(self, space: Configurations, watched: tuple[int, ...], depths: tuple[int, int], history: History) -> None:
        """`watched`: places in the data of a configuration; `depths`: transitions in a row, and variables together."""
        self._space, self._watched = space, watched
        self._path_depth, self._variable_depth = depths
        self._pairs = space.labels_of.pairs
        self._history = history
        ids = [(action.id, space.network.labels(target)[0]) for action, target in self._pairs]
        self._number = {pair: label for label, pair in enumerate(ids)}
        self._after: tuple[int, ...] = ()  #: the last labels of this iteration
        self._seen: dict[str, set[object]] = {}
        self._wanted_pairs = self._of_cases(space.network)
        self.kinds = [kind for kind, there in (
            (FAILURES, bool(history.failures)), (TRANSITIONS, True), (PATHS, self._path_depth > 1),
            (VALUES, self._variable_depth > 0 and bool(watched)), (CASES, bool(self._wanted_pairs)),
        ) if there]  # fmt: skip
        self.worth = self._worths()
        self.forget()
        self._remember(history)

    def forget(self) -> None:
        """Everything is new again, failures first."""
        self._seen = {kind: set() for kind in self.kinds}

    def restart(self) -> None:
        """An iteration begins."""
        self._after = ()

    def failed(self, action_id: str, target_id: str | None) -> None:
        """A transition failed in this walk: what lies around it is worth another look."""
        label = self._number.get((action_id, target_id))
        if label is not None and PATHS in self._seen:
            self._seen[PATHS] = {path for path in self._seen[PATHS] if isinstance(path, tuple) and label not in path}

    def take(self, label: int, values: tuple[Value, ...]) -> float:
        """A transition was chosen on these values of the watched variables. Returns what that was worth."""
        worth = 0.0
        for kind in self.kinds:
            seen = self._seen[kind]
            for item in self._items(kind, self._after, label, values):
                worth += 0.0 if item in seen else self.worth[kind]
                seen.add(item)
        self._after = (*self._after, label)[-max(self._path_depth - 1, 1) :]
        return worth

    def way(self, root: int, kind: str, *, anew: bool = False) -> list[int] | None:
        """The arcs to the nearest new thing of a kind, from a configuration; `anew`: in a new iteration.

        Of several equally near the one that is worth most with everything else that is new there, then the one found first.
        """
        space, length = self._space, max(self._path_depth - 1, 1)
        after = () if anew else self._after
        queue: list[_Place] = [(root, after, -1, -1, 0)]
        visited = {(root, after[len(after) - self._memory(kind) :])}
        best: tuple[float, int, int] | None = None
        for place, (node, after, _, _, depth) in enumerate(queue):  # it grows while it is read
            if place >= LOOKED_AT or (best is not None and depth > queue[best[1]][4]):
                break
            for arc in space.out(node):
                label = space.labels[arc]
                if self._is_new(kind, after, label, node):
                    worth = self._worth(after, label, node)
                    if best is None or worth > best[0]:
                        best = (worth, place, arc)
                then = (*after, label)[-length:]
                key = (space.heads[arc], then[len(then) - self._memory(kind) :])
                if best is None and key not in visited:
                    visited.add(key)
                    queue.append((space.heads[arc], then, place, arc, depth + 1))
        return None if best is None else _traced(queue, best[1], best[2])

    # ---- what is new

    def _memory(self, kind: str) -> int:
        """So many transitions before one decide whether it is new."""
        return self._path_depth - 1 if kind == PATHS else int(kind == CASES)

    def _is_new(self, kind: str, after: tuple[int, ...], label: int, node: int) -> bool:
        values = self._values(node) if kind == VALUES else ()
        seen = self._seen[kind]
        return any(item not in seen for item in self._items(kind, after, label, values))

    def _worth(self, after: tuple[int, ...], label: int, node: int) -> float:
        values = self._values(node) if VALUES in self._seen else ()
        return sum(
            self.worth[kind]
            for kind in self.kinds
            for item in self._items(kind, after, label, values)
            if item not in self._seen[kind]
        )

    def _values(self, node: int) -> tuple[Value, ...]:
        data = self._space.data(node)
        return tuple([data[place] for place in self._watched])

    def _items(self, kind: str, after: tuple[int, ...], label: int, values: tuple[Value, ...]) -> Iterable[object]:
        if kind == TRANSITIONS:
            return (label,) if self._counts(label) else ()
        if kind == PATHS:
            path = (*after[-(self._path_depth - 1) :], label)
            return (path,) if len(path) == self._path_depth else ()
        if kind == CASES:
            pair = (after[-1], label) if after else None
            return (pair,) if pair in self._wanted_pairs else ()
        if kind == FAILURES:
            return (label,) if self._failed_before(label) else ()
        told: list[_Value] = [(number, type(value).__name__, value) for number, value in enumerate(values)]
        return [(label, *some) for some in combinations(told, min(self._variable_depth, len(told)))]

    def _worths(self) -> dict[str, float]:
        """What a new thing of each kind is worth, a transition being 1: each kind as a whole is worth the same."""
        space = self._space
        labels = set(space.labels)
        pairs: set[tuple[int, int]] = set()
        values: set[object] = set()
        for arc, (label, head) in enumerate(zip(space.labels, space.heads, strict=True)):
            pairs.update((label, space.labels[onward]) for onward in space.out(head))
            if self._watched and self._variable_depth:
                values.update(self._items(VALUES, (), label, self._values(space.tails[arc])))
        share = len(labels) / max(len(pairs), 1)
        return {
            TRANSITIONS: 1.0,
            PATHS: share ** (self._path_depth - 1),
            VALUES: len(labels) / max(len(values), 1),
            CASES: 1.0,
            FAILURES: 1.0,
        }

    def _counts(self, label: int) -> bool:
        action = self._pairs[label][0]
        return action.weight > 0 or action.kind is ActionKind.SEQUENT

    def _failed_before(self, label: int) -> bool:
        action, target = self._pairs[label]
        return (action.id, self._space.network.labels(target)[0]) in self._history.failures

    def _remember(self, history: History) -> None:
        known = self._number
        self._seen[TRANSITIONS] |= {known[each] for each in history.hits if each in known}
        if self._path_depth == 2:
            self._seen[PATHS] |= {(known[a], known[b]) for a, b in history.pairs if a in known and b in known}

    def _of_cases(self, network: Network) -> frozenset[tuple[int, int] | None]:
        """Pairs of transitions that stand one after the other in a test case."""
        labels: Mapping[str, list[int]] = self._labels_by_action()
        steps = [[step.action for step in case.steps] for case in network.model.test_cases]
        return frozenset(
            (first, second)
            for actions in steps
            for one, other in pairwise(actions)
            for first in labels.get(one, ())
            for second in labels.get(other, ())
        )

    def _labels_by_action(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for label, (action, _) in enumerate(self._pairs):
            found.setdefault(action.id, []).append(label)
        return found


def _traced(queue: list[_Place], place: int, last: int) -> list[int]:
    arcs = [last]
    while queue[place][3] >= 0:
        arcs.append(queue[place][3])
        place = queue[place][2]
    return arcs[::-1]

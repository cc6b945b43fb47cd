"""A walk as a value: the steps somebody took or wants taken, with the values that were drawn for them.

`protocol/recording.py` makes one of a run's events, `from_json` one of a file; `following.py` walks it again, `shrinking/` makes it
shorter. A file is a list of names (`["Home", "search", …]`), what GraphWalker prints of an offline path, the document of
`melanzana generate --json`, or what `to_json` gives.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from melanzana.errors import GenerationError
from melanzana.generation.network import chained
from melanzana.generation.position import Position
from melanzana.generation.step import Step, StepKind
from melanzana.graph.model import Scalar, Value

#: Longer recordings are refused: nobody follows or shrinks them.
MAX_STEPS = 1_000_000
#: How an element is called in the documents that are understood.
_NAMES = ("element_id", "id", "name", "currentElementName")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedStep:
    """One step: a state that was entered, an action that was performed, or (without a kind) a name that may mean either."""

    element: str  #: an element's id; without a kind also its name, or `State/action`
    kind: StepKind | None = None
    name: str = ""
    target: str | None = None  #: of an action: id of what it led to
    any_target: bool = False  #: where the action leads is not said
    iteration: int | None = None  #: from 1; None when it is not said
    values: Mapping[str, Scalar] = field(default_factory=dict)  #: drawn or set as the step began, by variable name
    outputs: Mapping[str, Value] = field(default_factory=dict)  #: what the snippets answered

    def to_json(self) -> dict[str, Any]:
        """Without what is not said."""
        document: dict[str, Any] = {"element_id": self.element}
        document |= {"kind": str(self.kind)} if self.kind else {}
        document |= {"name": self.name} if self.name else {}
        document |= {"target": self.target} if not self.any_target and self.kind is StepKind.ACTION else {}
        document |= {"iteration": self.iteration} if self.iteration is not None else {}
        document |= {"values": dict(self.values)} if self.values else {}
        return document | ({"outputs": dict(self.outputs)} if self.outputs else {})


@dataclass(frozen=True, slots=True)
class Recorded:
    """The steps in order."""

    steps: tuple[RecordedStep, ...]

    def without_values(self) -> "Recorded":
        """The same steps; what is drawn for them is left to the seed."""
        return Recorded(tuple(_plain(step) for step in self.steps))

    def to_json(self) -> dict[str, Any]:
        """`{"steps": […]}`"""
        return {"steps": [step.to_json() for step in self.steps]}

    @classmethod
    def of_names(cls, names: Sequence[str]) -> "Recorded":
        """Names of states and actions, or their ids."""
        return cls(tuple(RecordedStep(element=name, any_target=True) for name in names))

    @classmethod
    def from_json(cls, document: Any) -> "Recorded":
        """The walk that a document means. Errors: `GenerationError` naming the first step that means nothing."""
        entries = document.get("steps") if isinstance(document, Mapping) else document
        if not isinstance(entries, Sequence) or isinstance(entries, str):
            raise GenerationError('a recorded walk is a list of names, or a document with a list "steps"', field="steps")
        if len(entries) > MAX_STEPS:
            raise GenerationError(f"the recorded walk has {len(entries):,} steps, and {MAX_STEPS:,} are allowed", field="steps")
        return cls(tuple(_step(entry, number) for number, entry in enumerate(entries, 1)))


class Watch:
    """Notices what is drawn or set as the steps of one walk begin.

    `begun` is to be asked when a step was handed out, `ended` told when it was recorded.
    """

    def __init__(self, position: Position) -> None:
        self._position = position
        self._iteration = 0
        self._before: list[dict[str, Value]] = []

    def begun(self, step: Step) -> dict[str, Scalar]:
        """By name as the step's element sees it: what was drawn for it, and what was set besides."""
        position = self._position
        number = position.network.numbers[step.element_id]
        element = position.network.states[number] if number >= 0 else position.network.actions[chained(number)]
        first, self._iteration = step.iteration != self._iteration, step.iteration
        outer = position.network.scopes.model_scope if number >= 0 else position.here().scope
        own = element.scope.stores[-1] if element.scope is not outer else -1
        found = {}
        for name, (store, domain) in element.scope.homes.items():
            value = position.values.stores[store][name]
            drawn = domain.generated and (store == own or (first and store == 0))
            if drawn or (not first and self._before[store][name] != value):
                found[name] = value
        return {name: value for name, value in found.items() if isinstance(value, Scalar)}

    def ended(self) -> None:
        """The step was recorded: what has changed until now is no draw."""
        self._before = [dict(store) for store in self._position.values.stores]


def _plain(step: RecordedStep) -> RecordedStep:
    return RecordedStep(
        element=step.element,
        kind=step.kind,
        name=step.name,
        target=step.target,
        any_target=step.any_target,
        iteration=step.iteration,
    )


def _step(entry: Any, number: int) -> RecordedStep:
    if isinstance(entry, str) and entry:
        return RecordedStep(element=entry, any_target=True)
    element = next((entry[key] for key in _NAMES if key in entry), None) if isinstance(entry, Mapping) else None
    if not isinstance(element, str) or not element:
        raise _wrong(number, "has no name")
    kind = entry.get("kind")
    if kind is not None and kind not in set(StepKind):
        raise _wrong(number, f"is of the kind {kind!r}, not state or action")
    target, iteration = entry.get("target"), entry.get("iteration")
    if not isinstance(target, str | None) or not isinstance(iteration, int | None) or isinstance(iteration, bool):
        raise _wrong(number, "has a target that is no text, or an iteration that is no whole number")
    return RecordedStep(
        element=element,
        kind=None if kind is None else StepKind(kind),
        name=str(entry.get("name", "")),
        target=target,
        any_target="target" not in entry and kind != StepKind.STATE,
        iteration=iteration,
        values=_map(entry, "values", number),
        outputs=_map(entry, "outputs", number),
    )


def _map(entry: Mapping[str, Any], key: str, number: int) -> Mapping[str, Any]:
    found = entry.get(key, {})
    if not isinstance(found, Mapping):
        raise _wrong(number, f"has {key} that are no object")
    return found


def _wrong(number: int, why: str) -> GenerationError:
    return GenerationError(f"step {number} of the recorded walk {why}", field=f"steps[{number - 1}]", step=number)

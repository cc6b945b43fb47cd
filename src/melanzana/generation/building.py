"""Building a test case step by step: where it stands after the steps there are, and which actions can come next.

The rules are those of the walk, as `search.py` applies them: guards, limits, assignments, draws; what hangs on the answer of a
snippet may come. Where a target is open, the test case may stand in several places; an action is offered when it can come next in
one of them. `reports/case_pages.py` asks.
"""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

from melanzana.errors import ImpossibleStepError
from melanzana.generation.network import CompiledAction, Network
from melanzana.generation.position import Position
from melanzana.generation.prng import Prng
from melanzana.generation.routes import Router, fixed_values, plan_directed
from melanzana.generation.search import Landscape, PlannedStep, may, outcomes, over_the_end, with_parameters
from melanzana.graph.model import Model, TestCase, TestCaseStep

#: Places that are followed at once, and seeds that values are drawn with where actions depend on them.
_MOST_PLACES, _SEEDS = 200, 5


@dataclass(frozen=True, slots=True)
class Offer:
    """An action that can come next."""

    action: str  #: id
    name: str
    states: tuple[str, ...]  #: names of the states in which it can be performed now
    targets: tuple[str, ...]  #: names of where it can lead; empty: it stays


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a test case stands after its steps."""

    states: tuple[tuple[str, ...], ...]  #: names of the possible states before each step, and after the last one
    offers: tuple[Offer, ...]
    impossible: int | None = None  #: number of the first step that cannot follow directly, from 1; `offers` are those instead of it
    depends_on_draws: bool = False  #: does it depend on drawn values what can come?


class CaseBuilder:
    """Test cases of one model. Compiled once, asked often. Errors: `ExpressionError`, `InvalidModelError` for the model."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._network = Network(model, False)
        self._landscape = Landscape(self._network)

    def stand(self, case: TestCase) -> Standing:
        """Errors: `ImpossibleStepError` for a step that means nothing; `RequestError` for a wrong parameter."""
        steps = Router(self._network, case).steps
        fixed = fixed_values(self._network, (case,), {})
        depends = self._landscape.hangs_on_draws(fixed)
        places = [self._begin(seed, case) for seed in range(_SEEDS if depends else 1)]
        told = [_names(places)]
        for number, step in enumerate(steps, 1):
            ahead = list(self._ahead(places, step))
            if not ahead:
                return Standing(states=tuple(told), offers=self._offers(places), impossible=number, depends_on_draws=depends)
            places = ahead
            told.append(_names(places))
        return Standing(states=tuple(told), offers=self._offers(places), depends_on_draws=depends)

    def bridged(self, case: TestCase, action: str) -> tuple[str, ...]:
        """The actions that follow the steps until `action` was performed: the shortest way there, and itself.

        Errors: `ImpossibleStepError` when no path leads there.
        """
        longer = TestCase(id=case.id, name=case.name, steps=(*case.steps, TestCaseStep(action=action)), parameters=case.parameters)
        moves = plan_directed(self._model, longer)
        last = max((index for index, move in enumerate(moves) if move.step == len(case.steps)), default=-1)
        return tuple(move.action_id for move in moves[last + 1 :])

    def _begin(self, seed: int, case: TestCase) -> Position:
        position = Position(self._network, Prng(seed).fork("data"), fixed_values(self._network, (case,), {}))
        position.restart()
        position.enter(self._network.start.index)
        return position

    def _ahead(self, places: Iterable[Position], step: PlannedStep) -> Iterator[Position]:
        seen: set[Hashable] = set()
        for place in places:
            at = with_parameters(place, step)
            if step.action in place.candidates() and self._can(at, step.action):
                for _, ahead in outcomes(at, step.action):
                    over_the_end(ahead)
                    key = self._landscape.key(ahead)
                    if key not in seen and len(seen) < _MOST_PLACES:
                        seen.add(key)
                        yield ahead

    def _can(self, place: Position, action: CompiledAction) -> bool:
        return may(place, action) or (self._landscape.hangs_on_snippets(action) and not place.is_barred(action))

    def _offers(self, places: Iterable[Position]) -> tuple[Offer, ...]:
        states: dict[str, dict[str, None]] = {}
        targets: dict[str, dict[str, None]] = {}
        for place in places:
            for action in place.candidates():
                if self._can(place, action):
                    states.setdefault(action.id, {})[place.here().name] = None
                    named = (self._network.labels(target)[1] for target in place.targets(action) if target is not None)
                    targets.setdefault(action.id, {}).update(dict.fromkeys(name for name in named if name is not None))
        names = {action.id: action.name for _, action in self._model.actions()}
        return tuple(Offer(own, names[own], tuple(states[own]), tuple(targets[own])) for own in names if own in states)


def first_impossible(model: Model, case: TestCase) -> str:
    """Why no run can perform the test case, gaps closed; empty when one can."""
    try:
        plan_directed(model, case)
    except ImpossibleStepError as error:
        return error.message
    return ""


def _names(places: Iterable[Position]) -> tuple[str, ...]:
    return tuple(sorted({place.here().name for place in places}))

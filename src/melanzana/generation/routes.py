"""How a test case becomes moves: its actions in order, the gaps between them closed by the shortest path that may be walked.

`plan_directed` says before a run whether the test case can be walked at all and names the first step that cannot;
`DirectedGenerator` walks it and plans again when the system under test answered otherwise than foreseen.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from melanzana.errors import EvaluationError, ImpossibleStepError
from melanzana.generation.generators import Move
from melanzana.generation.network import CompiledAction, Network, chained
from melanzana.generation.position import Position
from melanzana.generation.prng import Prng
from melanzana.generation.search import SEARCH_LIMIT, Landscape, Leg, Node, PlannedStep, Search, may, with_parameters
from melanzana.graph.model import Model, Scalar, TestCase, Value


@dataclass(frozen=True, slots=True)
class PlannedMove:
    """One action of a planned path."""

    action_id: str
    target_id: str | None
    step: int | None  #: number of the step of the test case, from 1; None for a move that closes a gap


def plan_directed(
    model: Model, test_case: TestCase, *, seed: int = 0, parameters: Mapping[str, Value] | None = None, dry: bool = False
) -> tuple[PlannedMove, ...]:
    """The moves of a test case, as far as they can be known before it runs; generated values are drawn as a walk of `seed`
    draws them.

    Errors: `ImpossibleStepError` with the number of the first step that cannot follow; `RequestError` for a wrong parameter.
    """
    network = Network(model, dry)
    position = Position(network, Prng(seed).fork("data"), fixed_values(network, (test_case,), parameters or {}))
    position.restart()
    position.enter(network.start.index)
    router = Router(network, test_case)
    return router.planned(router.route(position, 0, known=False))


def fixed_values(
    network: Network, test_cases: Iterable[TestCase], parameters: Mapping[str, Value]
) -> dict[tuple[int, str], Scalar]:
    """What test cases and the caller fix, by (store, name); the caller's word counts more. Errors: `RequestError`."""
    said = [network.scopes.overrides(case.parameters) for case in test_cases]
    return {variable: value for values in (*said, network.scopes.overrides(parameters)) for variable, value in values.items()}


class Router:
    """Finds the moves that perform the steps of one test case in order.

    Errors: `ImpossibleStepError` for a step that means nothing.
    """

    def __init__(self, network: Network, test_case: TestCase) -> None:
        self._network = network
        self._name = test_case.name
        self.steps = tuple(_planned_step(network, test_case, number) for number in range(1, len(test_case.steps) + 1))
        self._landscape = Landscape(network)

    def route(self, position: Position, done: int, *, known: bool) -> list[Leg]:
        """The moves from `position`, where `done` steps were performed, to the end of the test case.

        `known`: the data of `position` are facts, so the first move must not hang on what snippets answer.
        Errors: `ImpossibleStepError` about the first step that no route performs.
        """
        search = Search(self._landscape, self.steps, Node(position, done))
        found = search.run(known=known)
        if found is None:
            raise self.impossible(search)
        return found.legs()

    def planned(self, legs: list[Leg]) -> tuple[PlannedMove, ...]:
        """The legs of a whole test case with the numbers of its steps."""
        numbers = iter(range(1, len(self.steps) + 1))
        named = ((move, next(numbers) if is_step else None) for move, is_step in legs)
        return tuple(PlannedMove(move.action.id, self._network.labels(move.target)[0], number) for move, number in named)

    def impossible(self, search: Search) -> ImpossibleStepError:
        """The error that a search without result means."""
        at = search.deepest
        number, action, state = at.done + 1, self.steps[at.done].action, at.position.here().name
        offered = [candidate.name for candidate in at.position.candidates() if may(at.position, candidate)]
        possible = f"possible in state '{state}': {', '.join(offered) or 'nothing'}"
        message = f"step {number} ('{action.name}') of test case '{self._name}' cannot follow: {self._why(search)}; {possible}"
        return ImpossibleStepError(message, step=number, test_case=self._name, state=state, possible=offered)

    def _why(self, search: Search) -> str:
        at = search.deepest
        action, state = self.steps[at.done].action, at.position.here().name
        if action in at.position.candidates():
            return f"in state '{state}' {_obstacle(with_parameters(at.position, self.steps[at.done]), action)}"
        if search.gave_up:
            return f"no path to it was found within {SEARCH_LIMIT:,} configurations"
        place = "as a global action" if action.owner is None else f"in state '{action.owner.name}'"
        return f"it is offered {place}, and no path that may be walked leads there from state '{state}'"


class DirectedGenerator:
    """Chooses the moves of a test case. `finished` once every step was chosen."""

    def __init__(self, network: Network, test_case: TestCase, position: Position) -> None:
        """Plan from `position`, where the walk will stand first. Errors: `ImpossibleStepError`."""
        self._router = Router(network, test_case)
        self._plan = self._router.route(position, 0, known=False)[::-1]  # next move last
        self._done = 0

    @property
    def finished(self) -> bool:
        """Was every step of the test case chosen?"""
        return self._done == len(self._router.steps)

    @property
    def progress(self) -> float:
        """The part of the steps that were chosen, from 0 to 1."""
        return self._done / len(self._router.steps) if self._router.steps else 1.0

    def choose(self, position: Position) -> Move | None:
        """The next move; None when the test case is done. Errors: `ImpossibleStepError`."""
        if self.finished:
            return None
        if not self._plan or not _fits(self._plan[-1], position):
            self._plan = self._router.route(position, self._done, known=True)[::-1]
        move, named = self._plan.pop()
        self._done += named
        return move


def _fits(leg: Leg, position: Position) -> bool:
    move = leg.move
    at = with_parameters(position, PlannedStep(move.action, move.parameters))
    return move.action in position.candidates() and may(at, move.action) and move.target in at.targets(move.action)


def _obstacle(position: Position, action: CompiledAction) -> str:
    try:
        return position.obstacle(action)
    except EvaluationError as error:
        return error.message


def _planned_step(network: Network, test_case: TestCase, number: int) -> PlannedStep:
    step = test_case.steps[number - 1]
    index = network.numbers.get(step.action)
    if index is None or index >= 0:
        raise _meaningless(test_case, number, f"names '{step.action}', which is no action of the model")
    action = network.actions[chained(index)]
    parameters = []
    for name, value in step.parameters.items():
        try:
            store, domain = action.scope.home(name)
            parameters.append((store, name, domain.accept(value)))
        except EvaluationError as error:
            raise _meaningless(test_case, number, f"('{action.name}'): {error.message}") from None
    return PlannedStep(action, tuple(parameters))


def _meaningless(test_case: TestCase, number: int, why: str) -> ImpossibleStepError:
    return ImpossibleStepError(f"step {number} of test case '{test_case.name}' {why}", step=number, test_case=test_case.name)

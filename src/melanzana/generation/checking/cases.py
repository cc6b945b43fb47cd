"""The rule on test cases: can each be walked, gaps closed, guards and limits and data looked at?

The search is the one that a run makes, so what it says is what the run would say. Its limit shrinks with the number of steps and of
actions in a state, so that all test cases together cost a bounded number of moves.
"""

from collections.abc import Iterator

from melanzana.errors import MelanzanaError
from melanzana.generation.network import Network
from melanzana.generation.position import Position
from melanzana.generation.prng import Prng
from melanzana.generation.routes import Router, fixed_values
from melanzana.generation.search import SEARCH_LIMIT, Landscape, Node, Search
from melanzana.graph.findings import Finding
from melanzana.graph.model import TestCase
from melanzana.graph.rules.subject import Element, Subject

#: Moves tried for all test cases together, and the fewest configurations looked at for one step.
MOVES, FEWEST = 400_000, 50


def check_cases(subject: Subject, network: Network) -> Iterator[Finding]:
    """Every test case that has steps which exist."""
    steps = sum(len(case.steps) for case, _ in subject.cases)
    widest = max((len(state.offered) for state in network.states), default=0)
    limit = min(SEARCH_LIMIT, MOVES // max(steps * widest, 1))
    landscape = Landscape(network)
    for case, element in subject.cases:
        if not case.steps:
            continue
        if limit < FEWEST:
            yield element.info("search-incomplete", "was not looked at: there are too many steps and actions; split the model")
            return
        yield from _check(case, element, network, landscape, limit)


def _check(case: TestCase, element: Element, network: Network, landscape: Landscape, limit: int) -> Iterator[Finding]:
    try:
        fixed = fixed_values(network, (case,), {})
        position = Position(network, Prng(0), fixed)
        position.restart()
        position.enter(network.start.index)
        router = Router(network, case)
    except MelanzanaError:
        return  # other rules report what it names or sets
    search = Search(landscape, router.steps, Node(position, 0), limit)
    if search.run(known=False) is not None or landscape.hangs_on_draws(fixed):
        return
    error = router.impossible(search)
    if search.gave_up:
        message = f"step {error.detail['step']} was not come to within {limit:,} configurations: it may be possible all the same"
        yield element.info("search-incomplete", message, field=f"steps/{error.detail['step'] - 1}")
        return
    yield element.warning(
        "test-step-impossible", f"{error.message}; mend the step, or the model", field=f"steps/{error.detail['step'] - 1}"
    )

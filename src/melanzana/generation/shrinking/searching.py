"""One search for a smaller failing walk, from a recorded one: what the command line and the server begin alike.

`cli/shrink.py` and the server's room `shrinking` call it with an oracle of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from melanzana.generation.network import Network
from melanzana.generation.recorded import Recorded
from melanzana.generation.routes import fixed_values
from melanzana.generation.shrinking.choices import answers_of, choices_of, recorded_of, test_case_of
from melanzana.generation.shrinking.oracle import Oracle
from melanzana.generation.shrinking.shrinker import Effort, Shrunk, shrink
from melanzana.generation.shrinking.terrain import Terrain
from melanzana.generation.signature import Signature
from melanzana.graph.model import Model, Scalar, TestCase, derived_id


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search came to, on the network that its walk is told in."""

    network: Network
    shrunk: Shrunk

    @property
    def recorded(self) -> Recorded:
        """The smallest walk as steps."""
        return recorded_of(self.network, self.shrunk.walked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """A walk that failed, and how."""

    model: Model
    walked: Recorded
    signature: Signature
    parameters: Mapping[str, Scalar]


def search(failing: Failing, oracle: Oracle, effort: Effort) -> Searched:
    """The smallest walk that fails in the same way, as far as the effort goes."""
    network = Network(failing.model)
    terrain = Terrain(network, fixed_values(network, (), failing.parameters), answers_of(failing.walked))
    number = network.numbers.get(failing.signature.element, -1)
    walked = choices_of(network, failing.walked)
    shrunk = shrink(terrain, walked, oracle, failing_state=number if number >= 0 else None, effort=effort)
    return Searched(network, shrunk)


def case_of(model: Model, recorded: Recorded, signature: Signature, name: str | None = None) -> TestCase:
    """A walk as a test case, with a name that the model does not have yet; without `name` it is called after what fails."""
    known = {case.name for case in model.test_cases}
    wanted = name or _called(model, signature)
    title = next(text for text in (wanted, *(f"{wanted} {n}" for n in range(2, len(known) + 3))) if text not in known)
    case = TestCase(id=derived_id(model.name, "", "", title), name=title, steps=(), description=str(signature), origin="shrunk")
    network = Network(model)
    return test_case_of(network, choices_of(network, recorded), case)


def _called(model: Model, signature: Signature) -> str:
    names = {state.id: state.name for state in model.states} | {action.id: action.name for _, action in model.actions()}
    found = names.get(signature.element, "")
    return f"{found} fails" if found else "fails"

"""Refuses what can never be met: before a run, by arcs and then by guards and data; and in the middle of one.

`path_expression.py` asks by arcs when it reads a condition, `goals.py` and the start call of the server by guards and data before
the first step, `idle.py` when a walk finds nothing new for long. Nothing is ever refused on a guess (ADR 0022).
"""

from collections.abc import Mapping

from melanzana.errors import ImpossibleGoalError
from melanzana.generation.coverage import CoverageTracker
from melanzana.generation.network import Network
from melanzana.generation.position import Position
from melanzana.generation.progress import Progress
from melanzana.generation.prospect import CARRIED, UNKNOWN, Can, Prospect
from melanzana.generation.reach import explored, onward
from melanzana.generation.routes import fixed_values
from melanzana.generation.search import Variable
from melanzana.generation.stop_conditions import StopCondition
from melanzana.graph.model import Model, Scalar, Value

#: The progress of a walk that has not begun, on any model.
BEGINNING = Progress(CoverageTracker(Model(id="", name="", states=())))


def refuse(prospect: Prospect, position: int) -> None:
    """Errors: `ImpossibleGoalError` when the answer is NO."""
    if prospect.can is Can.NO:
        elements = [one.to_json() for one in prospect.blocking[:CARRIED]]
        raise ImpossibleGoalError(
            f"the stop condition can never be met: {prospect.reason} (at character {position + 1})",
            position=position,
            elements=elements,
            blocked=len(prospect.blocking),
        )


def require_possible(condition: StopCondition, network: Network, fixed: Mapping[Variable, Scalar], position: int = 0) -> bool:
    """Refuse a condition that no walk from the start meets, by guards and data. Errors: `ImpossibleGoalError`.

    `fixed`: what the caller fixes, by store and name. `position`: where the condition stands in its path expression. Returns
    whether a walk can come to where it can no longer be met, so that it pays to ask `still`.
    """
    if not condition.needs_reach:
        return False
    reach = explored(network, fixed)
    refuse(condition.feasibility(BEGINNING, reach), position)
    return reach.traps


def require_startable(
    condition: StopCondition, model: Model, parameters: Mapping[str, Value], *, dry: bool, position: int = 0
) -> None:
    """Refuse a condition that no walk of `model` with these overrides meets. `dry`: no snippet answers.

    Errors: `ImpossibleGoalError`; `RequestError` for a parameter.
    """
    network = Network(model, dry)
    require_possible(condition, network, fixed_values(network, (), parameters), position)


def still(condition: StopCondition, progress: Progress, position: Position) -> Prospect:
    """Can a walk that stands here still meet it?"""
    reach = onward(position)
    return UNKNOWN if reach is None else condition.feasibility(progress, reach)

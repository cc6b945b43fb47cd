"""A model without what cannot be known before it is walked: `feasible.py` explores it instead of the model itself.

Unknown is what snippets answer, what is drawn (unless few values can be drawn: those are tried one by one), and whatever these flow
into by assignments. The relaxed model has no snippets and assigns nothing to unknown variables; of its guards only that is left
which must hold whatever the unknown values are. So every path of the model is a path of the relaxed one, never the other way
round: what the relaxed model cannot do, the model cannot do.
"""

from collections.abc import Mapping, Set
from dataclasses import replace

from melanzana.generation.network import CompiledAction, Network
from melanzana.generation.search import Variable, affected, answered
from melanzana.graph.expressions import print_expression
from melanzana.graph.expressions.syntax import Binary, Conditional, Literal, Logic, Node, Unary, levels
from melanzana.graph.expressions.syntax import Variable as Name
from melanzana.graph.model import Action, Model, Scalar

#: Of a variable that is drawn when an iteration starts, and of all of them together: more are taken as unknown.
MOST_VALUES, MOST_STARTS = 64, 256

_OPPOSITE = {"&&": "||", "||": "&&"}
_SAFE_OPERATORS = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})


def relaxed(network: Network, unknown: Set[Variable], *, any_weight: bool) -> Model:
    """The model of `network` without what hangs on `unknown` variables.

    `any_weight`: actions of weight 0, which no walk chooses by itself, may be performed like all others.
    """
    actions = {action.id: _relaxed_action(action, raw, unknown) for action, raw in _pairs(network)}
    if any_weight:
        actions = {key: replace(action, weight=max(action.weight, 1)) for key, action in actions.items()}
    model = network.model
    states = tuple(
        replace(state, snippets=(), actions=tuple(actions[action.id] for action in state.actions)) for state in model.states
    )
    return replace(model, states=states, global_actions=tuple(actions[action.id] for action in model.global_actions), test_cases=())


def unknown_variables(network: Network, known: Set[Variable]) -> frozenset[Variable]:
    """What cannot be told before a walk: answers, drawn values except those that are `known`, and what they flow into."""
    layout = network.scopes.layout
    drawn = {(store, name) for store, domains in enumerate(layout) for name, domain in domains.items() if domain.generated}
    return frozenset(affected(network, set(answered(network)) | (drawn - known)))


def starts(network: Network, fixed: Mapping[Variable, Scalar]) -> list[dict[Variable, Scalar]]:
    """Every way to draw the global values when an iteration starts, as far as these are few. Variables left out are unknown."""
    outside = set(answered(network))
    found: list[dict[Variable, Scalar]] = [{}]
    for name, domain in network.scopes.layout[0].items():
        variable = (0, name)
        if not domain.generated or variable in fixed or variable in outside:
            continue
        values = domain.drawable(MOST_VALUES)
        if values is not None and len(found) * len(values) <= MOST_STARTS:
            found = [{**start, variable: value} for start in found for value in values]
    return found


def _pairs(network: Network) -> list[tuple[CompiledAction, Action]]:
    return list(zip(network.actions, (action for _, action in network.model.actions()), strict=True))


def _relaxed_action(action: CompiledAction, raw: Action, unknown: Set[Variable]) -> Action:
    homes = action.scope.homes
    hidden = frozenset(name for name, (store, _) in homes.items() if (store, name) in unknown)
    guard = raw.guard
    if action.guard is not None and not hidden.isdisjoint(action.guard.names):
        needed = possibly(action.guard.tree, hidden)
        guard = None if needed is None else print_expression(needed)
    kept = tuple(one for one in raw.assignments if one.variable not in hidden)
    return replace(raw, guard=guard, assignments=kept, snippets=())


def possibly(tree: Node, hidden: Set[str], truth: bool = True) -> Node | None:
    """What must hold of the other variables for `tree` to be true (or false), whatever the `hidden` ones are; None: nothing."""
    if _names(tree).isdisjoint(hidden):
        return tree if truth else Unary("!", tree)
    match tree:
        case Unary("!", operand):
            return possibly(operand, hidden, not truth)
        case Logic(operator, operands):
            needs_all = (operator == "&&") == truth
            parts = [possibly(operand, hidden, truth) for operand in operands]
            return _all(parts) if needs_all else _any(parts, operands, hidden)
        case Conditional(condition, accepted, rejected) if _names(condition).isdisjoint(hidden):
            branches = [possibly(branch, hidden, truth) for branch in (accepted, rejected)]
            yes, no = (Literal(True) if branch is None else branch for branch in branches)
            return Conditional(condition, yes, no)
    return None


def _all(parts: list[Node | None]) -> Node | None:
    kept = tuple(part for part in parts if part is not None)
    return Logic("&&", kept) if len(kept) > 1 else next(iter(kept), None)


def _any(parts: list[Node | None], originals: tuple[Node, ...], hidden: Set[str]) -> Node | None:
    """One of the parts. One that might fail, with what kept it from failing left out, must not spoil those after it."""
    kept = tuple(part for part in parts if part is not None)
    risky = any(_can_fail(one) for one in originals if not _names(one).isdisjoint(hidden))
    return None if risky or len(kept) < len(parts) else Logic("||", kept)


def _names(tree: Node) -> frozenset[str]:
    return frozenset(node.name for level in levels(tree) for node in level if isinstance(node, Name))


def _can_fail(tree: Node) -> bool:
    """Can its value be missing: a division, a number that is too large, an element that is not there?"""
    return not all(_is_safe(node) for level in levels(tree) for node in level)


def _is_safe(node: Node) -> bool:
    match node:
        case Binary(operator):
            return operator in _SAFE_OPERATORS
        case Unary(operator):
            return operator == "!"
        case _:
            return isinstance(node, Literal | Name | Logic | Conditional)

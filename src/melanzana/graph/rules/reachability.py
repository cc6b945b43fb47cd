"""Rules on where walks can get to: what no path reaches, where paths end unmeant, and whether there is a way out.

Two searches over one graph of states and actions, forward from the start and backward from Exit; both touch every transition
once. The model's global actions are one node that all states offering them share.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from melanzana.graph.findings import Finding
from melanzana.graph.model import Action, ActionKind, State, StateKind
from melanzana.graph.rules.subject import Element, Subject, short

_ANYWHERE = "\x00anywhere"  # no id: ids hold no control characters
_ENTERED_BY_ITSELF = (StateKind.START, StateKind.ERROR, StateKind.CLEANUP)
_NAMED = 5


def check_reachability(subject: Subject) -> Iterator[Finding]:
    """States and actions that no path reaches, dead ends, and cycles without a way out."""
    edges = _edges(subject)
    roots = [state.id for state, _ in subject.states if state.kind in _ENTERED_BY_ITSELF]
    if not any(state.kind is StateKind.START for state, _ in subject.states):
        return
    reached = _search(roots, edges)
    yield from _check_unreached(subject, reached)
    dead_ends = [(state, element) for state, element in subject.states if state.id in reached and _is_dead_end(subject, state)]
    for _, element in dead_ends:
        yield element.warning("dead-end", "is a dead end: add an action, or lead to `exit` instead")
    yield from _check_way_out(subject, edges, reached, {state.id for state, _ in dead_ends})


def _edges(subject: Subject) -> dict[str, list[str]]:
    """State → offered actions → targets."""
    edges: defaultdict[str, list[str]] = defaultdict(list)
    for owner, action, _ in subject.actions:
        holder = owner.id if owner else _ANYWHERE
        if action.kind is not ActionKind.SEQUENT:
            edges[holder].append(action.id)
        edges[action.id].extend(action.targets or _stays(subject, owner, action))
    if subject.model.global_actions:
        for state, _ in subject.states:
            if subject.routes.offers_global_actions(state):
                edges[state.id].append(_ANYWHERE)
                edges[state.id].extend(_global_returns(subject, state))
    return edges


def _stays(subject: Subject, owner: State | None, action: Action) -> Iterable[str]:
    if owner is None:
        return ()
    return subject.routes.predecessors.get(owner.id, ()) if action.kind is ActionKind.PREVIOUS else (owner.id,)


def _global_returns(subject: Subject, state: State) -> Iterable[str]:
    returns = any(action.kind is ActionKind.PREVIOUS and not action.targets for action in subject.model.global_actions)
    return subject.routes.predecessors.get(state.id, ()) if returns else ()


def _search(roots: Iterable[str], edges: dict[str, list[str]]) -> set[str]:
    found = set(roots)
    waiting = list(found)
    while waiting:
        for following in edges.get(waiting.pop(), ()):
            if following not in found:
                found.add(following)
                waiting.append(following)
    return found


def _check_unreached(subject: Subject, reached: set[str]) -> Iterator[Finding]:
    for state, element in subject.states:
        if state.id not in reached and state.kind is StateKind.NORMAL:
            yield element.warning("state-unreachable", "is never reached: no path from the start leads here")
    targeted = {target for _, action, _ in subject.actions for target in action.targets}
    for owner, action, element in subject.actions:
        offered = owner is None or owner.id in reached
        if owner is not None and owner.kind is StateKind.EXIT:
            yield element.warning("action-after-exit", "is never offered: a walk ends, or starts over, when it reaches Exit")
        elif offered and action.id not in reached and (action.kind is not ActionKind.SEQUENT or action.id in targeted):
            yield element.warning("action-unreachable", "is never performed: no path from the start leads to it")


def _is_dead_end(subject: Subject, state: State) -> bool:
    if state.kind not in (StateKind.NORMAL, StateKind.START):
        return False
    offers_global = subject.routes.offers_global_actions(state)
    actions = (*state.actions, *(subject.model.global_actions if offers_global else ()))
    return all(action.kind is ActionKind.SEQUENT for action in actions)


def _check_way_out(subject: Subject, edges: dict[str, list[str]], reached: set[str], dead_ends: set[str]) -> Iterator[Finding]:
    """Only for models that use Exit: in the others every walk goes on until its stop condition holds."""
    exits = [state.id for state, _ in subject.states if state.kind is StateKind.EXIT and state.id in reached]
    if not exits:
        return
    backward: defaultdict[str, list[str]] = defaultdict(list)
    for origin, targets in edges.items():
        for target in targets:
            backward[target].append(origin)
    ending = _search(exits, backward)
    trapped = [
        element
        for state, element in subject.states
        if state.id in reached - ending and state.id not in dead_ends and state.kind in (StateKind.NORMAL, StateKind.START)
    ]
    if trapped:
        yield trapped[0].warning("no-way-out", f"no path leads from here to Exit{_others(trapped)}: add an action that leads out")


def _others(trapped: list[Element]) -> str:
    others = [short(element.label) for element in trapped[1 : 1 + _NAMED]]
    if not others:
        return ""
    more = len(trapped) - 1 - len(others)
    return f", nor from {', '.join(others)}" + (f" and {more} more" if more else "")

"""A test case as one line of text, the way programs of the original product write it: `Action "search", State "Results"`.

`Action "…"` names an action as a test step of the text format does; `State "…"` stands for the one action that leads there, and for
nothing where the walk is in that state already. `catalog/case_api.py` reads and writes it.
"""

import re
from collections.abc import Iterable, Sequence

from melanzana.errors import RequestError
from melanzana.graph.formats.addresses import Addresses
from melanzana.graph.formats.node import closest
from melanzana.graph.model import Model
from melanzana.graph.routes import Routes, Spot

_TERM = re.compile(r'\s*(State|Action)\s+"((?:[^"\\]|\\.)*+)"\s*(?:,|$)')
_ESCAPE = re.compile(r"\\(.)")
_FIELD = "testcase"


def read_case(text: str, model: Model) -> tuple[str, ...]:
    """The ids of its actions. Errors: RequestError naming the term that is wrong."""
    addresses, routes = Addresses(model.states, model.global_actions), Routes(model)
    spots, found = routes.start(), list[str]()
    for number, (word, name) in enumerate(_terms(text), 1):
        if word == "State":
            at = frozenset(spot for spot in spots if spot.pending is None and routes.states[spot.state].name == name)
            if at:
                spots = at
                continue
            action = _leading(routes, spots, name, number)
        else:
            action = _named(routes, addresses, spots, (number, name))
        spots = routes.after(spots, action) or _arrived(routes, action)
        if word == "State":
            spots = frozenset(spot for spot in spots if routes.states[spot.state].name == name)
        found.append(action)
    return tuple(found)


def write_case(actions: Iterable[str], addresses: Addresses) -> str:
    """The text; every action by the shortest name that means it alone."""
    return ", ".join(f'Action "{_escaped(addresses.of_action(action))}"' for action in actions)


def _terms(text: str) -> list[tuple[str, str]]:
    found, at = list[tuple[str, str]](), 0
    while at < len(text):
        term = _TERM.match(text, at)
        if term is None:
            raise RequestError(f'term {len(found) + 1} cannot be read: write Action "name" or State "name"', field=_FIELD)
        found.append((term.group(1), _ESCAPE.sub(r"\1", term.group(2))))
        at = term.end()
    return found


def _named(routes: Routes, addresses: Addresses, spots: Iterable[Spot], term: tuple[int, str]) -> str:
    number, name = term
    found = addresses.actions(name)
    if not found:
        suggestion = closest(name, addresses.known_actions())
        raise RequestError(f"term {number}: no action is called {name[:80]!r}", field=_FIELD, suggestion=suggestion)
    possible = [action for action in found if routes.can_follow(spots, action)] if len(found) > 1 else found
    if len(possible) != 1:
        raise _unclear(number, [addresses.qualified(action) for action in possible or found])
    return possible[0]


def _leading(routes: Routes, spots: Sequence[Spot] | frozenset[Spot], name: str, number: int) -> str:
    if all(state.name != name for state in routes.states.values()):
        known = [state.name for state in routes.states.values()]
        raise RequestError(f"term {number}: no state is called {name[:80]!r}", field=_FIELD, suggestion=closest(name, known))
    found = [
        action
        for action in routes.actions
        if any(routes.states[spot.state].name == name and spot.pending is None for spot in routes.after(spots, action))
    ]
    if not found:
        here = ", ".join(sorted({routes.states[spot.state].name for spot in spots})) or "nowhere"
        raise RequestError(f"term {number}: no action leads from {here[:80]} to {name[:80]!r}", field=_FIELD)
    if len(found) > 1:
        raise _unclear(number, [routes.actions[action][1].name for action in found])
    return found[0]


def _arrived(routes: Routes, action: str) -> frozenset[Spot]:
    """After a step that does not follow directly: as if the walk had been in its state."""
    owner, found = routes.actions[action]
    return frozenset() if owner is None else routes.after([Spot(owner.id, action if found.kind == "sequent" else None)], action)


def _unclear(number: int, names: Sequence[str]) -> RequestError:
    return RequestError(f"term {number} is not clear: it may be {', '.join(names[:5])}; write which Action", field=_FIELD)


def _escaped(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')

"""The models that paths are measured on: seeded, so that every machine measures the same ones.

Names say the size. `rnd_N` has N actions and N/4 states and is strongly connected; `grid_K` is a field of K × K states with an
action to each neighbour, so that it can be toured without repeating any; `gridg_K` is the same with fuel that every action needs
and that each state sells once it is used up; `menu_K` is a shop with a login and a basket over K categories: 27 actions each and
two.
"""

from collections.abc import Callable, Iterable

from melanzana.generation.prng import Prng
from melanzana.graph.expressions import parse_assignments
from melanzana.graph.model import Action, Model, Parameter, ParameterType, Range, State, StateKind

#: Moves that a full tank lasts for. It is odd, so that the tank runs dry on fields of both colours.
TANK = 17
ITEMS = 5


def rnd(actions: int, seed: int = 1) -> Model:
    """A strongly connected random graph: one circle through all states, the other actions anywhere."""
    prng = Prng(seed)
    states = actions // 4
    order = _shuffled(range(states), prng)
    arcs = [(order[i], order[(i + 1) % states]) for i in range(states)]
    arcs += [(prng.below(states), prng.below(states)) for _ in range(actions - states)]
    leaving: list[list[Action]] = [[] for _ in range(states)]
    for number, (tail, head) in enumerate(arcs):
        leaving[tail].append(Action(id=f"e{number}", name=f"e{number}", targets=(f"v{head}",)))
    return _model(f"rnd_{actions}", ((f"v{state}", leaving[state]) for state in range(states)))


def grid(side: int) -> Model:
    """A field of states, each with an action to every neighbour."""
    return _model(f"grid_{side}", ((_field(x, y), _steps(x, y, side, {})) for y in range(side) for x in range(side)))


def gridg(side: int) -> Model:
    """The field with fuel: a step needs and uses it, a new tank is sold where the old one is empty."""
    uses = {"guard": "fuel > 0", "assignments": parse_assignments("fuel = fuel - 1")}
    places = []
    for y in range(side):
        for x in range(side):
            name = f"fill {_field(x, y)}"
            fill = Action(id=name, name=name, guard="fuel == 0", assignments=parse_assignments(f"fuel = {TANK}"))
            places.append((_field(x, y), [*_steps(x, y, side, uses), fill]))
    fuel = Parameter(name="fuel", type=ParameterType.INTEGER, initial=TANK, ranges=(Range(low=0, high=TANK),))
    return _model(f"gridg_{side}", places, (fuel,))


def menu(categories: int) -> Model:
    """A shop: items are put into a basket of three and taken out; paying needs a login and something in the basket."""
    home = [_act("log in", None, "!known", "known = true"), _act("log out", None, "known", "known = false")]
    places: list[tuple[str, list[Action]]] = [("Home", home)]
    for category in range(categories):
        shelf, items = f"Category {category}", [f"Item {category}.{item}" for item in range(ITEMS)]
        home.append(_act(f"to {shelf}", shelf))
        places.append((shelf, [_act(f"home from {shelf}", "Home"), *(_act(f"open {item}", item) for item in items)]))
        places.extend((item, _of_item(item, shelf)) for item in items)
    variables = (
        Parameter(name="known", type=ParameterType.BOOLEAN, initial=False),
        Parameter(name="basket", type=ParameterType.INTEGER, initial=0, ranges=(Range(low=0, high=3),)),
    )
    return _model(f"menu_{categories}", places, variables)


def by_name(name: str) -> Model:
    """`rnd_1000`, `gridg_16`, `menu_5`, …"""
    kind, _, size = name.partition("_")
    makers: dict[str, Callable[[int], Model]] = {"rnd": rnd, "grid": grid, "gridg": gridg, "menu": menu}
    return makers[kind](int(size))


def _of_item(item: str, shelf: str) -> list[Action]:
    return [
        _act(f"back from {item}", shelf),
        _act(f"add {item}", None, "basket < 3", "basket = basket + 1"),
        _act(f"remove {item}", None, "basket > 0", "basket = basket - 1"),
        _act(f"pay at {item}", "Home", "known && basket > 0", "basket = 0"),
    ]


def _act(name: str, target: str | None, guard: str | None = None, sets: str = "") -> Action:
    return Action(id=name, name=name, targets=(target,) if target else (), guard=guard, assignments=parse_assignments(sets))


def _steps(x: int, y: int, side: int, more: dict[str, object]) -> list[Action]:
    ways = {"east": (x + 1, y), "west": (x - 1, y), "south": (x, y + 1), "north": (x, y - 1)}
    return [
        Action(id=f"{way} of {_field(x, y)}", name=f"{way} of {_field(x, y)}", targets=(_field(*there),), **more)  # type: ignore[arg-type]
        for way, there in ways.items()
        if 0 <= there[0] < side and 0 <= there[1] < side
    ]


def _field(x: int, y: int) -> str:
    return f"{x}/{y}"


def _model(name: str, places: Iterable[tuple[str, list[Action]]], variables: tuple[Parameter, ...] = ()) -> Model:
    states = tuple(
        State(id=place, name=place, kind=StateKind.NORMAL if number else StateKind.START, actions=tuple(actions))
        for number, (place, actions) in enumerate(places)
    )
    return Model(id=name, name=name, states=states, parameters=variables)


def _shuffled(items: Iterable[int], prng: Prng) -> list[int]:
    found = list(items)
    for last in range(len(found) - 1, 0, -1):
        other = prng.below(last + 1)
        found[last], found[other] = found[other], found[last]
    return found

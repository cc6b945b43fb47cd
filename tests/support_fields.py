"""Small models that walks can be held against: guards, bounds, weights, several targets, dead ends, Exit and Cleanup."""

from collections.abc import Sequence

from hypothesis import strategies as st

from melanzana.graph.model import Action, Model, State
from support_walks import CLEANUP, EXIT, act, integer, model, place, start


@st.composite
def fields(draw: st.DrawFn) -> Model:
    """Fields of states with fuel: guards, bounds, weights, several targets, dead ends, Exit and Cleanup."""
    names = ["Start", *(f"s{n}" for n in range(draw(st.integers(1, 4))))]
    everywhere = [*names, "Exit"] if draw(st.booleans()) else names
    rules: list[dict[str, str]] = [
        {},
        {"when": "fuel > 0", "sets": "fuel = fuel - 1"},
        {"when": "fuel == 0", "sets": "fuel = 3"},
        {"sets": "fuel = fuel + 1"},
        {"when": "state != 'Start' && fuel < 2"},
    ]

    def actions(name: str) -> list[Action]:
        count = draw(st.integers(0 if name != "Start" else 1, 4))
        found = []
        for number in range(count):
            targets = draw(st.lists(st.sampled_from(everywhere), max_size=2, unique=True))
            weight = draw(st.sampled_from([0, 1, 2, 100]))
            found.append(act(f"{name}-{number}", *targets, weight=weight, **draw(st.sampled_from(rules))))
        return found

    places: Sequence[State] = [start(*actions("Start")), *(place(name, *actions(name)) for name in names[1:])]
    ends = [EXIT] if "Exit" in everywhere else []
    return model(*places, *ends, *([CLEANUP] if draw(st.booleans()) else []), parameters=(integer("fuel", 2, 0, 3),))

"""Shrinking keeps the failure, finds the smallest walk of faults made by hand, and asks the system as rarely as it can."""

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from melanzana.generation.network import Network
from melanzana.generation.recorded import Recorded
from melanzana.generation.shrinking.choices import Walked, choices_of, length, recorded_of, test_case_of
from melanzana.generation.shrinking.oracle import EnoughError, Told
from melanzana.generation.shrinking.shrinker import Effort, Shrunk, shrink
from melanzana.generation.shrinking.terrain import Terrain
from melanzana.generation.step import StepKind
from melanzana.generation.walk import Walk, WalkPlan
from melanzana.graph.model import Model
from support_recordings import Fault, WalkingOracle, in_order, recorded
from support_walks import EXIT, act, case, choice, flag, integer, model, place, start, walked

SHOP = model(
    start(act("search", "Results"), act("help")),
    place(
        "Results",
        act("add", sets="basket = basket + 1", when="basket < 5"),
        act("back", "Start"),
        act("view", "Detail"),
    ),
    place("Detail", act("close", "Results"), act("zoom")),
    place("Pay", act("done", "Exit")),
    EXIT,
    global_actions=(act("pay", "Pay", when="basket > 0 && state != 'Pay'"),),
    parameters=(integer("basket"),),
)


def shrunk(subject: Model, walk: Recorded, fault: Fault, effort: Effort | None = None) -> tuple[Shrunk, WalkingOracle]:
    network = Network(subject, dry=True)
    oracle = WalkingOracle(subject, fault)
    terrain = Terrain(network, {}, {})
    return shrink(terrain, choices_of(network, walk), oracle, failing_state=None, effort=effort), oracle


def until(fault: Fault, subject: Model = SHOP, seed: int = 1) -> Recorded:
    """A random walk up to where it fails."""
    whole = recorded(Walk(subject, WalkPlan(path="random(never)", seed=seed, dry=True)), 2_000)
    step = fault(whole)
    assert step > 0
    return Recorded(whole.steps[:step])


def names(found: Shrunk, subject: Model = SHOP) -> list[str]:
    return [step.element for step in recorded_of(Network(subject), found.walked).steps if step.kind is StepKind.ACTION]


def test_a_single_action_is_come_to_by_the_shortest_way() -> None:
    """Two performances: the walk that was given, and the shortest one."""
    found, _ = shrunk(SHOP, until(in_order("zoom")), in_order("zoom"))
    assert names(found) == ["search", "view", "zoom"]
    assert (found.reproduced, found.finished, found.performances) == (True, True, 2)


def test_a_pair_in_order_keeps_both_and_the_way_between() -> None:
    """What leads from the first to the second is the shortest way, guards looked at."""
    fault = in_order("zoom", "done")
    found, _ = shrunk(SHOP, until(fault), fault)
    assert names(found) == ["search", "add", "view", "zoom", "pay", "done"]


def test_a_count_that_matters_is_kept() -> None:
    """Three times the same action stay three times."""
    fault = in_order("add", "add", "add")
    found, _ = shrunk(SHOP, until(fault), fault)
    assert names(found) == ["search", "add", "add", "add"]


def test_what_does_not_fail_again_is_said_so() -> None:
    """One performance, and the walk as it was."""
    walk = until(in_order("zoom"))
    found, _ = shrunk(SHOP, walk, lambda _: 0)
    assert (found.reproduced, found.performances, found.after) == (False, 1, found.before)


def test_nothing_is_performed_twice_and_never_a_longer_walk() -> None:
    """Each candidate is another one, and shorter than the best before it."""
    fault = in_order("zoom", "zoom", "done")
    found, oracle = shrunk(SHOP, until(fault), fault)
    asked = [tuple(step.element for step in candidate.steps) for candidate in oracle.asked]
    assert len(set(asked)) == len(asked) == found.performances
    assert all(len(candidate) < len(asked[0]) for candidate in asked[1:])


def test_the_budget_ends_it_with_the_best_so_far() -> None:
    """And the result says that not everything was tried."""
    fault = in_order("zoom", "zoom", "done")
    found, _ = shrunk(SHOP, until(fault), fault, Effort(most_performances=3))
    assert (found.performances, found.finished) == (3, False)
    assert fault(recorded_of(Network(SHOP), found.walked))


def test_an_oracle_that_has_enough_ends_it() -> None:
    """What was found before stays."""

    class Tired(WalkingOracle):
        def perform(self, candidate: Recorded) -> Told:
            if len(self.asked) == 2:
                raise EnoughError
            return super().perform(candidate)

    walk = until(in_order("zoom", "done"))
    network = Network(SHOP, dry=True)
    oracle = Tired(SHOP, in_order("zoom", "done"))
    found = shrink(Terrain(network, {}, {}), choices_of(network, walk), oracle, failing_state=None)
    assert (found.finished, found.performances) == (False, 2)


def test_a_flaky_fault_is_shrunk_with_repeats_and_told() -> None:
    """It fails every second time: a candidate that passes once is asked again, and the result says how often it failed."""
    asked = [0]

    def at_times(walk: Recorded) -> int:
        asked[0] += 1
        return in_order("zoom")(walk) if asked[0] % 2 else 0

    found, _ = shrunk(SHOP, until(in_order("zoom")), at_times, Effort(repeat=4))
    assert names(found) == ["search", "view", "zoom"]
    assert (found.failures, found.tries, found.flaky) == (2, 4, True)


def test_drawn_values_become_the_simplest_that_still_fail() -> None:
    """The number by halves to the edge, what does not matter to the first value or to false."""
    order = act(
        "order", parameters=(integer("amount", None, 0, 99, generated=True), choice("colour", "red", "green", generated=True))
    )
    subject = model(start(order, parameters=(flag("vip", generated=True),)))

    def fault(walk: Recorded) -> int:
        return next((n for n, step in enumerate(walk.steps, 1) if step.values.get("amount", 0) > 7), 0)  # type: ignore[operator]

    found, _ = shrunk(subject, until(fault, subject), fault)
    [begin, last] = found.walked
    assert dict(last.drawn) == {"amount": 8, "colour": "red"}
    assert dict(begin.entered) == {"vip": False}


def test_the_result_as_a_test_case_walks_the_same_way() -> None:
    """Steps by id, values with the test case: a directed walk of it is the walk that was found."""
    fault = in_order("zoom", "done")
    found, _ = shrunk(SHOP, until(fault), fault)
    made = test_case_of(Network(SHOP), found.walked, case("small"))
    subject = model(*SHOP.states, global_actions=SHOP.global_actions, parameters=SHOP.parameters, test_cases=(made,))
    walk, path = walked(subject, 'directed("small")')
    assert walk.outcome is not None
    assert [word.strip("-").removesuffix("->") for word in path.split() if word.startswith("-")] == names(found)


_RULES: tuple[dict[str, str], ...] = (
    {},
    {"when": "fuel > 0", "sets": "fuel = fuel - 1"},
    {"when": "fuel == 0", "sets": "fuel = 3"},
    {"when": "amount < 5"},
)


@st.composite
def fields(draw: st.DrawFn) -> Model:
    """Some states with fuel and a drawn amount: guards on both, bounds, several targets, dead ends, an Exit."""
    names = ["Start", *(f"s{n}" for n in range(draw(st.integers(1, 4))))]
    places = []
    for name in names:
        actions = [act(f"{name} on", draw(st.sampled_from(names)))] if name == "Start" else []
        for number in range(draw(st.integers(0, 3))):
            targets = draw(st.lists(st.sampled_from([*names, "Exit"]), max_size=2, unique=True))
            actions.append(act(f"{name} {number}", *targets, **draw(st.sampled_from(_RULES))))
        places.append(start(*actions) if name == "Start" else place(name, *actions))
    amount = integer("amount", None, 0, 9, generated=True)
    return model(*places, EXIT, parameters=(integer("fuel", 2, 0, 3), amount))


@settings(max_examples=40, deadline=None)
@given(fields(), st.integers(0, 2**32), st.data())
def test_shrinking_keeps_the_failure_of_any_walk(subject: Model, seed: int, data: st.DataObject) -> None:
    """The result fails, is walkable, never longer, and shrinking it again changes its length no more."""
    walk = recorded(Walk(subject, WalkPlan(path="random(never)", seed=seed, dry=True)), 40)
    performed = [step.element for step in walk.steps if step.kind is StepKind.ACTION]
    assume(performed)
    second = data.draw(st.integers(0, len(performed) - 1))
    first = data.draw(st.integers(0, second))
    fault = in_order(*(performed[number] for number in sorted({first, second})))
    assume(fault(walk))  # both in one iteration
    walk = Recorded(walk.steps[: fault(walk)])
    found, _ = shrunk(subject, walk, fault)
    assert found.reproduced
    assert fault(recorded_of(Network(subject), found.walked)) > 0
    assert found.after <= found.before
    again, _ = shrunk(subject, recorded_of(Network(subject), found.walked), fault)
    assert again.after == found.after


def test_length_counts_actions() -> None:
    """States and beginnings are no effort of their own."""
    nothing: Walked = ()
    assert length(nothing) == 0

"""A tour covers what can be covered, as cheaply as a brute force over small models says."""

from hypothesis import given, settings

from melanzana.generation.tours.nearest import RESET, greedy_cover
from melanzana.generation.tours.plan import SECOND
from support_tours import Small, names_of, planned, smalls

_PRICES = {f"a{number}": 1 + number * 2 % 5 for number in range(9)}


def _reset_price(small: Small, dearest: int = 1) -> int:
    """What the engine takes for a walk that only starts over where nothing else leads on."""
    return len(small.reachable()) * dearest + 1


def _cost(names: list[str], reset: int, price=lambda name: 1) -> int:
    return sum(reset if name == "|" else price(name) for name in names)


@settings(max_examples=150, deadline=None)
@given(smalls(guarded=False))
def test_a_tour_without_guards_is_as_short_as_any(small: Small) -> None:
    """Its cost is that of the brute force, and it says so."""
    tour = planned(small.model())
    assert tour.exact
    assert _cost(names_of(tour), _reset_price(small)) == small.least(lambda name: 1, _reset_price(small))
    assert {*names_of(tour)} - {"|"} == small.feasible()


@settings(max_examples=100, deadline=None)
@given(smalls(guarded=False))
def test_a_tour_is_the_cheapest_for_given_durations_and_a_price_of_starting_over(small: Small) -> None:
    """With seconds for each action and two seconds for a new iteration."""
    tour = planned(small.model(), durations=_PRICES, reset_seconds=2)
    assert tour.exact
    assert _cost(names_of(tour), 2, _PRICES.__getitem__) == small.least(_PRICES.__getitem__, 2)


@settings(max_examples=150, deadline=None)
@given(smalls(guarded=True))
def test_a_guarded_tour_covers_everything_feasible_and_tells_the_rest(small: Small) -> None:
    """Each transition is gone through or named as one that cannot be, and whatever is called exact is."""
    tour = planned(small.model())
    names = names_of(tour)
    assert {*names} - {"|"} == small.feasible()
    assert {gap.name for gap in tour.gaps} == {arc.name for arc in small.arcs} - small.feasible()
    assert all(gap.certain for gap in tour.gaps)
    best = small.least(lambda name: 1, _reset_price(small))
    assert _cost(names, _reset_price(small)) >= best
    assert not tour.exact or _cost(names, _reset_price(small)) == best


@settings(max_examples=60, deadline=None)
@given(smalls(guarded=True, most=6))
def test_a_small_guarded_tour_is_exact(small: Small) -> None:
    """Few transitions are searched to the end."""
    assert planned(small.model()).exact


@settings(max_examples=100, deadline=None)
@given(smalls(guarded=True, most=12))
def test_a_tour_is_never_longer_than_the_greedy_one(small: Small) -> None:
    """Always on to the nearest is the walk that has to be beaten."""
    tour = planned(small.model())
    wanted = bytearray(len(tour.costs))
    for label in tour.space.labels:
        wanted[label] = 1
    reset = _reset_price(small) * SECOND
    greedy = greedy_cover(tour.space, tour.start, tour.costs, reset, wanted)
    cost = [sum(reset if arc == RESET else SECOND for arc in arcs) for arcs in (tour.arcs, greedy)]
    assert cost[0] <= cost[1]


@settings(max_examples=60, deadline=None)
@given(smalls(guarded=True))
def test_every_move_of_a_tour_follows_the_one_before(small: Small) -> None:
    """The arcs hang together, and a walk by the small model's own rules may take them."""
    node = (0, 0)
    for name in names_of(planned(small.model())):
        node = (0, 0) if name == "|" else next(ahead for arc, ahead in small.onward(node) if arc.name == name)

"""Test cases cut from a tour stand alone, are short enough, cover everything, and are shared out evenly."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melanzana.errors import GenerationError
from melanzana.generation.tours.cutting import Piece, balanced, joined, shard, split
from melanzana.generation.tours.plan import Tour
from support_tours import Small, planned, smalls
from support_walks import act, model, place, start, walked


def _labels(tour: Tour, pieces: list[Piece]) -> set[int]:
    return {tour.space.labels[arc] for piece in pieces for arc in piece.arcs}


def _stands_alone(tour: Tour, piece: Piece) -> bool:
    nodes = [tour.start, *(tour.space.heads[arc] for arc in piece.arcs)]
    return all(tour.space.tails[arc] == node for arc, node in zip(piece.arcs, nodes, strict=False))


@settings(max_examples=80, deadline=None)
@given(smalls(guarded=True, most=10), st.integers(3, 25))
def test_test_cases_begin_at_start_keep_to_their_length_and_cover_everything(small: Small, most: int) -> None:
    """Or the length is refused, and the one that it asks for will do."""
    tour = planned(small.model())
    try:
        pieces = split(tour, most)
    except GenerationError as refused:
        pieces = split(tour, most := refused.detail["needed"])
    assert all(piece.steps <= most and _stands_alone(tour, piece) for piece in pieces)
    assert _labels(tour, pieces) == set(tour.space.labels)


def test_longer_test_cases_repeat_no_more() -> None:
    """Every cut for a small length is one for a larger."""
    tour = planned(_chain(12))
    costs = [sum(piece.cost for piece in split(tour, most)) for most in (30, 40, 60, 100, 1000)]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] == tour.actions * 1000


def _chain(length: int):
    """A line of states with a way back to Start from each."""
    states = [place(f"S{n}", act(f"on {n}", f"S{n + 1}"), act(f"back {n}", "Start")) for n in range(1, length)]
    return model(start(act("on 0", "S1")), *states, place(f"S{length}", act("end", "Start")))


def test_a_length_that_is_too_small_is_refused_with_the_one_that_will_do() -> None:
    """Named by the action that is too far."""
    with pytest.raises(GenerationError) as refused:
        split(planned(_chain(12)), 10)
    assert refused.value.message == "a test case of 10 steps is too short for 'end', which takes 27 from Start: allow 27"


def test_without_a_length_the_iterations_are_the_test_cases() -> None:
    """Two dead ends, two test cases."""
    tour = planned(model(start(act("left", "L"), act("right", "R")), place("L"), place("R")))
    assert [len(piece.arcs) for piece in split(tour)] == [1, 1]


@given(st.lists(st.integers(1, 50), max_size=30), st.integers(1, 6))
def test_shares_are_even_and_lose_nothing(costs: list[int], count: int) -> None:
    """The largest share is at most 4/3 of what is possible at best, counted from below."""
    pieces = [Piece(arcs=(number,), setup=0, steps=1, cost=cost) for number, cost in enumerate(costs)]
    shares = shard(pieces, count)
    assert sorted(piece.arcs for share in shares for piece in share) == [piece.arcs for piece in pieces]
    loads = [sum(piece.cost for piece in share) for share in shares]
    ordered = sorted(costs, reverse=True)
    pair = sum(ordered[count - 1 : count + 1]) if len(ordered) > count else 0
    assert max(loads) <= max(max(costs, default=0), -(-sum(costs) // count), pair) * 4 / 3


@settings(max_examples=40, deadline=None)
@given(smalls(guarded=True, most=10), st.integers(1, 4))
def test_a_tour_shared_out_is_covered_by_all_together(small: Small, count: int) -> None:
    """No agent is done later than one that walks the whole tour."""
    tour = planned(small.model())
    shares = balanced(tour, count)
    assert len(shares) == count
    assert _labels(tour, [piece for share in shares for piece in share]) == set(tour.space.labels)
    whole = sum(tour.costs[tour.space.labels[arc]] for arc in tour.arcs if arc >= 0)
    assert max(sum(piece.cost for piece in share) for share in shares) <= whole


def test_each_share_can_be_walked() -> None:
    """Four agents with a quarter each cover what one does, each in little more than a quarter of the time."""
    subject = _chain(12)
    walks = [walked(subject, f"shard(tour(), {number}/4)")[0] for number in range(1, 5)]
    covered = [walk.coverage.report().transition_hits for walk in walks]
    assert all(any(hits[transition] for hits in covered) for transition in covered[0])
    alone = walked(subject, "tour()")[0]._progress.actions
    assert max(walk._progress.actions for walk in walks) <= alone / 2


def test_a_split_tour_is_walked_in_iterations() -> None:
    """One for each test case."""
    tour = planned(_chain(6))
    pieces = split(tour, 20)
    walk, _ = walked(_chain(6), "split(tour(), 20)")
    assert walk.iteration == len(pieces)
    assert walk._progress.actions == sum(len(piece.arcs) for piece in pieces)
    assert len(joined(tour, pieces)) == walk._progress.actions + len(pieces) - 1

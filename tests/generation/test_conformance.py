"""Every generator and every stop condition holds to the rules that are published for those of other people."""

from typing import Any

import pytest

from melanzana.generation import questions
from melanzana.generation.conformance import check_condition, check_generator, check_path
from melanzana.generation.generators import Move, RandomGenerator
from melanzana.generation.goals import GoalSetting
from melanzana.generation.path_expression import GeneratorKind
from melanzana.generation.position import Position

PATHS = {
    GeneratorKind.RANDOM: ["random(actions(80))", "random(transition_coverage(80) or steps(300))"],
    GeneratorKind.WEIGHTED: ["weighted(steps(90))", "weighted(iterations(3) or actions(200))"],
    GeneratorKind.QUICK: ["quick(actions(60))", "quick(transition_coverage(100) or actions(300))"],
    GeneratorKind.EXPLORE: ["explore(actions(120))", "explore(actions(80), path_depth(3), variable_depth(1))"],
    GeneratorKind.TOUR: ["tour()", "tour(actions(10))", "split(tour(), 8)", "shard(tour(), 1/2)"],
    GeneratorKind.SHORTEST: ["shortest(reached(Basket))", "shortest(reached(C))", "shortest(reached(B))"],
    GeneratorKind.DIRECTED: ['directed("buy")'],
    GeneratorKind.PREDEFINED: ["predefined(ab, bc, ca)", 'predefined("log in", look)'],
    GeneratorKind.REPLAY: [],  # its steps come with a recorded run: tests/generation/test_replaying.py
}
CHAINS = [
    "random(steps(20)) then tour()",
    "tour() then quick(actions(40)) then shortest(reached(B))",
    "explore(actions(30)) then weighted(iterations(2) or actions(90)) then random(steps(9))",
    'random(actions(7)) then directed("buy") then quick(transition_coverage(100) or actions(200))',
    "split(tour(), 8) then random(actions(11))",
]
CONDITIONS = {
    "steps": "steps(17)",
    "actions": "actions(9)",
    "iterations": "iterations(2) or actions(500)",
    "state_coverage": "state_coverage(60)",
    "action_coverage": "action_coverage(60)",
    "transition_coverage": "transition_coverage(60)",
    "reached": "reached(B)",
    "reached_vertex": "reached_vertex(B)",
    "reached_edge": "reached_edge(bc)",
    "time": "time(12)",
    "never": "never or actions(40)",
    "path_coverage": "path_coverage(2, 40)",
    "variable_coverage": "variable_coverage(1, 50)",
    "requirement_coverage": "requirement_coverage(100)",
}


@pytest.mark.parametrize("path", [*(path for paths in PATHS.values() for path in paths), *CHAINS])
def test_a_generator_holds_to_the_rules(path: str) -> None:
    """On every standard model that the path can be walked on, and there is one."""
    assert check_path(path) >= 1


@pytest.mark.parametrize("condition", [*CONDITIONS.values(), "state_coverage(50) and steps(20)", "reached(C) or actions(30)"])
def test_a_stop_condition_holds_to_the_rules(condition: str) -> None:
    """The same."""
    assert check_condition(condition) >= 1


def test_every_generator_and_every_question_is_here() -> None:
    """A new one needs a line above."""
    assert set(PATHS) == set(GeneratorKind)
    assert {word.removeprefix("feasible_") for word in questions.every_word()} == set(CONDITIONS)


class _First:
    """A generator of somebody else: the first action that may be performed."""

    def __init__(self, guarded: bool) -> None:
        self._guarded = guarded

    def choose(self, position: Position) -> Move | None:
        for action in position.candidates():
            if action.weight > 0 and (not self._guarded or position.may(action)):
                targets = position.targets(action)
                return Move(action, targets[0]) if targets else None
        return None


def test_a_generator_of_ones_own_can_be_checked() -> None:
    """It is made for each walk, with the network, where the walk begins, and random numbers."""
    check_generator(lambda _: _First(guarded=True), "actions(20)")
    check_generator(lambda setting: RandomGenerator(setting.prng, weighted=False))


def test_a_generator_that_does_not_look_at_guards_is_found() -> None:
    """The sentence names the action and why it may not be performed."""
    with pytest.raises(AssertionError, match=r"action 'log in' in state 'Home' may not be performed: its guard is false"):
        check_generator(lambda _: _First(guarded=False), "actions(20)")


def test_a_generator_that_remembers_more_than_its_seed_is_found() -> None:
    """Two walks of the same seed must be the same."""
    kept: dict[str, Any] = {}

    def make(setting: GoalSetting) -> RandomGenerator:
        prng = kept.setdefault("prng", setting.prng)
        return RandomGenerator(prng, weighted=False)

    with pytest.raises(AssertionError, match="one path and then another"):
        check_generator(make)

"""How small failing walks become, and what that costs: faults whose smallest failing walk is known by construction.

    python benchmarks/shrinking.py [seeds]

A fault is planted in a seeded model (`benchmarks/paths/models.py`); a random walk runs into it; the walk is shrunk against an
oracle that knows the fault and nothing else. The smallest walk is found by a search of its own, over configurations with how far
the fault has been set up. The table gives medians over the seeds (20 of them without an argument) and the share of walks that
became as short as possible; performances are what a real system under test would have to be run for.
"""

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import median
from typing import NamedTuple

from paths import models

from melanzana.generation.network import Network
from melanzana.generation.prng import Prng
from melanzana.generation.recorded import Recorded, RecordedStep, Watch
from melanzana.generation.shrinking.choices import BEGIN, Choice, choices_of
from melanzana.generation.shrinking.oracle import Told
from melanzana.generation.shrinking.shrinker import Shrunk, shrink
from melanzana.generation.shrinking.terrain import Terrain
from melanzana.generation.step import StepKind, Verdict
from melanzana.generation.walk import Walk, WalkPlan
from melanzana.graph.model import Action, Model, Parameter, ParameterType, Range

SEEDS = 20
#: Steps of a random walk in which the fault must show, or another one is planted.
LONGEST = 20_000


class Fault(NamedTuple):
    """Fires when its actions were performed in this order within one iteration, the last with at least this quantity."""

    actions: tuple[str, ...]
    quantity: int = 0

    def advance(self, done: int, action: str, quantity: int) -> int:
        """How far it is set up after an action; `len(actions)` when it fires."""
        last = done == len(self.actions) - 1
        return done + 1 if action == self.actions[done] and not (last and quantity < self.quantity) else done

    def fires_at(self, steps: Recorded) -> int:
        """Number of the recorded step at which it fires; 0 when it does not."""
        done, iteration = 0, None
        for number, step in enumerate(steps.steps, 1):
            done, iteration = (done if step.iteration == iteration else 0), step.iteration
            if step.kind is StepKind.ACTION:
                done = self.advance(done, step.element, int(step.values.get("quantity", 0)))
                if done == len(self.actions):
                    return number
        return 0


class FaultOracle:
    """Answers as a system with this fault would."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault

    def perform(self, candidate: Recorded) -> Told:
        step = self._fault.fires_at(candidate)
        return Told(step > 0, step)


def single(names: list[str], prng: Prng) -> Fault:
    return Fault((names[prng.below(len(names))],))


def pair(names: list[str], prng: Prng) -> Fault:
    return Fault((names[prng.below(len(names))], names[prng.below(len(names))]))


def triple(names: list[str], prng: Prng) -> Fault:
    return Fault(tuple(names[prng.below(len(names))] for _ in range(3)))


def value(names: list[str], prng: Prng) -> Fault:
    return Fault((names[prng.below(len(names))],), 1 + prng.below(90))


def with_quantities(model: Model) -> Model:
    """Every action draws a quantity from 0 to 99."""
    quantity = Parameter(name="quantity", type=ParameterType.INTEGER, generated=True, ranges=(Range(low=0, high=99),))

    def drawing(action: Action) -> Action:
        return replace(action, parameters=(quantity,))

    return replace(model, states=tuple(replace(s, actions=tuple(map(drawing, s.actions))) for s in model.states))


def failing_walk(model: Model, fault: Fault, seed: int) -> Recorded | None:
    """A random walk until the fault fires."""
    walk = Walk(model, WalkPlan(path="random(never)", seed=seed, dry=True))
    watch = Watch(walk.position)
    steps: list[RecordedStep] = []
    done = iteration = 0
    while len(steps) < LONGEST and (step := walk.next_step()) is not None:
        values = watch.begun(step)
        recorded = RecordedStep(
            element=step.element_id, kind=step.kind, target=step.target, iteration=step.iteration, values=values
        )
        steps.append(recorded)
        done, iteration = (done if step.iteration == iteration else 0), step.iteration
        if step.kind is StepKind.ACTION:
            done = fault.advance(done, step.element_id, int(values.get("quantity", 0)))
        if done == len(fault.actions):
            return Recorded(tuple(steps))
        walk.record(step, Verdict.PASSED)
        watch.ended()
    return None


def least(terrain: Terrain, fault: Fault) -> int:
    """Actions of the shortest walk that fires the fault; a search over configuration and how far the fault is set up."""
    network = terrain.network
    begin = Choice(BEGIN, network.start.index, (), terrain.drawn_at_start())
    start = terrain.after(None, begin)
    assert start is not None
    queue, seen = deque([(start, 0, 0)]), {(terrain.key(start), 0)}
    while queue:
        position, done, count = queue.popleft()
        for action in position.candidates():
            for target in position.targets(action):
                drawn = (("quantity", fault.quantity),) if "quantity" in action.scope.homes else ()
                ahead = terrain.after(position, Choice(action.index, target, drawn))
                if ahead is None:
                    continue
                further = fault.advance(done, action.id, fault.quantity)
                if further == len(fault.actions):
                    return count + 1
                if (key := (terrain.key(ahead), further)) not in seen:
                    seen.add(key)
                    queue.append((ahead, further, count + 1))
    raise AssertionError("the fault fired, so a walk fires it")


class Case(NamedTuple):
    """One walk shrunk."""

    shrunk: Shrunk
    least: int
    milliseconds: float
    exact_values: bool


def cases(model: Model, plant: Callable[[list[str], Prng], Fault], seeds: int) -> Iterator[Case]:
    """One case a seed."""
    names = [action.id for _, action in model.actions()]
    network = Network(model, dry=True)
    for seed in range(seeds):
        prng = Prng(seed).fork("fault")
        recorded = None
        while recorded is None:
            fault = plant(names, prng)
            recorded = failing_walk(model, fault, seed)
        terrain = Terrain(network, {}, {})
        begun = time.process_time()
        shrunk = shrink(terrain, choices_of(network, recorded), FaultOracle(fault), failing_state=None)
        spent = time.process_time() - begun
        quantities = [value for choice in shrunk.walked for name, value in choice.drawn if name == "quantity"]
        exact = not fault.quantity or quantities == [0] * (len(quantities) - 1) + [fault.quantity]
        yield Case(shrunk, least(terrain, fault), spent * 1000, exact)


WORKLOADS = (
    ("one action", "rnd_100", single),
    ("one action", "rnd_1000", single),
    ("one action", "menu_3", single),
    ("ordered pair", "rnd_100", pair),
    ("ordered pair", "rnd_400", pair),
    ("ordered pair", "menu_3", pair),
    ("ordered three", "rnd_100", triple),
    ("data value", "rnd_100", value),
)


def main(seeds: int) -> None:
    print(
        f"{'fault':<14} {'model':<9} {'before':>7} {'after':>6} {'least':>6} {'ratio':>6} {'worst':>6} {'minimal':>8} {'runs':>5} {'most':>5} {'CPU ms':>7}"
    )
    for title, name, plant in WORKLOADS:
        model = models.by_name(name)
        done = list(cases(with_quantities(model) if plant is value else model, plant, seeds))
        ratios = [case.shrunk.after / case.least for case in done]
        minimal = sum(case.shrunk.after == case.least and case.exact_values for case in done) / len(done)
        runs = [case.shrunk.performances for case in done]
        print(
            f"{title:<14} {name:<9} {median(c.shrunk.before for c in done):>7.0f} {median(c.shrunk.after for c in done):>6.0f} "
            f"{median(c.least for c in done):>6.0f} {median(ratios):>6.2f} {max(ratios):>6.2f} {minimal:>8.0%} "
            f"{median(runs):>5.0f} {max(runs):>5} {median(c.milliseconds for c in done):>7.0f}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS)

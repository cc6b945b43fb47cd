"""What is measured: tours, shortest ways, random walks, and the whole command. Each gives the rows of one part of the table."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from melanzana.generation.configurations import Configurations, configurations
from melanzana.generation.network import Network
from melanzana.generation.position import Position
from melanzana.generation.prng import Prng
from melanzana.generation.search import Landscape
from melanzana.generation.step import Verdict
from melanzana.generation.tally import Tally, tally
from melanzana.generation.tours.nearest import greedy_cover
from melanzana.generation.tours.plan import SECOND, Tour, plan_tour
from melanzana.generation.tours.shortest import ShortestWays
from melanzana.generation.walk import Walk, WalkPlan
from melanzana.graph.formats.text import write_text
from melanzana.graph.model import Model
from paths.measure import Row, cpu_seconds
from paths.models import by_name

#: Actions walked as steps, and told as figures.
WALKED, TOLD = 200_000, 10_000_000


def unguarded_tours() -> list[Row]:
    """From the compiled network to the planned moves."""
    rows = []
    for name, target, repetitions in (("rnd_1000", None, 7), ("rnd_10000", 60, 7), ("rnd_100000", 3_000, 3)):
        network = Network(by_name(name), dry=True)
        seconds, tour = cpu_seconds(_planned, lambda network=network: network, repetitions)
        proof = "optimal" if tour.exact else "NOT OPTIMAL"
        rows.append(
            Row(work=f"tour {name}", size=f"{tour.actions:,} actions, {proof}", value=seconds * 1e3, unit="ms", target=target)
        )
    return rows


def guarded_tours() -> list[Row]:
    """Length and time; the greedy walk on the same model beside it."""
    rows = []
    for name, most, target in (("menu_5", 237, 5), ("menu_40", 1_903, 60), ("gridg_16", 4_783, 300)):
        network = Network(by_name(name), dry=True)
        seconds, tour = cpu_seconds(_planned, lambda network=network: network, 7)
        size = f"{tour.actions:,} actions{', optimal' if tour.exact else ''}; nearest first {_greedy(tour):,}"
        rows.append(Row(work=f"guarded tour {name}", size=size, value=seconds * 1e3, unit="ms", target=target))
        rows.append(Row(work=f"guarded tour {name}", size="its length", value=tour.actions, unit="actions", target=most))
    return rows


def shortest_ways() -> list[Row]:
    """One question to a prepared index: to each of 200 states, the mean."""
    network = Network(by_name("rnd_1000"), dry=True)
    ways = ShortestWays(network, _start(network), {})
    wanted = [frozenset({f"v{state}"}) for state in range(1, 201)]
    seconds, found = cpu_seconds(lambda _: [ways.to(element) for element in wanted])
    mean = sum(len(way.arcs) for way in found if way) / len(found)
    return [Row(work="shortest way rnd_1000", size=f"{mean:.1f} actions", value=seconds / len(wanted) * 1e3, unit="ms", target=0.2)]


def random_walks() -> list[Row]:
    """Actions a CPU second with coverage counted: the figures of a walk alone, and as steps for a runner."""
    rows = []
    for name, target in (("rnd_1000", 6e6), ("gridg_16", 2.5e6)):
        model = by_name(name)
        seconds, told = cpu_seconds(_told, lambda model=model: model, 3)
        covered = told.coverage.report().transitions.ratio
        size = f"{TOLD:,} actions, {covered:.0%} of transitions"
        rows.append(
            Row(work=f"random walk {name}", size=size, value=TOLD / seconds, unit="actions/s", target=target, more_is_better=True)
        )
        seconds, walk = cpu_seconds(_walked, lambda model=model: model, 3)
        covered = walk.coverage.report().transitions.ratio
        size = f"{WALKED:,} actions, {covered:.0%} of transitions"
        rows.append(
            Row(work=f"random walk {name}, steps", size=size, value=WALKED / seconds, unit="actions/s", more_is_better=True)
        )
    return rows


def curves() -> list[Row]:
    """How the cost grows from a hundred actions to a million: time for each action of the model, and of a walk."""
    rows = []
    for exponent in range(2, 7):
        size, repetitions = 10**exponent, 3 if exponent < 5 else 1
        model = by_name(f"rnd_{size}")
        prepared, network = cpu_seconds(lambda _, model=model: Network(model, dry=True), repetitions=repetitions)
        planned, tour = cpu_seconds(_planned, lambda network=network: network, repetitions)
        ways = ShortestWays(network, _start(network), {})
        shortest, _ = cpu_seconds(lambda _, ways=ways: ways.to(frozenset({"v1"})), repetitions=repetitions)
        told, _ = cpu_seconds(_told, lambda model=model: model, 1)
        for work, seconds in (("prepared", prepared), (f"tour of {tour.actions:,} actions", planned), ("shortest way", shortest)):
            rows.append(Row(work=f"rnd_{size:,}", size=work, value=seconds / size * 1e6, unit="µs an action of the model"))
        rows.append(Row(work=f"rnd_{size:,}", size="random walk", value=told / TOLD * 1e9, unit="ns an action walked"))
    return rows


def whole_command() -> list[Row]:
    """`melanzana generate`, from the start of the process to its end, its children's CPU seconds."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rnd_1000.yaml"
        file.write_text(write_text(by_name("rnd_1000")), "utf-8")
        for path, target in (("random(actions(1000))", 250), ("tour()", None)):
            seconds, _ = _of_children(["generate", str(file), "--seed", "1", "--path", path])
            rows.append(Row(work="melanzana generate, 1,000 actions", size=path, value=seconds * 1e3, unit="ms", target=target))
    return rows


def _of_children(arguments: list[str]) -> tuple[float, Any]:
    """CPU seconds of the command, the median of five, after one that warms the caches."""

    def spent(_: Any) -> float:
        before = os.times()
        command = [str(Path(sys.executable).with_name("melanzana")), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    spent(None)
    return sorted(spent(None) for _ in range(5))[2], None


def _start(network: Network) -> Position:
    position = Position(network, Prng(1), {})
    position.restart()
    position.enter(network.start.index)
    return position


def _planned(network: Network) -> Tour:
    return plan_tour(network, Landscape(network), _start(network), durations={}, reset_seconds=None)


def _greedy(tour: Tour) -> int:
    space: Configurations = configurations(tour.space.network, Landscape(tour.space.network), _start(tour.space.network))
    start = space.enter(_start(tour.space.network))
    space.explore()
    wanted = bytearray(len(tour.costs))
    for label in space.labels:
        wanted[label] = 1
    return len(greedy_cover(space, start, tour.costs, space.size() * SECOND, wanted))


def _told(model: Model) -> Tally | None:
    return tally(model, WalkPlan(path=f"random(actions({TOLD}))", seed=1, dry=True))


def _walked(model: Model) -> Walk:
    walk = Walk(model, WalkPlan(path=f"random(actions({WALKED}))", seed=1, dry=True))
    while (step := walk.next_step()) is not None:
        walk.record(step, Verdict.PASSED)
    return walk

"""Hours of bad luck in seconds: the real server and agents under seeded trouble keep every promise.

`MELANZANA_SIMULATION_SECONDS` is the time to spend (10 by default), `MELANZANA_SIMULATION_SEED` the first seed (1). A seed that
fails is printed and can be replayed alone; put it into `regressions.txt`.
"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from simulation.planting import PLANTS
from simulation.scenario import Simulation, simulate
from simulation.watching import Violation

REGRESSIONS = [
    int(line.split()[0])
    for line in Path(__file__).with_name("regressions.txt").read_text().splitlines()
    if not line.startswith("#")
]
#: A seed at which a planted bug shows that needs a rare meeting of events. Any change of the protocol moves it: the search goes on
#: from here, and the seed it prints belongs here and into `regressions.txt`.
SHOWS_AT = {"no_fencing": 25, "agent_ignores_its_deadline": 105}
#: Seeds that may be spent on finding a planted bug.
SEARCH = 300


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Agents and server log thousands of lines about trouble that is meant."""
    kept = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.configure(**kept)


@pytest.mark.parametrize("seed", REGRESSIONS)
def test_a_seed_that_once_failed_passes(seed: int) -> None:
    """Every seed of the regression file keeps every promise."""
    simulate(Simulation(seed=seed))


@pytest.mark.slow
def test_every_promise_holds_under_trouble(record_property: Callable[[str, object], None]) -> None:
    """As many seeds as fit into the time: nothing accepted is lost, nothing ended comes back, every log is whole and truthful."""
    budget = float(os.environ.get("MELANZANA_SIMULATION_SECONDS", "10"))
    first = seed = int(os.environ.get("MELANZANA_SIMULATION_SEED", "1"))
    began, simulated = time.monotonic(), 0.0
    while time.monotonic() - began < budget:
        try:
            simulated += simulate(Simulation(seed=seed))
        except Violation as error:
            pytest.fail(f"seed {seed}: {error} (replay: MELANZANA_SIMULATION_SEED={seed})")
        seed += 1
    record_property("figure", f"simulation: seeds {first} to {seed - 1}, {simulated / 3600:.1f} simulated hours, no violation")
    assert simulated > 0


def test_the_same_seed_tells_the_same_story() -> None:
    """Two plays of one seed go through the same states at the same length of log, so a failing seed can be replayed."""
    plays = [Simulation(seed=5), Simulation(seed=5)]
    assert simulate(plays[0]) == simulate(plays[1])
    assert plays[0].watcher.history == plays[1].watcher.history


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PLANTS))
def test_a_planted_bug_is_found(name: str) -> None:
    """A simulation that finds nothing is worth nothing: each bug planted on purpose is found."""
    first = SHOWS_AT.get(name, 1)
    with PLANTS[name]():
        for seed in range(first, first + SEARCH):
            try:
                simulate(Simulation(seed=seed))
            except Violation as error:
                print(f"{name}: seed {seed}: {str(error)[:150]}")
                return
    pytest.fail(f"{name} was not found in seeds {first} to {first + SEARCH - 1}")

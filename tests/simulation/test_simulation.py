"""Hours of bad luck in seconds: the real services and agents under seeded trouble keep every promise.

Each run of the tests plays at least 100 simulated hours: a few with a fault every few seconds, and whole days with trouble now
and then. `MELANZANA_SIMULATION_SEED` is the first seed (1), `MELANZANA_SIMULATION_TIMES` multiplies the hours (1). A seed that
fails is printed; put it into `regressions.txt`, then mend what it found.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from simulation.planting import PLANTS
from simulation.playing import Played, Simulation, simulate
from simulation.scenarios import DAY, DENSE, SCENARIOS, STEADY_DAY, Scenario
from simulation.watching import Violation

REGRESSIONS = [
    (line.partition(":")[0], int(line.partition(":")[2].split()[0]))
    for line in Path(__file__).with_name("regressions.txt").read_text().splitlines()
    if not line.startswith("#")
]
FIRST_SEED = int(os.environ.get("MELANZANA_SIMULATION_SEED", "1"))
TIMES = float(os.environ.get("MELANZANA_SIMULATION_TIMES", "1"))
#: Seeds of its own scenario within which a planted bug must be found.
SEARCH = 25


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Agents and servers log thousands of lines about trouble that is meant."""
    kept = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.configure(**kept)


@pytest.mark.parametrize(("name", "seed"), REGRESSIONS)
def test_a_seed_that_once_failed_passes(name: str, seed: int) -> None:
    """Every seed of the regression file keeps every promise."""
    simulate(Simulation(seed=seed, scenario=SCENARIOS[name]))


@pytest.mark.slow
@pytest.mark.parametrize(("scenario", "hours"), [(DENSE, 5.0), (DAY, 50.0), (STEADY_DAY, 50.0)], ids=["dense", "day", "steady day"])
def test_every_promise_holds_under_trouble(
    scenario: Scenario, hours: float, record_property: Callable[[str, object], None]
) -> None:
    """Nothing accepted is lost, nothing ended comes back, every log is whole and true, no system under test has two drivers."""
    seed, played = FIRST_SEED, Played(0.0, 0, 0)
    while played.seconds < TIMES * hours * 3600:
        try:
            more = simulate(Simulation(seed=seed, scenario=scenario))
        except Violation as error:
            pytest.fail(f"{scenario.name}: seed {seed}: {error}\n(write `{scenario.name}: {seed}` into regressions.txt)")
        played = Played(played.seconds + more.seconds, played.messages + more.messages, played.faults + more.faults)
        seed += 1
    done = played.seconds / 3600
    record_property(
        "figure",
        f"simulation, {scenario.name}: seeds {FIRST_SEED} to {seed - 1}, {done:.1f} simulated hours, "
        f"{played.messages / done:.0f} messages and {played.faults / done:.0f} faults an hour, no violation",
    )


def test_the_same_seed_tells_the_same_story() -> None:
    """Two plays of one seed go through the same states at the same length of log, so a failing seed can be replayed."""
    plays = [Simulation(seed=5), Simulation(seed=5)]
    assert simulate(plays[0]) == simulate(plays[1])
    assert plays[0].watcher.changes == plays[1].watcher.changes


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PLANTS))
def test_a_planted_bug_is_found(name: str, record_property: Callable[[str, object], None]) -> None:
    """A simulation that finds nothing is worth nothing: each bug planted on purpose is found by the scenario aimed at it."""
    planted = PLANTS[name]
    with planted.plant():
        for seed in range(1, SEARCH + 1):
            try:
                simulate(Simulation(seed=seed, scenario=planted.scenario))
            except Violation as error:
                record_property("figure", f"planted {name}: {planted.scenario.name}, seed {seed}: {str(error)[:80]}")
                return
    pytest.fail(f"{name} was not found in seeds 1 to {SEARCH} of {planted.scenario.name}")

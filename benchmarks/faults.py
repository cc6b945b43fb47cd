"""How soon a fault is hit that was planted where nobody knows: the median of actions until then, over models and seeds.

    python benchmarks/faults.py [--models 10] [--seeds 20] [--first 1000]

`--models` of each of the three kinds (`benchmarks/faults/models.py`); their seeds begin at `--first`: `explore` was tuned on others
(1 to 10). GraphWalker's `random` draws among what may be performed, as ours does, so one column stands for both; its `quick_random` is written
anew in `benchmarks/faults/baseline.py`. `limit` is half the number of places where the fault might be: a walk that met another one with every
action would need so many in the median, and none that knows nothing can need fewer.
"""

import argparse
import statistics
from collections.abc import Callable
from functools import partial

from faults.baseline import quick_random
from faults.models import KINDS, Fault, faulty

from melanzana.generation.walk import Walk, WalkPlan, walk_steps
from melanzana.graph.model import Model

#: A walk that has not met the fault by then counts as this long.
MOST = 20_000
_Generator = Callable[[Model, Fault, int], int]


def by_walk(path: str, model: Model, fault: Fault, seed: int) -> int:
    """Actions of one of our generators until the fault."""
    walk = Walk(model, WalkPlan(path=f"{path}(actions({MOST}))", seed=seed, dry=True))
    return fault.seen(walk_steps(walk)) or MOST


def by_baseline(model: Model, fault: Fault, seed: int) -> int:
    before = ""
    for number, (action, n, mode) in enumerate(quick_random(model, seed, MOST), 1):
        if action == fault.action and fault.after in ("", before) and fault.values in ((), (n, mode)):
            return number
        before = action
    return MOST


GENERATORS: dict[str, _Generator] = {
    "random": partial(by_walk, "random"),
    "quick_random": by_baseline,
    "quick": partial(by_walk, "quick"),
    "explore": partial(by_walk, "explore"),
}
BASELINES = ("random", "quick_random")


def main(models: int, seeds: int, first: int) -> None:
    print(f"{'planted fault':<18}" + "".join(f"{name:>14}" for name in GENERATORS) + f"{'ratio':>10}{'limit':>10}")
    everything: dict[str, list[int]] = {name: [] for name in GENERATORS}
    for kind in KINDS:
        counts: dict[str, list[int]] = {name: [] for name in GENERATORS}
        limits = []
        for number in range(models):
            model, fault, of = faulty(kind, first + number)
            limits.append(of / 2)
            for name, generator in GENERATORS.items():
                counts[name] += [generator(model, fault, seed) for seed in range(seeds)]
        show(kind, counts, statistics.median(limits))
        for name, found in counts.items():
            everything[name] += found
    show("all", everything)
    print(
        f"medians of actions until the fault, {models} models of a kind × {seeds} seeds; ratio: explore to the better of random and quick_random"
    )


def show(what: str, counts: dict[str, list[int]], limit: float | None = None) -> None:
    medians = {name: statistics.median(found) for name, found in counts.items()}
    ratio = medians["explore"] / min(medians[name] for name in BASELINES)
    print(
        f"{what:<18}"
        + "".join(f"{medians[name]:>14,.0f}" for name in GENERATORS)
        + f"{ratio:>10.2f}"
        + ("" if limit is None else f"{limit:>10,.0f}"),
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=10, help="of each kind [10]")
    parser.add_argument("--seeds", type=int, default=20, help="of each model [20]")
    parser.add_argument("--first", type=int, default=1_000, help="seed of the first model [1000]")
    given = parser.parse_args()
    main(given.models, given.seeds, given.first)

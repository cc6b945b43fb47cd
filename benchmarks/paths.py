"""The path engine in figures: how short its paths are and what they cost, on seeded models (`benchmarks/paths/models.py`).

    python benchmarks/paths.py [part …]

Parts: tours, guarded, shortest, walks, command, peers, curves; all of them without any. Prints a table of medians in CPU time of one core, beside the
figures that the engine is held to; `peers` runs other people's programs on the same models and takes some minutes.
"""

import sys

from paths import peers, workloads
from paths.measure import table

PARTS = {
    "tours": workloads.unguarded_tours,
    "guarded": workloads.guarded_tours,
    "shortest": workloads.shortest_ways,
    "walks": workloads.random_walks,
    "command": workloads.whole_command,
    "peers": peers.rows,
    "curves": workloads.curves,
}


def main(wanted: list[str]) -> None:
    unknown = [part for part in wanted if part not in PARTS]
    if unknown:
        raise SystemExit(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    print(table([row for part in wanted or PARTS for row in PARTS[part]()]))


if __name__ == "__main__":
    main(sys.argv[1:])

"""Time and memory of writing a long run as files: `python benchmarks/report_files.py [--steps 100000]`.

The steps are made as they are asked for, so what is measured is the writer's own memory, by tracemalloc.
"""

import argparse
import sys
import time
import tracemalloc
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from melanzana.reports.files.formats import FOLDER_WRITERS, WRITERS
from support_report_files import ManySteps, run_data


def measure(steps: int) -> None:
    run = run_data(ManySteps(steps))
    for name, parts in {
        **{form: [("", writer(run))] for form, writer in WRITERS.items()},
        **{form: writer(run) for form, writer in FOLDER_WRITERS.items()},
    }.items():
        tracemalloc.start()
        begun, size = time.process_time(), 0
        for _, texts in parts:
            size += sum(len(text) for text in texts)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(
            f"{name:7} {steps:,} steps: {size / 1e6:6.1f} MB written, peak {peak / 1e6:5.1f} MB, {time.process_time() - begun:5.1f} s CPU (traced)"
        )


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--steps", type=int, default=100_000)
    measure(arguments.parse_args().steps)

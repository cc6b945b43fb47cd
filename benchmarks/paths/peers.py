"""The same work by programs of other people's making, side by side with ours, on the same models.

GraphWalker (the jar inside the `altwalker` wheel, with Java), xstate (with Node and npm) and Hypothesis are fetched from the
package indexes into `benchmarks/.peers` when they are not there; one that cannot be had is left out, and a row says so. Ours and
GraphWalker are measured as whole processes that print the path, xstate and Hypothesis inside their processes: start-up excluded.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from melanzana.generation.tally import tally
from melanzana.generation.walk import WalkPlan
from melanzana.graph.formats.text import write_text
from melanzana.graph.formats.writing import Format, write_model
from paths import stateful
from paths.measure import Row, cpu_seconds
from paths.models import by_name

FOLDER = Path(__file__).parents[1] / ".peers"
ALTWALKER, XSTATE = "altwalker==0.4.0", "xstate@5"
JAR = FOLDER / "altwalker/data/graphwalker/graphwalker-cli.jar"
SCRIPT = Path(__file__).with_name("xstate_walk.mjs")
REPETITIONS = 3
#: Seconds after which a peer is stopped and its row says so.
PATIENCE = 20.0
_COVER = "(edge_coverage(100))"
#: An action as `melanzana generate` prints it, indented below its state.
_ACTION = re.compile(r"^ *\d+    \S", re.MULTILINE)


class Measured(NamedTuple):
    """CPU seconds and actions performed; None: it did not come to an end in time."""

    seconds: float
    actions: int


def rows() -> list[Row]:
    """Everything against every peer."""
    with tempfile.TemporaryDirectory() as name:
        return [row for work in (_random, _short) for row in work(Path(name))]


def _random(folder: Path) -> Iterator[Row]:
    """A random walk until every transition is covered."""
    for model in ("rnd_100", "menu_5", "rnd_1000"):
        work = f"random to 100 %, {model}"
        ours = _median(lambda model=model: _melanzana(folder, model, "random(transition_coverage(100))"))
        yield _row(work, "melanzana generate (process)", ours, ours)
        yield _row(work, "GraphWalker 4.3 random (process)", _of_java(folder, model, f"random{_COVER}"), ours)
        inside = _median(lambda model=model: _inside(model))
        yield _row(work, "melanzana tally (in process)", inside, inside)
        if model != "menu_5":  # the exported machine has no code behind its guards
            yield _row(work, "xstate 5 (in process)", _of_node(folder, model), inside)
        if model == "rnd_100":
            yield _row(
                work, "Hypothesis stateful (in process)", _median(lambda: Measured(*stateful.walk(by_name("rnd_100"))), 1), inside
            )


def _short(folder: Path) -> Iterator[Row]:
    """The shortest walk through every transition that each has to offer."""
    for model in ("rnd_100", "menu_5", "rnd_1000"):
        work = f"short to 100 %, {model}"
        ours = _median(lambda model=model: _melanzana(folder, model, "tour()"))
        yield _row(work, "melanzana generate, tour (process)", ours, ours)
        yield _row(work, "GraphWalker 4.3 quick_random (process)", _of_java(folder, model, f"quick_random{_COVER}"), ours)


def _row(work: str, who: str, found: Measured | str, ours: Measured | str) -> Row:
    if isinstance(found, str):
        return Row(work=work, size=f"{who}: {found}", value=0.0, unit="ms")
    ratio = "" if found is ours or isinstance(ours, str) else f", {found.seconds / ours.seconds:,.1f} × the time"
    longer = "" if found is ours or isinstance(ours, str) else f", {found.actions / ours.actions:.2f} × the actions"
    return Row(work=work, size=f"{who}: {found.actions:,} actions{longer}{ratio}", value=found.seconds * 1e3, unit="ms")


def _median(measure: Callable[[], Measured | str], repetitions: int = REPETITIONS) -> Measured | str:
    good: list[Measured] = []
    while len(good) < repetitions:
        found = measure()
        if isinstance(found, str):
            return f"{found} (run {len(good) + 1})"
        good.append(found)
    return Measured(statistics.median(each.seconds for each in good), round(statistics.median(each.actions for each in good)))


# ---- ours


def _melanzana(folder: Path, model: str, path: str) -> Measured | str:
    file = folder / f"{model}.yaml"
    if not file.exists():
        file.write_text(write_text(by_name(model)), "utf-8")
    command = [str(Path(sys.executable).with_name("melanzana")), "generate", str(file), "--path", path]
    ended = _process(command)
    return ended if isinstance(ended, str) else Measured(ended[0], len(_ACTION.findall(ended[1])))


def _inside(model: str) -> Measured:
    """With another seed each time, as the peers have."""
    subject, seed = by_name(model), int.from_bytes(os.urandom(4))
    plan = WalkPlan(path="random(transition_coverage(100))", seed=seed, dry=True)
    seconds, told = cpu_seconds(lambda _: tally(subject, plan), repetitions=1)
    return Measured(seconds, told.progress.actions)


# ---- peers


def _of_java(folder: Path, model: str, generator: str) -> Measured | str:
    if shutil.which("java") is None:
        return "no Java here"
    if not JAR.exists() and not _fetched_jar():
        return f"{ALTWALKER} cannot be fetched"
    file = folder / f"{model}.json"
    file.write_text(write_model(by_name(model), Format.GRAPHWALKER).text, "utf-8")
    command = ["java", "-jar", str(JAR), "offline", "-m", str(file), generator]

    def measure() -> Measured | str:
        ended = _process(command)
        return ended if isinstance(ended, str) else Measured(ended[0], len(ended[1].splitlines()) // 2)

    return _median(measure)


def _of_node(folder: Path, model: str) -> Measured | str:
    if shutil.which("npm") is None:
        return "no Node here"
    if not (FOLDER / "node_modules/xstate").exists() and not _fetched_xstate():
        return f"{XSTATE} cannot be fetched"
    file = folder / f"{model}.xstate.json"
    file.write_text(write_model(by_name(model), Format.XSTATE).text, "utf-8")
    script = shutil.copy(SCRIPT, FOLDER)  # packages are looked for beside the script

    def measure() -> Measured | str:
        ended = _process(["node", str(script), str(file), str(int.from_bytes(os.urandom(4)))])
        if isinstance(ended, str):
            return ended
        told = json.loads(ended[1])
        return Measured(told["seconds"], told["actions"])

    return _median(measure)


def _fetched_jar() -> bool:
    FOLDER.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(FOLDER), ALTWALKER]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        return False
    with zipfile.ZipFile(next(FOLDER.glob("altwalker-*.whl"))) as wheel:
        wheel.extract(JAR.relative_to(FOLDER).as_posix(), FOLDER)
    return True


def _fetched_xstate() -> bool:
    FOLDER.mkdir(exist_ok=True)
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(FOLDER), XSTATE]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _process(command: list[str]) -> tuple[float, str] | str:
    """CPU seconds of a process and what it printed; in words why there is none."""
    before = os.times()
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return f"no end after {PATIENCE:.0f} s"
    after = os.times()
    if ended.returncode:
        return f"failed: {ended.stderr.strip().splitlines()[-1:]}"
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return spent, ended.stdout

"""The whole of Melanzana in one go: `make demo`, and `make demo-web` in a browser.

Starts a WebDAV server (a real one, by other people), or the example's web shop, and Melanzana beside it on loopback, gets
credentials and a token, imports the example's model, has the local agent run it against that system, follows the run and prints
what it covered. Ends everything it started, whatever happens. Exit code 0: the run passed; 1: it did not; 3: something could not
be started.

`--fault NAME` plants a fault in the system and shows which step finds it. `--keep` (`make dev`) leaves everything running.
"""

import argparse
import asyncio
import csv
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import httpx
from child_process import ChildFailedError, ChildProcess
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from melanzana.client.rest import RestClient, StartOptions
from melanzana.client.tokens import ClientCredentials
from melanzana.errors import MelanzanaError

Json = dict[str, Any]

ROOT = Path(__file__).resolve().parents[1]
PETCLINIC = ROOT.parent / "shared" / "models" / "petclinic.graphwalker.json"
MELANZANA = [sys.executable, "-m", "melanzana.cli.main"]
DRY_EXPRESSION = "weighted(transition_coverage(100) or actions(1000))"
CLIENT_FILE = "client.csv"
DEV_PORT = 8000
#: Between two looks at a run, in seconds.
POLL_SECONDS = 0.2
EXIT_NOT_STARTED, EXIT_INTERRUPTED = 3, 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A model with its action code and its system under test, `server.py`."""

    folder: Path
    label: str
    system: str  #: what it is when it is healthy
    variable: str  #: of the environment, by which action code finds it
    path: str

    @property
    def model(self) -> Path:
        return self.folder / f"{self.folder.name}.yaml"


EXAMPLES = {
    "webdav": Example(
        folder=ROOT / "examples" / "webdav",
        label="WebDAV server",
        system="WsgiDAV, healthy",
        variable="WEBDAV_URL",
        path="weighted(transition_coverage(100) or actions(400))",
    ),
    "webshop": Example(
        folder=ROOT / "examples" / "webshop",
        label="Web shop",
        system="healthy",
        variable="BASE_URL",
        path="tour() then weighted(actions(12))",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    example: Example
    fault: str | None
    petclinic: Path | None
    keep: bool
    seed: int


def main() -> int:
    options = _parse()
    console = Console(highlight=False, soft_wrap=True)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with ExitStack() as stack:
            passed = _demo(console, options, stack)
    except KeyboardInterrupt:
        console.print("stopped")
        return EXIT_INTERRUPTED
    except (ChildFailedError, MelanzanaError, OSError) as error:
        console.print(f"demo: {error}", style="red", markup=False)
        return EXIT_NOT_STARTED
    return 0 if passed else 1


def _demo(console: Console, options: Options, stack: ExitStack) -> bool:
    """Start everything on `stack`, run, and say whether every run passed."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="melanzana-demo-")))
    example = options.example
    system_url = stack.enter_context(_system(folder, example, options.fault))
    how = example.system.replace("healthy", f"planted fault {options.fault}") if options.fault else example.system
    _say(console, example.label, f"{system_url} ({how})")
    environment = _environment({example.variable: system_url}, DEV_PORT if options.keep else _free_port(), folder / "data")
    url = stack.enter_context(_melanzana(folder, environment))
    _say(console, "Melanzana", f"{url} (API documentation: {url}/docs)")
    credentials = _make_client(folder, environment)
    _say(console, "API client", credentials["client_id"])
    tokens = ClientCredentials(credentials["token_url"], credentials["client_id"], credentials["client_secret"])
    passed = asyncio.run(_runs(Guide(console, url), tokens, options))
    if options.keep:
        _say(console, "Kept running", f"until Ctrl-C; client_id and client_secret are in {folder / CLIENT_FILE}")
        while True:
            signal.pause()
    return passed


@contextmanager
def _system(folder: Path, example: Example, fault: str | None) -> Iterator[str]:
    """The system under test; its address."""
    ready = folder / "system.url"
    command = [
        sys.executable,
        str(example.folder / "server.py"),
        "--ready-file",
        str(ready),
        *(["--fault", fault] if fault else []),
    ]
    with ChildProcess(example.label, command, folder / "system.log") as child:
        child.wait_for(lambda: ready.exists() or None, "it was ready")
        yield ready.read_text("utf-8")


def _environment(system: dict[str, str], port: int, data: Path) -> dict[str, str]:
    """For every `melanzana` command of the demo, free of the settings of whoever runs it; action code finds its `system` in it."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("MELANZANA_")}
    ours = {"MELANZANA_PORT": str(port), "MELANZANA_DATA": str(data), "MELANZANA_LOG_LEVEL": "WARNING"}
    return others | ours | {"MELANZANA_AGENT_ENV": ",".join(system)} | system


@contextmanager
def _melanzana(folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """The server, with its local agent."""
    url = f"http://localhost:{environment['MELANZANA_PORT']}"
    with ChildProcess("Melanzana", [*MELANZANA, "serve"], folder / "melanzana.log", environment) as child:
        child.wait_for(lambda: _is_ready(url), "it was ready")
        yield url


def _is_ready(url: str) -> bool | None:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).is_success or None
    except httpx.TransportError:
        return None


def _make_client(folder: Path, environment: dict[str, str]) -> dict[str, str]:
    """A new API client: its `token_url`, `client_id` and `client_secret`."""
    file = folder / CLIENT_FILE
    command = [*MELANZANA, "client", "create", "--name", "demo", "--csv", str(file)]
    made = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if made.returncode:
        raise ChildFailedError(f"melanzana client create: {made.stderr.strip() or made.stdout.strip()}")
    with file.open(encoding="utf-8", newline="") as lines:
        return next(csv.DictReader(lines))


async def _runs(guide: "Guide", tokens: ClientCredentials, options: Options) -> bool:
    async with RestClient(guide.url, tokens) as api:
        passed = await _run_example(guide, api, options.example, options.seed)
        if options.petclinic and not options.fault and options.example is EXAMPLES["webdav"]:
            passed = await _dry_run(guide, api, options.petclinic, options.seed) and passed
    return passed


async def _run_example(guide: "Guide", api: RestClient, example: Example, seed: int) -> bool:
    """Import the example's model and have the local agent perform it."""
    model = await api.import_model(_read(example.model))
    guide.say("Model", f"{model['name']}, version {model['version']}")
    wanted = StartOptions(
        model_id=model["modeluuid"],
        agent={"agent_id": "local", "is_hosted_agent": True},
        asset={"asset_path": str(example.folder / "suite")},
        extras={"path": example.path, "seed": seed},
    )
    started = await api.start_execution(wanted)
    guide.say("Execution", f"{started['execution_id']} on agent local: {example.path}, seed {seed}")
    return guide.report(await guide.follow(api, started["run_id"]), await api.coverage(model["id"]))


async def _dry_run(guide: "Guide", api: RestClient, file: Path, seed: int) -> bool:
    """Import a GraphWalker model and generate a path through it; nothing is performed."""
    model = await api.import_model(_read(file))
    guide.say("Model", f"{model['name']}, from {file.name}")
    wanted = StartOptions(model_id=model["modeluuid"], extras={"path": DRY_EXPRESSION, "seed": seed})
    started = await api.start_execution(wanted)
    guide.say("Execution", f"{started['execution_id']}, a dry run: {DRY_EXPRESSION}, seed {seed}")
    return guide.report(await guide.follow(api, started["run_id"]), await api.coverage(model["id"]))


class Guide:
    """Tells on the console what happens: a bar that moves on a terminal, plain lines elsewhere."""

    def __init__(self, console: Console, url: str) -> None:
        self._console = console
        self.url = url

    def say(self, label: str, text: str, style: str = "") -> None:
        _say(self._console, label, text, style)

    async def follow(self, api: RestClient, run_id: int) -> Json:
        """Look at the run again and again until it has ended; returns how."""
        if self._console.is_terminal:
            return await self._follow_with_bar(api, run_id)
        shown = 0
        while (run := await api.run(run_id))["status"] == "Running":
            if _steps(run) >= shown + 100:
                shown = _steps(run)
                self.say("", f"{shown} steps, {_covered(run):.0%} of the transitions")
            await asyncio.sleep(POLL_SECONDS)
        return run

    async def _follow_with_bar(self, api: RestClient, run_id: int) -> Json:
        columns = (TextColumn("{task.description:<14}"), BarColumn(), TextColumn("{task.fields[steps]} steps"), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True) as progress:
            bar = progress.add_task("Transitions", total=1.0, steps=0)
            while (run := await api.run(run_id))["status"] == "Running":
                progress.update(bar, completed=_covered(run), steps=_steps(run))
                await asyncio.sleep(POLL_SECONDS)
        return run

    def report(self, run: Json, coverage: Json) -> bool:
        """Print how the run came out and what all runs of its model covered; True when it passed."""
        passed = bool(run["status"] == "Passed")
        self.say(run["status"], f"{_steps(run)} steps in {run['duration_seconds'] or 0:.1f} s", "green" if passed else "red")
        if not passed:
            self.say("Failing step", _failure(run), "red")
        figures = ((kind, coverage["totals"][kind]) for kind in ("state", "action", "transition"))
        self.say("Coverage", ", ".join(f"{figure['covered']} of {figure['total']} {kind}s" for kind, figure in figures))
        self.say("Run", f"{self.url}/ai/runs/{run['id']}")
        return passed


def _read(file: Path) -> str:
    return file.read_text("utf-8")


def _failure(run: Json) -> str:
    step = run["failing_step"]
    if step is None:
        return str(run["message"])
    return f"{step['number']}, {step['kind']} {step['element']}: {'; '.join(step['message'].splitlines()[:2])}"


def _steps(run: Json) -> int:
    return int(run["progress"]["steps"])


def _covered(run: Json) -> float:
    return float(run["progress"]["coverage"]["transition"]["coverage"])


def _say(console: Console, label: str, text: str, style: str = "") -> None:
    console.print(f"{label:<14}", end=" ", style=style or "bold", markup=False)
    console.print(text, markup=False)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _parse() -> Options:
    parser = argparse.ArgumentParser(description="Melanzana end to end against a real system.")
    parser.add_argument("--example", choices=list(EXAMPLES), default="webdav", help="which one (default webdav)")
    parser.add_argument("--fault", help="plant this fault in the system (examples/webdav/server.py --list-faults)")
    parser.add_argument("--petclinic", type=Path, help="also dry-run this GraphWalker model")
    parser.add_argument("--keep", action="store_true", help=f"serve on port {DEV_PORT} and stay up until Ctrl-C")
    parser.add_argument("--seed", type=int, default=7, help="seed of the path (default 7)")
    given = parser.parse_args()
    petclinic = given.petclinic or (PETCLINIC if PETCLINIC.exists() else None)
    return Options(example=EXAMPLES[given.example], fault=given.fault, petclinic=petclinic, keep=given.keep, seed=given.seed)


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())

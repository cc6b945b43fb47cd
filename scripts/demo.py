"""The whole of Melanzana in one go: `make demo`.

Starts a WebDAV server (a real one, by other people) and Melanzana beside it on loopback, gets credentials and a token, imports the
model in `examples/webdav`, has the local agent run it against the WebDAV server, follows the run and prints what it covered. Ends
everything it started, whatever happens. Exit code 0: the run passed; 1: it did not; 3: something could not be started.

`--fault NAME` plants a fault in the WebDAV server and shows which step finds it. `--keep` (`make dev`) leaves everything running.
"""

import argparse
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
from api_session import ApiError, ApiSession, ClientCredentials, Json
from child_process import ChildFailedError, ChildProcess
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "webdav"
PETCLINIC = ROOT.parent / "shared" / "models" / "petclinic.graphwalker.json"
MELANZANA = [sys.executable, "-m", "melanzana.cli.main"]
PATH_EXPRESSION = "weighted(transition_coverage(100) or actions(400))"
DRY_EXPRESSION = "weighted(transition_coverage(100) or actions(1000))"
DEV_PORT = 8000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    fault: str | None
    petclinic: Path | None
    keep: bool
    seed: int


def main() -> int:
    options = _parse()
    console = Console(highlight=False, soft_wrap=True)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _demo(console, options)
    except KeyboardInterrupt:
        console.print("stopped")
        return 130
    except (ChildFailedError, ApiError, httpx.TransportError, OSError) as error:
        console.print(f"demo: {error}", style="red", markup=False)
        return 3


def _demo(console: Console, options: Options) -> int:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="melanzana-demo-")))
        webdav_url = stack.enter_context(_webdav_server(folder, options.fault))
        _say(
            console, "WebDAV server", f"{webdav_url} (WsgiDAV, {f'planted fault {options.fault}' if options.fault else 'healthy'})"
        )
        url = stack.enter_context(_melanzana(folder, webdav_url, DEV_PORT if options.keep else _free_port()))
        _say(console, "Melanzana", f"{url} (API documentation: {url}/docs)")
        credentials = _make_client(folder)
        _say(console, "API client", credentials.client_id)
        api = ApiSession(url, credentials)
        stack.callback(api.close)
        passed = _run_example(console, api, options.seed)
        if options.petclinic:
            passed = _dry_run(console, api, options.petclinic, options.seed) and passed
        if options.keep:
            _keep(console, folder / "client.csv")
    return 0 if passed else 1


@contextmanager
def _webdav_server(folder: Path, fault: str | None) -> Iterator[str]:
    ready = folder / "webdav.url"
    command = [sys.executable, str(EXAMPLE / "server.py"), "--ready-file", str(ready), *(["--fault", fault] if fault else [])]
    with ChildProcess("WebDAV server", command, folder / "webdav.log") as child:
        child.wait_for(lambda: ready.exists() or None, "it was ready")
        yield ready.read_text("utf-8")


@contextmanager
def _melanzana(folder: Path, webdav_url: str, port: int) -> Iterator[str]:
    """The server, with its local agent; the agent hands WEBDAV_URL on to the action code."""
    url = f"http://localhost:{port}"
    command = [*MELANZANA, "serve", "--port", str(port), "--data", str(folder / "data"), "--log-level", "WARNING"]
    with ChildProcess("Melanzana", command, folder / "melanzana.log", {"WEBDAV_URL": webdav_url}) as child:
        child.wait_for(lambda: _is_ready(url), "it was ready")
        yield url


def _is_ready(url: str) -> bool | None:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).is_success or None
    except httpx.TransportError:
        return None


def _make_client(folder: Path) -> ClientCredentials:
    file = folder / "client.csv"
    command = [*MELANZANA, "client", "create", "--name", "demo", "--data", str(folder / "data"), "--csv", str(file)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        raise ChildFailedError(f"melanzana client create: {made.stderr.strip() or made.stdout.strip()}")
    return ClientCredentials.from_csv(file)


def _run_example(console: Console, api: ApiSession, seed: int) -> bool:
    """Import the WebDAV model and have the local agent perform it."""
    model = api.import_model((EXAMPLE / "webdav.yaml").read_text("utf-8"))
    _say(console, "Model", f"{model['name']}, version {model['version']}")
    started = api.start(
        model_id=model["modeluuid"],
        agent={"agent_id": "local", "is_hosted_agent": True},
        asset={"asset_path": str(EXAMPLE / "suite")},
        path=PATH_EXPRESSION,
        seed=seed,
    )
    _say(console, "Execution", f"{started['execution_id']} on agent local: {PATH_EXPRESSION}, seed {seed}")
    run = _follow(console, api, started["run_id"])
    return _report(console, api, model, run)


def _dry_run(console: Console, api: ApiSession, file: Path, seed: int) -> bool:
    """Import a GraphWalker model and generate a path through it; nothing is performed."""
    model = api.import_model(file.read_text("utf-8"))
    _say(console, "Model", f"{model['name']}, from {file.name}")
    started = api.start(model_id=model["modeluuid"], path=DRY_EXPRESSION, seed=seed)
    _say(console, "Execution", f"{started['execution_id']}, a dry run: {DRY_EXPRESSION}, seed {seed}")
    return _report(console, api, model, _follow(console, api, started["run_id"]))


def _follow(console: Console, api: ApiSession, run_id: int) -> Json:
    """Show the run's progress until it has ended: a line that moves on a terminal, a line a change elsewhere."""
    if not console.is_terminal:
        return _follow_in_lines(console, api, run_id)
    columns = (TextColumn("{task.description:<14}"), BarColumn(), TextColumn("{task.fields[steps]} steps"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("Transitions", total=1.0, steps=0)
        for run in api.follow(run_id):
            progress.update(bar, completed=_covered(run), steps=_steps(run))
    return run


def _follow_in_lines(console: Console, api: ApiSession, run_id: int) -> Json:
    shown = -1
    for run in api.follow(run_id):
        if _steps(run) >= shown + 100:
            shown = _steps(run)
            _say(console, "", f"{shown} steps, {_covered(run):.0%} of the transitions")
    return run


def _report(console: Console, api: ApiSession, model: Json, run: Json) -> bool:
    passed: bool = run["status"] == "Passed"
    _say(console, run["status"], f"{_steps(run)} steps in {run['duration_seconds']:.1f} s", "green" if passed else "red")
    if not passed:
        _say(console, "Failing step", _failure(run), "red")
    kinds = ((kind, api.coverage(model["id"])[f"{kind}_coverage"]) for kind in ("state", "action", "transition"))
    _say(console, "Coverage", ", ".join(f"{found['covered']} of {found['total']} {kind}s" for kind, found in kinds))
    _say(console, "Run", f"{api.url}/ai/runs/{run['id']}")
    return passed


def _failure(run: Json) -> str:
    return f"{run['failed_step']}: {run['message']}"


def _steps(run: Json) -> int:
    return int(run["progress"]["steps"])


def _covered(run: Json) -> float:
    return float(run["progress"]["transition_coverage"])


def _keep(console: Console, credentials: Path) -> None:
    _say(console, "Kept running", f"until Ctrl-C; client_id and client_secret are in {credentials}")
    while True:
        signal.pause()


def _say(console: Console, label: str, text: Any, style: str = "") -> None:
    console.print(f"{label:<14}", end=" ", style=style or "bold", markup=False)
    console.print(text, markup=False)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _parse() -> Options:
    parser = argparse.ArgumentParser(description="Melanzana end to end against a real WebDAV server.")
    parser.add_argument("--fault", help="plant this fault in the WebDAV server (examples/webdav/server.py --list-faults)")
    parser.add_argument("--petclinic", type=Path, help="also dry-run this GraphWalker model")
    parser.add_argument("--keep", action="store_true", help=f"serve on port {DEV_PORT} and stay up until Ctrl-C")
    parser.add_argument("--seed", type=int, default=7, help="seed of the path (default 7)")
    given = parser.parse_args()
    petclinic = given.petclinic or (PETCLINIC if PETCLINIC.exists() else None)
    return Options(fault=given.fault, petclinic=petclinic, keep=given.keep, seed=given.seed)


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())

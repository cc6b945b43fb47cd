"""How fast an abort takes the last process away, and how fast the loss of an agent is seen: real server, real agents, default figures.

`python benchmarks/aborts.py [sqlite] [postgresql] [--aborts N] [--losses N]`. The action code starts a child that ignores SIGTERM and a
grandchild in a session of its own, then waits. An abort is timed from its request until the last of the three processes is gone; a
loss from kill -9 of the agent until `GET /ai/runs/{id}` says how the run ended. `deaf` aborts code that ignores SIGTERM itself.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
from deployment import EXECUTIONS, MELANZANA, Deployment, deployed, token

MODEL = """
model: Family
start: Home
variables:
  folder: {type: text, initial: ""}
  deaf: {type: boolean, initial: false}
states:
  Home:
    actions:
      sit: {to: exit, do: "family:sit", with: {folder: folder, deaf: deaf}}
"""
CODE = '''
"""Action code that leaves a family behind when nobody ends it."""
import os, signal, subprocess, sys, time
from pathlib import Path

CHILD = "import os, signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); note = open(sys.argv[1], 'a'); "
SLEEP = "note.write(f'{os.getpid()}\\\\n'); note.close(); time.sleep(600)"

def sit(folder: str, deaf: bool) -> None:
    if deaf:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note = Path(folder, "pids")
    subprocess.Popen([sys.executable, "-c", CHILD + SLEEP, str(note)])
    subprocess.Popen([sys.executable, "-c", CHILD + "os.setsid(); " + SLEEP, str(note)])
    while not note.exists() or len(note.read_text().split()) < 2:
        time.sleep(0.01)
    with note.open("a") as own:
        own.write(f"{os.getpid()} ready\\n")
    while True:
        time.sleep(0.05)
'''
PATIENCE_SECONDS = 90.0


class Bench:
    """One server, one script, and the folder of the action code."""

    def __init__(self, site: Deployment, folder: Path) -> None:
        self.site, self.folder = site, folder
        self.http = httpx.Client(base_url=site.urls[0], timeout=30)
        self.renew()
        (folder / "suite").mkdir()
        (folder / "suite" / "family.py").write_text(CODE)
        self.model = self.http.post("/ai/models", json={"modeljson": MODEL}).raise_for_status().json()["modeluuid"]

    def renew(self) -> None:
        self.http.headers["Authorization"] = f"Bearer {token(self.site.urls[0], self.site.credentials)}"

    @contextlib.contextmanager
    def agent(self, name: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
        made = self.http.post("/ai/agents", json={"name": name}).raise_for_status().json()
        keys = self.http.post("/ai/agents/generate_secrets", json={"agent_id": made["id"], "host_url": self.site.urls[0]})
        file = self.folder / f"{name}.ini"
        file.write_text(keys.raise_for_status().text.replace("http://bench.example", self.site.urls[0]))
        command = [*MELANZANA, "agent", "--ini", str(file), "--log-level", "ERROR"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                yield str(made["id"]), process
            finally:
                process.terminate()

    def sitting(self, agent: str, number: int, *, deaf: bool = False) -> tuple[dict[str, object], list[int]]:
        """A run whose action code has its family about it, and their pids."""
        place = self.folder / f"run-{number}"
        place.mkdir()
        body = {
            "model_id": self.model,
            "agent": {"agent_id": agent},
            "asset": {"asset_path": str(self.folder / "suite")},
            "parameters": {"folder": str(place), "deaf": deaf},
        }
        started = self.http.post(EXECUTIONS, json=body).raise_for_status().json()
        note = place / "pids"
        wait_for(lambda: note.exists() and "ready" in note.read_text())
        return started, [int(word) for word in note.read_text().split() if word.isdigit()]

    def abort(self, agent: str, number: int, *, deaf: bool) -> float:
        started, pids = self.sitting(agent, number, deaf=deaf)
        began = time.perf_counter()
        self.http.delete(f"{EXECUTIONS}/{started['execution_id']}").raise_for_status()
        wait_for(lambda: not any(map(alive, pids)), pause=0.002)
        took = time.perf_counter() - began
        wait_for(lambda: self.status(started) != "Running")
        return took

    def loss(self, number: int) -> tuple[float, float]:
        """Seconds until the worker's family is gone, and until the run says that its agent was lost."""
        with self.agent(f"lost-{number}") as (agent, process):
            started, pids = self.sitting(agent, number)
            process.send_signal(signal.SIGKILL)
            began = time.perf_counter()
            wait_for(lambda: not any(map(alive, pids)), pause=0.01)
            gone = time.perf_counter() - began
            wait_for(lambda: self.status(started) == "Error", pause=0.1)
            return gone, time.perf_counter() - began

    def status(self, started: dict[str, object]) -> str:
        return str(self.http.get(f"/ai/runs/{started['run_id']}").raise_for_status().json()["status"])


def wait_for(question, pause: float = 0.02) -> None:
    until = time.perf_counter() + PATIENCE_SECONDS
    while not question():
        if time.perf_counter() > until:
            raise SystemExit("waited too long")
        time.sleep(pause)


def alive(pid: int) -> bool:
    """Zombies are gone: nobody runs in them."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def row(name: str, values: list[float]) -> str:
    found = sorted(values)
    p99 = found[min(len(found) - 1, int(len(found) * 0.99))]
    return f"{name:<44} {len(found):>4} {found[len(found) // 2]:>8.2f} {p99:>8.2f} {found[-1]:>8.2f}"


def measure(engine: str, aborts: int, losses: int) -> None:
    with deployed(engine) as site, tempfile.TemporaryDirectory() as folder:
        bench = Bench(site, Path(folder))
        print(f"{engine}: seconds{'':<37} {'n':>4} {'median':>8} {'p99':>8} {'max':>8}")
        with bench.agent("busy") as (agent, _):
            print(row("abort until the last process is gone", [bench.abort(agent, n, deaf=False) for n in range(aborts)]))
            bench.renew()
            deaf = [bench.abort(agent, aborts + n, deaf=True) for n in range(max(3, aborts // 20))]
            print(row("the same, code ignores SIGTERM itself", deaf))
        bench.renew()
        lost = [bench.loss(aborts * 2 + n) for n in range(losses)]
        print(row("agent killed until its worker's tree is gone", [gone for gone, _ in lost]))
        print(row("agent killed until the run says so", [seen for _, seen in lost]))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("engines", nargs="*", default=["sqlite"])
    parser.add_argument("--aborts", type=int, default=100)
    parser.add_argument("--losses", type=int, default=3)
    wanted = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
    for engine in wanted.engines:
        measure(engine, min(wanted.aborts, 200), min(wanted.losses, 10))


if __name__ == "__main__":
    main()

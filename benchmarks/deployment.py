"""Servers to measure: real processes over SQLite, or over a PostgreSQL of their own with synchronous writes on; loopback only."""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
_HTTP = httpx.Client(timeout=30)  # made once: making one costs more than its requests
MELANZANA = [sys.executable, "-m", "melanzana.cli.main"]
MODEL = {
    "model": "Bench",
    "start": "A",
    "states": {"A": {"actions": {"go": "B"}}, "B": {"actions": {"back": "A", "leave": "exit"}}},
}
EXECUTIONS = "/execution_service/api/v1/executions"


@dataclass(frozen=True, slots=True)
class Deployment:
    """What runs, and who may use it."""

    urls: list[str]
    pids: list[int]  #: of the server processes
    credentials: dict[str, str]
    database: str | None  #: address, on PostgreSQL
    folder: str
    ready_seconds: float  #: from the start of the first process until it said that it is ready


@contextlib.contextmanager
def deployed(engine: str, servers: int = 1, *, filled: "Path | None" = None, database: str | None = None) -> Iterator[Deployment]:
    """`servers` processes on one database; `filled` is a data folder to use instead of an empty one."""
    with contextlib.ExitStack() as stack:
        folder = str(filled) if filled else stack.enter_context(tempfile.TemporaryDirectory())
        environment = dict(os.environ)
        if engine == "postgresql":
            database = database or stack.enter_context(durable_postgresql())
            environment["MELANZANA_DATABASE"] = database
        urls, pids, ready = [], [], []
        for _ in range(servers):
            command = [
                *MELANZANA,
                "serve",
                "--no-agent",
                "--port",
                "0",
                "--data",
                folder,
                "--log-level",
                "ERROR",
                "--starts-per-minute",
                "0",
            ]
            began = time.perf_counter()
            process = stack.enter_context(
                subprocess.Popen(
                    [*command, "--public-url", "http://bench.example"], stdout=subprocess.PIPE, text=True, env=environment
                )
            )
            stack.callback(process.terminate)
            process.stdout.readline()
            ready.append(time.perf_counter() - began)
            urls.append(listening(process.pid))
            pids.append(process.pid)
        csv = Path(folder, "bench.csv")
        csv.unlink(missing_ok=True)
        client = [*MELANZANA, "client", "create", "--name", f"bench-{os.getpid()}-{pids[0]}", "--data", folder, "--csv", str(csv)]
        subprocess.run(client, check=True, capture_output=True, env=environment)
        names, row = csv.read_text().splitlines()
        yield Deployment(urls, pids, dict(zip(names.split(","), row.split(","), strict=True)), database, folder, ready[0])


@contextlib.contextmanager
def durable_postgresql() -> Iterator[str]:
    """The address of an empty database whose commits wait for the disk."""
    import psycopg

    import support_postgresql

    with support_postgresql.cluster() as cluster:
        with psycopg.connect(cluster.address(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = on")
            connection.execute("SELECT pg_reload_conf()")
        yield cluster.fresh_database()


def listening(pid: int) -> str:
    """Where the process listens, as the kernel knows it: the public address says nothing of the port."""
    inodes = {str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir() if each.is_symlink()}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
            return f"http://127.0.0.1:{int(fields[1].split(':')[1], 16)}"
    raise SystemExit("the server listens nowhere")


def token(url: str, credentials: dict[str, str]) -> str:
    """An access token of a client or an agent."""
    path = re.sub(r"^https?://[^/]+", "", credentials["token_url"])
    form = {
        "grant_type": "client_credentials",
        "client_id": credentials["client_id"],
        "client_secret": credentials["client_secret"],
    }
    return _HTTP.post(url + path, data=form).raise_for_status().json()["access_token"]


def agent_credentials(url: str, bearer: str, name: str) -> tuple[int, dict[str, str]]:
    """Id and credentials of a new agent."""
    headers = {"Authorization": f"Bearer {bearer}"}
    agent = _HTTP.post(f"{url}/ai/agents", json={"name": name}, headers=headers).raise_for_status().json()["id"]
    body = {"agent_id": agent, "host_url": url}
    ini = _HTTP.post(f"{url}/ai/agents/generate_secrets", json=body, headers=headers).raise_for_status().text
    return agent, dict(line.split(" = ", 1) for line in ini.splitlines() if " = " in line)

"""A real server in a process of its own, an API client made on its command line, and HTTP as a script would speak it.

Journey tests use it: `running_server` starts `melanzana serve`, `Script` is what a user's CI job does.
"""

import contextlib
import csv
import io
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx

Answer = TypeVar("Answer")
MELANZANA = [sys.executable, "-m", "melanzana.cli.main"]
#: Nothing in a journey takes longer than this unless it hangs, in seconds.
PATIENCE_SECONDS = 60.0


def wait_until(question: Callable[[], Answer | None], what: str, seconds: float = PATIENCE_SECONDS) -> Answer:
    """The first answer of `question` that is neither None nor False; AssertionError naming `what` when none comes in time."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        pause.wait(0.05)


@dataclass
class ServerProcess:
    """One `melanzana serve` on a data folder; may be killed and started again on the same port."""

    data: Path
    options: tuple[str, ...] = ()
    port: int = 0
    process: "subprocess.Popen[str] | None" = None
    url: str = ""
    lines: list[str] = field(default_factory=list)

    def start(self) -> None:
        command = [*MELANZANA, "serve", "--port", str(self.port), "--data", str(self.data), *self.options]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        self.lines.clear()
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()
        ready = wait_until(self._ready_line, "the server to say that it is ready")
        self.port = self.port or int(ready.rsplit(":", 1)[1])
        self.url = f"http://localhost:{self.port}"

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self.lines.append(line.rstrip("\n"))

    def _ready_line(self) -> str | None:
        assert self.process is not None
        assert self.process.poll() is None or self.lines, "the server ended without a word"
        assert self.process.poll() is None, "\n".join(self.lines)
        for line in self.lines:
            if found := re.search(r"is ready at (\S+)", line):
                return found.group(1)
        return None

    def kill(self) -> None:
        """SIGKILL, as the kernel or an operator in a hurry does it."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise


def free_port() -> int:
    """A TCP port of loopback that nobody listens on now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@contextlib.contextmanager
def running_server(data: Path, *options: str, port: int = 0) -> Iterator[ServerProcess]:
    """A server on `port`, 0 for a free one, ready; stopped at the end."""
    server = ServerProcess(data, options, port)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def command_line(*arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    """Run `melanzana …` to its end."""
    return subprocess.run([*MELANZANA, *arguments], capture_output=True, text=True, check=check, timeout=PATIENCE_SECONDS)


@dataclass(frozen=True)
class Credentials:
    client_id: str
    client_secret: str
    token_url: str


def create_client(data: Path, folder: Path, name: str = "journey", *options: str) -> Credentials:
    """What `melanzana client create --csv` hands out."""
    file = folder / f"{name}.csv"
    command_line("client", "create", "--name", name, "--data", str(data), "--csv", str(file), *options)
    (row,) = csv.DictReader(io.StringIO(file.read_text("utf-8")))
    return Credentials(row["client_id"], row["client_secret"], row["token_url"])


class Script:
    """A user's script: a token by form, then JSON over HTTP, and nothing but what the API page describes."""

    def __init__(self, url: str, credentials: Credentials) -> None:
        self.credentials = credentials
        self._token_url = re.sub(r"^https?://[^/]+", url, credentials.token_url)
        self._http = httpx.Client(base_url=url, timeout=30)

    def __enter__(self) -> "Script":
        self.authenticate()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def authenticate(self) -> dict[str, Any]:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.credentials.client_id,
            "client_secret": self.credentials.client_secret,
        }
        answer = self._http.post(self._token_url, data=form)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        self._http.headers["Authorization"] = f"bearer {body['access_token']}"
        return body

    def call(self, method: str, path: str, expect: int | tuple[int, ...] = 200, **options: Any) -> Any:
        answer = self._http.request(method, path, **options)
        expected = expect if isinstance(expect, tuple) else (expect,)
        assert answer.status_code in expected, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content and "json" in answer.headers.get("content-type", "") else answer.text

    def import_model(self, source: str) -> dict[str, Any]:
        """201 for a model that is new, 200 for one that was there before."""
        imported: dict[str, Any] = self.call("POST", "/ai/models", (200, 201), json={"modeljson": source})
        return imported

    def start(self, expect: int = 201, headers: dict[str, str] | None = None, **body: Any) -> dict[str, Any]:
        return self.call("POST", "/execution_service/api/v1/executions", expect, json=body, headers=headers)

    def run(self, run_id: int) -> dict[str, Any]:
        return self.call("GET", f"/ai/runs/{run_id}")

    def wait_for_end(self, run_id: int, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            run = self.run(run_id)
            return run if run["status"] != "Running" else None

        return wait_until(ended, f"run {run_id} to end", seconds)

    def log(self, run_id: int) -> list[dict[str, Any]]:
        return self.call("GET", f"/ai/runlogs/{run_id}")["items"]

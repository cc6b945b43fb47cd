"""A PostgreSQL server of the tests' own: started once a test process, with one fresh database a test."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path

import psycopg

#: Whose server it is when the tests run as root, as whom PostgreSQL refuses to start.
_ACCOUNT = "postgres"


class NoPostgresqlError(RuntimeError):
    """The server programs are not on this machine."""


@dataclass(slots=True)
class Cluster:
    """A running server; `address` is that of its maintenance database."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes]"
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def address(self, database: str = "postgres") -> str:
        return f"postgresql://melanzana@127.0.0.1:{self.port}/{database}"

    def fresh_database(self) -> str:
        """The address of an empty database."""
        name = f"test_{next(self._numbers)}"
        with psycopg.connect(self.address(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'")
        return self.address(name)

    def halt(self) -> None:
        """Stop at once, as a crash would; `resume` starts it again."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(30)

    def resume(self) -> None:
        """On the same data and port; returns when it takes connections."""
        self.process = _started(self.folder, self.port)
        _until_ready(_programs(), self)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Start a server on a free port of loopback; raises NoPostgresqlError when there is none to start."""
    programs, account = _programs(), _account()
    folder = Path(tempfile.mkdtemp(prefix="melanzana-pg-"))
    if account:
        shutil.chown(folder, account, account)
    data = folder / "data"
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "melanzana", "--auth=trust", "-E", "UTF8", "--no-sync", "--locale=C"],
        check=True,
        stdout=subprocess.DEVNULL,
        user=account,
        group=account,
        extra_groups=None if account is None else [],
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = _started(folder, port)
    running = Cluster(folder, port, process)
    try:
        _until_ready(programs, running)
        yield running
    finally:
        running.stop()


def _started(folder: Path, port: int) -> "subprocess.Popen[bytes]":
    account = _account()
    settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "max_connections": 60, "fsync": "off"}
    arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [_programs() / "postgres", "-D", folder / "data", *arguments], stdout=log, stderr=log, user=account, group=account
        )


def _until_ready(programs: Path, running: Cluster) -> None:
    asking: list[str | Path] = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(running.port), "-t", "1"]
    while subprocess.run(asking, check=False).returncode:
        if running.process.poll() is not None:
            raise RuntimeError((running.folder / "log").read_text())


@cache
def _programs() -> Path:
    """The folder of `postgres`, the newest there is."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    if on_path is None:
        raise NoPostgresqlError("the tests need PostgreSQL's server programs; on Debian: apt-get install postgresql")
    return Path(on_path).resolve().parent


def _account() -> str | None:
    """As whom to start a process; None when we are not root."""
    return _ACCOUNT if os.geteuid() == 0 else None

"""Where the server of the soak keeps its data, and how that fails: a disk that is full, a database that stopped.

On SQLite the data folder is a tmpfs when root may mount one, and shrinking it to what it holds makes it full. Without root, and in a
cut, which ends before a log that is used again and again needs more room, the system lets the server write no file beyond its first
page. On PostgreSQL the database is stopped as by a crash.
"""

import contextlib
import os
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from support_history import Found
from support_postgresql import Cluster, cluster

_LINES = (
    "SELECT e.id, e.state, e.attempt, v.attempt, v.agent_seq FROM executions e "
    "LEFT JOIN execution_events v ON v.run_id = e.run_id ORDER BY e.run_id, v.seq"
)


@dataclass
class Store:
    """One place of data. `fault` names what `break_down` does."""

    data: Path
    cluster: Cluster | None
    address: str | None
    mounted: bool

    @property
    def fault(self) -> str:
        if self.cluster is not None:
            return "database stopped"
        return "disk full (tmpfs shrunk)" if self.mounted else "disk full (file-size limit)"

    def break_down(self, pid: int) -> None:
        if self.cluster is not None:
            self.cluster.halt()
        elif self.mounted:
            used = shutil.disk_usage(self.data).used
            _remount(self.data, f"{used // 1024 + 64}k")
        else:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (4_096, resource.RLIM_INFINITY))

    def mend(self, pid: int) -> None:
        if self.cluster is not None:
            self.cluster.resume()
        elif self.mounted:
            _remount(self.data, "2g")
        else:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def log_bytes(self) -> int:
        """Size of the write-ahead log."""
        if self.cluster is not None:
            folder = self.cluster.folder / "data" / "pg_wal"
            return sum(each.stat().st_size for each in folder.glob("*") if each.is_file())
        file = self.data / "melanzana.db-wal"
        return file.stat().st_size if file.exists() else 0

    def found(self) -> list[Found]:
        """Every execution with its log, read behind the server's back."""
        if self.address is not None:
            with psycopg.connect(self.address) as connection, connection.cursor(name="all") as cursor:
                cursor.itersize = 10_000
                cursor.execute(_LINES)
                return _grouped(iter(cursor))
        with contextlib.closing(sqlite3.connect(self.data / "melanzana.db")) as database:
            return _grouped(iter(database.execute(_LINES)))


@contextlib.contextmanager
def store(engine: str, folder: Path, *, whole: bool) -> Iterator[Store]:
    """A new store of this engine (`sqlite` or `postgresql`) below the folder, for a whole soak or a cut."""
    data = folder / "data"
    data.mkdir()
    if engine == "postgresql":
        with cluster() as running:
            with psycopg.connect(running.address(), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET fsync = on")
                connection.execute("SELECT pg_reload_conf()")
            yield Store(data, running, running.fresh_database(), mounted=False)
        return
    mounted = whole and os.geteuid() == 0 and _mount(data)
    try:
        yield Store(data, None, None, mounted)
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", data], check=False)


def _mount(folder: Path) -> bool:
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2g,mode=0700", "soak", folder], check=False, capture_output=True)
    return made.returncode == 0


def _remount(folder: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", folder], check=True, capture_output=True)


def _grouped(rows: Iterator[tuple[str, str, int, int | None, int | None]]) -> list[Found]:
    found: list[Found] = []
    lines: list[tuple[int, int | None]] = []
    last: tuple[str, str, int] | None = None
    for name, state, attempt, of, number in rows:
        if last is not None and last[0] != name:
            found.append(Found(execution=last[0], state=last[1], attempt=last[2], log=tuple(lines)))
            lines = []
        last = name, state, attempt
        if of is not None:
            lines.append((of, number))
    if last is not None:
        found.append(Found(execution=last[0], state=last[1], attempt=last[2], log=tuple(lines)))
    return found

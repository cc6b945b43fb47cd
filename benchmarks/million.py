"""A database with 10^6 runs: how long lists take, how long a server takes to start, how much memory it needs.

`python benchmarks/million.py [sqlite] [postgresql] [--runs N]`. The database is filled in one statement for each table, from one run that
is started as usual: so many ended runs of one model, every tenth failed, with their first lines of log for the newest 10,000. About
half a minute and one gigabyte for each engine.
"""

import asyncio
import json
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from deployment import EXECUTIONS, MODEL, Deployment, deployed, durable_postgresql, token
from load import Connection, percentile, resident_mb

RUNS, ASKED = 1_000_000, 300
_COMMON = {
    "state": "CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'passed' END",
    "verdict": "CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'passed' END",
    "attempt": "1",
    "created_at": "e.created_at - 1000000 * CAST({runs} - n AS bigint)",
    "started_at": "e.created_at - 1000000 * CAST({runs} - n AS bigint)",
    "ended_at": "e.created_at - 1000000 * CAST({runs} - n AS bigint) + 500000",
    "next_seq": "4",
}
_SQLITE_ID = "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-' || hex(randomblob(2)) || '-' || hex(randomblob(8)))"
LISTS = {
    "GET /ai/runs": "/ai/runs?limit=50",
    "the same, 100,000 further on": "/ai/runs?limit=50&offset=100000",
    "failed ones": "/ai/runs?limit=50&status=Failed",
    "of one model": "/ai/runs?limit=50&model_id={model}",
    "GET executions": EXECUTIONS + "?limit=50",
}


def fill(site: Deployment, runs: int) -> None:
    """Multiply run 1."""
    database = _postgresql(site.database) if site.database else sqlite3.connect(Path(site.folder, "melanzana.db"), timeout=30)
    numbers = (
        "generate_series(1, {runs}) AS n"
        if site.database
        else "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {runs}) SELECT n FROM s)"
    )
    columns = _columns(database, "executions")
    own = _COMMON | {"id": "gen_random_uuid()::text" if site.database else _SQLITE_ID, "run_id": "n + 1"}
    values = ", ".join(own.get(name, f"e.{name}") for name in columns)
    source = f"FROM executions e, {numbers} WHERE e.run_id = 1"
    _run(database, f"INSERT INTO executions ({', '.join(columns)}) SELECT {values} {source}".replace("{runs}", str(runs)))
    for table in ("snapshots", "execution_needs", "execution_events"):
        names = _columns(database, table)
        copied = ", ".join("e.run_id" if name == "run_id" else f"t.{name}" for name in names)
        _run(
            database,
            f"INSERT INTO {table} ({', '.join(names)}) SELECT {copied} FROM executions e, {table} t "
            f"WHERE t.run_id = 1 AND e.run_id > {max(1, runs - 10_000)}",
        )
    if site.database:
        _run(database, "SELECT setval(pg_get_serial_sequence('executions', 'run_id'), (SELECT max(run_id) FROM executions))")
    database.commit()
    if site.database:
        database.autocommit = True
        _run(database, "VACUUM ANALYZE")  # what autovacuum does within a minute or two
    database.close()


def _postgresql(address: str):
    import psycopg

    return psycopg.connect(address)


def _columns(database, table: str) -> list[str]:
    return [column[0] for column in database.execute(f"SELECT * FROM {table} LIMIT 0").description]


def _run(database, statement: str) -> None:
    database.execute(statement)


async def prepared(site: Deployment) -> str:
    """Starts the run that is multiplied, dry; the model's uuid."""
    connection = await Connection.open(site.urls[0], token(site.urls[0], site.credentials))
    model = await connection.post("/ai/models", {"name": "Bench", "modeljson": MODEL})
    await connection.post(EXECUTIONS, {"model_id": model["id"], "dry_run": True})
    connection.close()
    return model["modeluuid"]


async def ask(site: Deployment, model: str) -> None:
    bearer = token(site.urls[0], site.credentials)
    for name, address in LISTS.items():
        connection = await Connection.open(site.urls[0], bearer)
        path = address.format(model=model)
        waits = []
        for _ in range(ASKED):
            began = time.perf_counter()
            status, content = await connection.send("GET", path)
            waits.append(time.perf_counter() - began)
            if status != 200:
                raise SystemExit(f"{path}: {status} {content[:200]!r}")
        waits.sort()
        first = json.loads(content)
        rows = len(first if isinstance(first, list) else first["items"])
        print(
            f"  {name:<36}p50 {percentile(waits, 0.5) * 1000:.1f} ms, p99 {percentile(waits, 0.99) * 1000:.1f} ms ({rows} rows)",
            flush=True,
        )
        connection.close()


def main(arguments: list[str]) -> None:
    runs = int(arguments[arguments.index("--runs") + 1]) if "--runs" in arguments else RUNS
    for engine in [name for name in arguments if name in {"sqlite", "postgresql"}] or ["sqlite", "postgresql"]:
        with tempfile.TemporaryDirectory() as folder:
            if engine == "sqlite":
                measure(engine, runs, Path(folder), None)
            else:
                with durable_postgresql() as database:
                    measure(engine, runs, Path(folder), database)


def measure(engine: str, runs: int, folder: Path, database: str | None) -> None:
    with deployed(engine, filled=folder, database=database) as site:
        model = asyncio.run(prepared(site))
    began = time.perf_counter()
    fill(site, runs)
    print(f"{engine}: {runs:,} runs filled in {time.perf_counter() - began:.0f} s", flush=True)
    with deployed(engine, filled=folder, database=database) as site:
        print(f"  {'cold start until ready':<36}{site.ready_seconds:.2f} s; {resident_mb(site.pids[0]):.0f} MB")
        asyncio.run(ask(site, model))


if __name__ == "__main__":
    main(sys.argv[1:])

"""Suites that the server stores, on the agent: fetched by hash, checked, cached as the zip files they are, unpacked for each run.

`attempt.py` asks before it starts a worker. Each run gets a fresh copy, so no run sees what another one did to its code; what is in
the cache is believed only as far as its hash says.
"""

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from melanzana.errors import UnavailableError
from melanzana.protocol.snapshot import Snapshot
from melanzana.protocol.suite_archive import unpack

#: Zip files that stay in the cache: those used last.
KEPT = 20


def default_cache() -> Path:
    """Where this user's programs keep what they can fetch again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "melanzana" / "suites"


async def with_suite(
    snapshot: Snapshot, fetch: Callable[[], Awaitable[bytes]], target: Path, cache: Path | None = None
) -> Snapshot:
    """The snapshot with its stored suite unpacked into `target`, an empty folder.

    Raises what `fetch` raises, UnavailableError when something else came, and RequestError for an archive that does harm.
    """
    stored = snapshot.stored_suite
    assert stored is not None
    place = cache or default_cache()
    content = await asyncio.to_thread(_cached, place, stored["sha256"])
    if content is None:
        content = await fetch()
        if sha256(content).hexdigest() != stored["sha256"]:
            raise UnavailableError(f"the suite {snapshot.suite} did not arrive as it was stored: its SHA-256 is another")
        await asyncio.to_thread(_keep, place, stored["sha256"], content)
    await asyncio.to_thread(unpack, content, target)
    return replace(snapshot, suite=str(target / stored["folder"]))


def _cached(place: Path, digest: str) -> bytes | None:
    path = place / f"{digest}.zip"
    with suppress(OSError):
        content = path.read_bytes()
        if sha256(content).hexdigest() == digest:
            os.utime(path)
            return content
    return None


def _keep(place: Path, digest: str, content: bytes) -> None:
    """A cache that cannot be written makes runs slower, not wrong."""
    with suppress(OSError):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=place)
        with os.fdopen(number, "wb") as file:
            file.write(content)
        Path(name).replace(place / f"{digest}.zip")
        for old in sorted(place.glob("*.zip"), key=lambda path: path.stat().st_mtime, reverse=True)[KEPT:]:
            old.unlink()

"""What an agent is told when it is built."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from melanzana.version import __version__


def _middle() -> float:
    return 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """How an agent behaves. Figures of the lease protocol are not here: the server tells them in `Session`."""

    capabilities: frozenset[str] = frozenset({"python", "dry"})
    slots: int = 1  #: runs at a time
    host: str = ""
    version: str = __version__
    instance: str = ""  #: random, one per process, so that a `register` sent twice makes one session
    jitter: Callable[[], float] = _middle  #: 0 ≤ value < 1, spreads heartbeats (± 10 %) and pauses between retries
    call_seconds: float = 10.0  #: an answer that comes this much later than asked for counts as none
    retry_first_seconds: float = 0.2  #: pause before the first retry; doubles
    retry_most_seconds: float = 5.0  #: longest pause before a retry: a server that is back is noticed this soon
    drain_seconds: float = 3.0  #: how long `stop` lets current runs finish before it aborts them
    step_seconds: float | None = None  #: longest time the code of one step may take; None: no limit
    run_seconds: float | None = None  #: the same of a run, pauses left out
    suite_cache: Path | None = None  #: folder of fetched suites; None: the user's own cache
    buffer_events: int = 2_000  #: not yet acknowledged events kept; a worker that is ahead of them has to wait
    batch_events: int = 500  #: most events in one report; the protocol allows no more
    batch_characters: int = 400_000  #: most text in one report (one event is always sent)

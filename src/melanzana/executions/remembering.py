"""What the last runs of a model have seen, for a run that explores: looked up at its start, and kept in its snapshot by value.

`service.start` hands in the logs of these runs, the last `RUNS` that have ended and of each at most `EVENTS` lines.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from melanzana.executions.planning import Plan
from melanzana.executions.records import StoredEvent
from melanzana.generation.history import History
from melanzana.protocol.learning import learn
from melanzana.protocol.snapshot import Snapshot

RUNS, EVENTS = 20, 5_000
_EXPLORES = re.compile(r"\bexplore\s*\(", re.IGNORECASE)


def wants_history(snapshot: Snapshot) -> bool:
    """Does the path explore? A run that is repeated has what the first one knew."""
    return not snapshot.history and _EXPLORES.search(snapshot.path) is not None


def with_history(plan: Plan, logs: Iterable[Iterable[StoredEvent]]) -> Plan:
    """The plan with what these runs have seen, the oldest first."""
    history = History()
    for log in logs:
        history = learn(history, (event for line in log if (event := line.event()) is not None))
    return replace(plan, snapshot=replace(plan.snapshot, history=history.to_json() if history.hits else {}))

"""Reads what a person writes to find runs: `status:failed model:"Web shop" tag:nightly`. `pages.py` asks here."""

from dataclasses import dataclass, field

from melanzana.errors import RequestError
from melanzana.executions.records import LifecycleState
from melanzana.reports.shapes import RunStatus, states_of
from melanzana.web.queries import words

NAMES = ("status", "model", "tag", "case")
LONGEST_QUERY = 1_000
_STATES = {state.value: frozenset({state}) for state in LifecycleState}
_STATUSES = _STATES | {status.value.lower(): states_of(status) for status in RunStatus}


@dataclass(frozen=True, slots=True)
class RunQuery:
    """What was asked for. The model and the test case are in the person's words."""

    states: frozenset[LifecycleState] = field(default_factory=frozenset)
    model: str | None = None
    tag: str | None = None
    case: str | None = None


def read_query(text: str) -> RunQuery:
    """Errors: RequestError naming the word that cannot be read."""
    if len(text) > LONGEST_QUERY:
        raise RequestError(f"a query has at most {LONGEST_QUERY} characters", field="q")
    said: dict[str, str] = {}
    for name, value in words(text, NAMES):
        if not name:
            raise RequestError(f"'{value}' is not understood: write status:, model:, tag: or case: before a word", field="q")
        if name in said:
            raise RequestError(f"{name}: stands twice: name one", field="q")
        said[name] = value
    status = said.get("status")
    if status is not None and status.lower() not in _STATUSES:
        raise RequestError(f"there is no status '{status}': {', '.join(sorted(_STATUSES))}", field="q")
    states = frozenset[LifecycleState]() if status is None else _STATUSES[status.lower()]
    return RunQuery(states, said.get("model"), said.get("tag"), said.get("case"))

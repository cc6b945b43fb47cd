"""What clients and agents asked and were told, and whether one server that keeps its promises can have told it.

A fault test notes every call before it is sent (`invoke`) and how it came back: `ok` with the answer, `fail` (refused, without
effect), or `unknown` (no answer: its effect may have come, or may still come). A call that never came back is unknown. `check`
compares the notes with the executions found in the end. It judges the simulation and every fault test over real processes.

    history = History()
    call = history.invoke("start", key="k1")
    call.ok(execution="5c0e…")  # or call.fail("conflict"), or call.unknown()
    check(history, [Found(execution="5c0e…", state="passed")])

Asked with `start`: key, None for none; `abort` and `look`: execution; `claim`: agent; `report`: execution, attempt. The order of
notes is the order of time; threads may share a `History`. States are those of the lifecycle; `state_of` gives them for the words of
the REST API.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Verb = Literal["start", "abort", "look", "claim", "report"]
Outcome = Literal["unknown", "ok", "fail"]
TERMINAL = frozenset({"passed", "failed", "error", "aborted"})
#: What may be seen of an execution whose abort was accepted; `running` because the REST API has no word for an abort under way.
_AFTER_ABORT = frozenset({"running", "aborting", "aborted"})
_WORDS = {"Running": "running", "Passed": "passed", "Failed": "failed", "Error": "error", "Cancelled": "aborted"}


class HistoryError(AssertionError):
    """The answers, or the executions in the end, break promises; one line each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An execution as it is in the end."""

    execution: str
    state: str
    attempt: int | None = None
    #: Its log, if known: attempt and the agent's number of each line, in order; a line of the server's own has None.
    log: tuple[tuple[int, int | None], ...] | None = None


@dataclass(slots=True)
class Call:
    """One call of one client or agent, told to the history at both ends."""

    history: "History" = field(repr=False)
    verb: Verb
    asked: Mapping[str, Any]  #: `key`, `execution`, `agent`, `attempt`, as the verb needs
    outcome: Outcome = "unknown"
    answer: Mapping[str, Any] = field(default_factory=dict)

    def ok(self, **answer: Any) -> None:
        """`start`: execution. `abort`: state. `look`: state, and if known attempt and lines (length of the log). `claim`: execution
        (None: no work came) and attempt. `report`: next_seq."""
        self._end("ok", answer)

    def fail(self, code: str = "", **answer: Any) -> None:
        """Refused, and nothing was done; `abort` that came too late: state, the end it met."""
        self._end("fail", {"code": code, **answer})

    def unknown(self) -> None:
        """No answer came."""
        self._end("unknown", {})

    def _end(self, outcome: Outcome, answer: Mapping[str, Any]) -> None:
        self.outcome, self.answer = outcome, answer
        self.history.notes.append(("end", self))


class History:
    """Append-only notes of calls in the order of time."""

    def __init__(self) -> None:
        self.notes: list[tuple[Literal["begin", "end"], Call]] = []

    def invoke(self, verb: Verb, **asked: Any) -> Call:
        """Note a call that is about to be sent."""
        call = Call(self, verb, asked)
        self.notes.append(("begin", call))
        return call

    @property
    def calls(self) -> list[Call]:
        return [call for kind, call in self.notes if kind == "begin"]


def state_of(status: str) -> str:
    """The state that a word of the REST API stands for."""
    return _WORDS[status]


def check(history: History, found: Iterable[Found], *, all_ended: bool = True) -> None:
    """Raises HistoryError, with every broken promise. `all_ended`: nothing may still be under way."""
    broken = violations(history, found, all_ended=all_ended)
    if broken:
        raise HistoryError("\n".join(broken))


def violations(history: History, found: Iterable[Found], *, all_ended: bool = True) -> list[str]:
    """Every broken promise in a sentence."""
    rows = list(found)
    doubled = [name for name, count in Counter(row.execution for row in rows).items() if count > 1]
    in_the_end = {row.execution: row for row in rows}
    broken = [f"{name} was found twice" for name in doubled]
    broken += _starts(history.calls, in_the_end)
    broken += _in_order(history, in_the_end)
    broken += [line for row in rows for line in _logs(row)]
    if all_ended:
        broken += [f"{row.execution} never ended: {row.state}" for row in rows if row.state not in TERMINAL]
    return broken


def _starts(calls: list[Call], found: Mapping[str, Found]) -> list[str]:
    """Every accepted start is there, once a key, and nothing else is."""
    broken, by_key = [], {}
    starts = [call for call in calls if call.verb == "start"]
    accepted = [call for call in starts if call.outcome == "ok"]
    for call in accepted:
        name, key = call.answer["execution"], call.asked.get("key")
        if name not in found:
            broken.append(f"the start of {name} was accepted, and it is gone")
        if key is not None and by_key.setdefault(key, name) != name:
            broken.append(f"key {key} gave two executions: {by_key[key]} and {name}")
    names = Counter(call.answer["execution"] for call in accepted if call.asked.get("key") is None)
    broken += [f"{name} answers {count} starts that were no repetition" for name, count in names.items() if count > 1]
    unasked = len(set(found) - {call.answer["execution"] for call in accepted})
    doubtful = [call.asked.get("key") for call in starts if call.outcome == "unknown"]
    possible = doubtful.count(None) + len({key for key in doubtful if key is not None} - by_key.keys())
    if unasked > possible:
        broken.append(f"{unasked} executions were started by no accepted call, and only {possible} calls are in doubt")
    return broken


@dataclass(slots=True)
class _Known:
    """What had been answered about one execution up to a moment."""

    end: str | None = None
    aborted: bool = False
    attempt: int = 0
    lines: int = 0


def _in_order(history: History, found: Mapping[str, Found]) -> list[str]:
    """No answer contradicts one that had come before its question was asked; no end contradicts any answer."""
    broken: list[str] = []
    known: dict[str, _Known] = {}
    when_asked: dict[int, _Known] = {}
    handed: dict[tuple[str, int], Any] = {}
    stored: dict[tuple[str, int], int] = {}
    for kind, call in history.notes:
        name = call.asked.get("execution") or call.answer.get("execution")
        if kind == "begin" and name is not None:
            now = known.setdefault(name, _Known())
            when_asked[id(call)] = _Known(now.end, now.aborted, now.attempt, now.lines)
        elif kind == "end" and name is not None and call.outcome != "unknown":
            broken += _contradictions(name, call, when_asked.get(id(call), _Known()))
            broken += _handed_twice(name, call, handed)
            _learn(known.setdefault(name, _Known()), call)
            if call.verb == "report" and call.outcome == "ok":
                key = (name, call.asked["attempt"])
                stored[key] = max(stored.get(key, 1), call.answer["next_seq"])
    for name, all_answers in known.items():
        broken += _at_the_end(name, all_answers, found.get(name))
    return broken + _lost_lines(stored, found)


def _contradictions(name: str, call: Call, before: _Known) -> list[str]:
    """What an answer says against what was known when it was asked for."""
    state, broken = call.answer.get("state"), []
    if state is not None and before.end is not None and state != before.end:
        broken.append(f"{name} had ended as {before.end}, and {call.verb} saw {state}")
    if state is not None and before.aborted and state not in _AFTER_ABORT:
        broken.append(f"the abort of {name} was accepted, and {call.verb} saw {state}")
    if (call.answer.get("attempt") or before.attempt) < before.attempt:
        broken.append(f"{name} went back from attempt {before.attempt} to {call.answer['attempt']}")
    if (call.answer.get("lines") or before.lines) < before.lines:
        broken.append(f"the log of {name} shrank from {before.lines} to {call.answer['lines']} lines")
    return broken


def _handed_twice(name: str, call: Call, handed: dict[tuple[str, int], Any]) -> list[str]:
    if call.verb != "claim" or call.outcome != "ok":
        return []
    key, agent = (name, call.answer["attempt"]), call.asked.get("agent")
    other = handed.setdefault(key, agent)
    return [] if other == agent else [f"attempt {key[1]} of {name} was handed to {other} and to {agent}"]


def _learn(known: _Known, call: Call) -> None:
    state = call.answer.get("state")
    if state in TERMINAL:
        known.end = state
    if call.verb == "abort" and call.outcome == "ok":
        known.aborted = True
    known.attempt = max(known.attempt, call.answer.get("attempt") or 0)
    known.lines = max(known.lines, call.answer.get("lines") or 0)


def _at_the_end(name: str, known: _Known, row: Found | None) -> list[str]:
    if row is None:
        return [f"{name} was answered for, and it is gone"] if known != _Known() else []
    broken = []
    if known.end is not None and row.state != known.end:
        broken.append(f"{name} had ended as {known.end} and is {row.state} in the end")
    if known.aborted and row.state not in _AFTER_ABORT:
        broken.append(f"the abort of {name} was accepted, and it is {row.state} in the end")
    if row.attempt is not None and row.attempt < known.attempt:
        broken.append(f"{name} is at attempt {row.attempt}, and attempt {known.attempt} had been seen")
    if row.log is not None and len(row.log) < known.lines:
        broken.append(f"the log of {name} has {len(row.log)} lines, and {known.lines} had been seen")
    return broken


def _lost_lines(stored: Mapping[tuple[str, int], int], found: Mapping[str, Found]) -> list[str]:
    """Everything whose receipt was acknowledged is in the log."""
    broken = []
    for (name, attempt), next_seq in stored.items():
        row = found.get(name)
        if row is None or row.log is None:
            continue
        kept = sum(number is not None and of == attempt for of, number in row.log)
        if kept < next_seq - 1:
            broken.append(f"{name}, attempt {attempt}: {next_seq - 1} events were acknowledged, {kept} are in the log")
    return broken


def _logs(row: Found) -> list[str]:
    """Each attempt's events are 1, 2, 3 …, once each, and no attempt speaks after a later one."""
    log = row.log or ()
    attempts = [attempt for attempt, _ in log]
    broken = [] if attempts == sorted(attempts) else [f"{row.execution}: an older attempt speaks after a newer one: {attempts}"]
    for attempt in sorted(set(attempts)):
        own = [number for of, number in log if of == attempt and number is not None]
        if own != list(range(1, len(own) + 1)):
            broken.append(f"{row.execution}, attempt {attempt}: the log has events {own}")
    return broken

"""The checker of histories refuses every kind of broken promise, and takes what honest faults look like."""

from collections.abc import Callable

import pytest

from support_history import Found, History, HistoryError, check, state_of, violations

HALL = Found(execution="hall", state="passed", attempt=2, log=((1, None), (1, 1), (2, None), (2, 1), (2, 2)))


def _started(key: str | None = "k") -> History:
    history = History()
    history.invoke("start", key=key).ok(execution="hall")
    return history


def _looked(*states: str) -> History:
    history = _started()
    for state in states:
        history.invoke("look", execution="hall").ok(state=state)
    return history


def test_what_honest_faults_look_like_is_taken() -> None:
    """Lost answers, repetitions, overlapping looks, refused late aborts and late repetitions are no broken promise."""
    history = History()
    history.invoke("start", key="k")
    history.invoke("start", key="k").ok(execution="hall")
    history.invoke("start", key="other").unknown()
    early = history.invoke("look", execution="hall")
    history.invoke("claim", agent="a").ok(execution="hall", attempt=2)
    history.invoke("claim", agent="a").ok(execution="hall", attempt=2)
    history.invoke("claim", agent="b").ok(execution=None)
    history.invoke("report", execution="hall", attempt=2).ok(next_seq=3)
    history.invoke("report", execution="hall", attempt=1).fail("stale_attempt")
    history.invoke("look", execution="hall").ok(state="passed", attempt=2, lines=5)
    early.ok(state="running", attempt=1, lines=2)
    history.invoke("abort", execution="hall").fail("conflict", state="passed")
    lock = Found(execution="lock", state="error")
    check(history, [HALL, lock])
    check(_looked("queued", "running"), [Found(execution="hall", state="running")], all_ended=False)


BROKEN: dict[str, tuple[Callable[[], History], list[Found], str]] = {
    "a lost start": (_started, [], "accepted, and it is gone"),
    "two executions of one key": (
        lambda: _with(_started(), lambda h: h.invoke("start", key="k").ok(execution="room")),
        [HALL, Found(execution="room", state="passed")],
        "gave two executions",
    ),
    "one execution for two starts": (
        lambda: _with(_started(None), lambda h: h.invoke("start").ok(execution="hall")),
        [HALL],
        "no repetition",
    ),
    "an execution nobody asked for": (_started, [HALL, Found(execution="room", state="passed")], "started by no accepted call"),
    "a refused start that happened": (
        lambda: _with(History(), lambda h: h.invoke("start", key="k").fail("request")),
        [HALL],
        "started by no accepted call",
    ),
    "never ended": (_started, [Found(execution="hall", state="running")], "never ended"),
    "an end that was left": (lambda: _looked("failed", "running"), [HALL], "had ended as failed, and look saw running"),
    "an end that changed": (lambda: _looked("failed"), [HALL], "is passed in the end"),
    "passed after an abort": (
        lambda: _with(_started(), lambda h: h.invoke("abort", execution="hall").ok(state="aborting")),
        [HALL],
        "the abort of hall was accepted",
    ),
    "queued after an abort": (
        lambda: _with(
            _started(),
            lambda h: h.invoke("abort", execution="hall").ok(state="aborting"),
            lambda h: h.invoke("look", execution="hall").ok(state="queued"),
        ),
        [Found(execution="hall", state="aborted")],
        "look saw queued",
    ),
    "an abort refused for an end that was none": (
        lambda: _with(_started(), lambda h: h.invoke("abort", execution="hall").fail("conflict", state="failed")),
        [HALL],
        "had ended as failed",
    ),
    "one attempt for two agents": (
        lambda: _with(
            _started(),
            lambda h: h.invoke("claim", agent="a").ok(execution="hall", attempt=1),
            lambda h: h.invoke("claim", agent="b").ok(execution="hall", attempt=1),
        ),
        [HALL],
        "was handed to a and to b",
    ),
    "an attempt that was forgotten": (
        lambda: _with(_started(), lambda h: h.invoke("claim", agent="a").ok(execution="hall", attempt=3)),
        [HALL],
        "attempt 3 had been seen",
    ),
    "back to an older attempt": (
        lambda: _with(
            _started(),
            lambda h: h.invoke("look", execution="hall").ok(state="running", attempt=2),
            lambda h: h.invoke("look", execution="hall").ok(state="running", attempt=1),
        ),
        [HALL],
        "went back from attempt 2",
    ),
    "a log that shrank": (
        lambda: _with(
            _started(),
            lambda h: h.invoke("look", execution="hall").ok(state="running", lines=4),
            lambda h: h.invoke("look", execution="hall").ok(state="running", lines=3),
        ),
        [HALL],
        "shrank from 4 to 3",
    ),
    "an acknowledged event that is gone": (
        lambda: _with(_started(), lambda h: h.invoke("report", execution="hall", attempt=2).ok(next_seq=4)),
        [HALL],
        "3 events were acknowledged, 2 are in the log",
    ),
    "an event stored twice": (_started, [Found(execution="hall", state="passed", log=((1, 1), (1, 1)))], "has events [1, 1]"),
    "a gap": (_started, [Found(execution="hall", state="passed", log=((1, 1), (1, 3)))], "has events [1, 3]"),
    "an old attempt that speaks": (
        _started,
        [Found(execution="hall", state="passed", log=((2, 1), (1, 1)))],
        "an older attempt speaks",
    ),
    "found twice": (_started, [HALL, HALL], "found twice"),
}


def _with(history: History, *more: Callable[[History], None]) -> History:
    for add in more:
        add(history)
    return history


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_promise_is_seen(name: str) -> None:
    """Each hand-made bad history is refused with the sentence that says what is wrong."""
    make, found, sentence = BROKEN[name]
    with pytest.raises(HistoryError) as refused:
        check(make(), found)
    assert sentence in str(refused.value)


def test_words_of_the_rest_api_have_states() -> None:
    """Reports of runs can be recorded as they come."""
    assert [state_of(word) for word in ("Running", "Cancelled")] == ["running", "aborted"]
    assert violations(History(), []) == []

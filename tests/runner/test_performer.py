"""Performing a step: verdict, message, outputs, notes."""

import asyncio
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

import melanzana
from melanzana.generation.step import Verdict
from melanzana.graph.model import Output
from melanzana.protocol.events import TEXT_LIMIT
from melanzana.runner.authoring import Attachment, LogLine
from melanzana.runner.capture import Capture
from melanzana.runner.interruption import Interruption
from melanzana.runner.performer import Performed, Performer
from support_suite import call, loaded, perform, step, write_suite


def one(folder: Path, source: str, what: Any, **rest: Any) -> Performed:
    with loaded(write_suite(folder, shop=source)) as suite:
        return perform(suite, what, **rest)[0]


def test_what_raises_has_failed_with_its_place(tmp_path: Path) -> None:
    """The message ends in file and line of the innermost frame of the suite; the traceback is in the notes, without our frames."""
    source = """
        import json
        def deep(): json.loads("{")
        def look(): deep()
    """
    done = one(tmp_path, source, step("look"))
    assert done.verdict is Verdict.FAILED
    assert done.message.startswith("JSONDecodeError: Expecting property name") and done.message.endswith("(shop.py:3)")
    trace = done.notes[-1]
    assert isinstance(trace, LogLine) and trace.severity == "ERROR"
    assert "in look" in trace.message and "runner/performer.py" not in trace.message


def test_an_assertion_without_a_message_shows_its_source_and_values(tmp_path: Path) -> None:
    """`assert shown == count` is told with the values of plain names."""
    done = one(tmp_path, "def look(shown: int, count: int):\n    assert shown == count\n", step("look", shown=3, count=2))
    assert done.message == "AssertionError: assert shown == count (shown = 3, count = 2) (shop.py:2)"


@pytest.mark.parametrize("raised", ["SystemExit(3)", "RecursionError('deep')", "GeneratorExit()"])
def test_exceptions_of_every_kind_fail_the_step_and_nothing_else(tmp_path: Path, raised: str) -> None:
    """Not even `sys.exit` in action code ends the run."""
    source = f"def look(): raise {raised}\ndef go_on(): return {{'n': 1}}"
    with loaded(write_suite(tmp_path, shop=source)) as suite:
        first, second = perform(suite, step("look"), step("go on"))
    assert first.verdict is Verdict.FAILED and raised.split("(", maxsplit=1)[0] in first.message
    assert second.outputs == {"n": 1}


def test_an_exception_whose_text_cannot_be_shown_is_told_by_its_kind(tmp_path: Path) -> None:
    """A broken __str__ of user code does not break the report."""
    source = """
        class Odd(Exception):
            def __str__(self): raise ValueError
        def look(): raise Odd
    """
    done = one(tmp_path, source, step("look"))
    assert done.verdict is Verdict.FAILED and "Odd: (its text cannot be shown: ValueError)" in done.message


def test_calls_are_performed_in_order_until_one_does_not_pass(tmp_path: Path) -> None:
    """A later call sees the outputs of an earlier one; after a failure nothing more is called."""
    source = """
        def first(): return {"n": 1}
        def second(n): return {"n": n + 1}
        def third(): assert False, "no"
        def fourth(): return {"n": 100}
    """
    what = step("x", call("shop:first"), call("shop:second"), call("shop:third"), call("shop:fourth"), n=0)
    done = one(tmp_path, source, what)
    assert done.verdict is Verdict.FAILED and done.outputs == {"n": 2}


@pytest.mark.parametrize(
    ("result", "outputs", "expected"),
    [
        ("{'count': 2, 'total': 3}", (), {"count": 2, "total": 3}),
        ("{'count': 2}", (Output(variable="n", name="count"),), {"n": 2}),
        ("5", (Output(variable="n"),), {"n": 5}),
        ("(5, 'x')", (Output(variable="n"), Output(variable="t")), {"n": 5, "t": "x"}),
        ("(1, 2)", (Output(variable="n"),), {"n": [1, 2]}),
        ("None", (), {}),
        ("'ignored'", (), {}),
        ("{'deep': {'list': [1, None, (2,)]}}", (), {"deep": {"list": [1, None, [2]]}}),
        ("{'half': '\\ud800'}", (), {"half": "?"}),
    ],
)
def test_results_become_outputs(tmp_path: Path, result: str, outputs: tuple[Output, ...], expected: dict[str, Any]) -> None:
    """A dict is taken by name, or as the model's mapping says; names None take the whole result or its positions."""
    done = one(tmp_path, f"def look(): return {result}", step("x", call("shop:look", outputs=outputs)))
    assert (done.verdict, done.outputs) == (Verdict.PASSED, expected), done.message


@pytest.mark.parametrize(
    ("result", "outputs", "message"),
    [
        ("{'cont': 2}", (Output(variable="n", name="count"),), "no 'count'; did you mean"),
        ("3", (Output(variable="n", name="count"),), "is int, not a dict"),
        ("(1,)", (Output(variable="a"), Output(variable="b")), "does not have that many"),
        ("{'f': object()}", (), "output 'f' is a object; return numbers"),
        ("{'f': float('nan')}", (), "no number that can be stored"),
        ("{'f': 'x' * 70000}", (), "attach it as a file"),
    ],
)
def test_a_result_that_cannot_be_kept_is_an_error(tmp_path: Path, result: str, outputs: Any, message: str) -> None:
    """The test, not the system under test, is wrong."""
    done = one(tmp_path, f"def look(): return {result}", step("x", call("shop:look", outputs=outputs)))
    assert done.verdict is Verdict.ERROR and message in done.message


def test_log_and_attach_belong_to_the_step_in_order(tmp_path: Path) -> None:
    """Notes come from any thread and are kept with the step that made them."""
    source = """
        import threading
        from melanzana import attach, log
        def look():
            log("first")
            attach("page.png", b"bytes", "image/png")
            thread = threading.Thread(target=log, args=("from a thread", "WARNING"))
            thread.start(); thread.join()
            attach("a.txt", "text")
        def nothing(): ...
    """
    with loaded(write_suite(tmp_path, shop=source)) as suite:
        first, second = perform(suite, step("look"), step("nothing"))
    assert first.notes == (
        LogLine("first", "INFO"),
        Attachment("page.png", b"bytes", "image/png"),
        LogLine("from a thread", "WARNING"),
        Attachment("a.txt", b"text", "text/plain"),
    )
    assert second.notes == ()


def test_outside_a_run_log_and_attach_do_nothing() -> None:
    """Action code can be called by hand, in the author's own unit tests."""
    melanzana.log("x")
    melanzana.attach("x", "y")


def test_output_is_captured_also_from_below_python(tmp_path: Path) -> None:
    """print, the descriptors themselves and child processes: everything lands in the step's notes."""
    source = """
        import os, subprocess, sys, warnings
        def look():
            print("printed")
            os.write(1, b"written\\n")
            subprocess.run(["echo", "echoed"], check=True)
            print("problem", file=sys.stderr)
            warnings.warn("careful")
    """
    with loaded(write_suite(tmp_path, shop=source)) as suite, Capture() as capture, pytest.warns(UserWarning, match="careful"):
        performer = Performer(suite, "m", output=capture)
        done = performer.perform(step("look"), performer.bind(step("look")))
        performer.close()
    assert done.notes == (LogLine("printed\nwritten\nechoed", "INFO"), LogLine("problem", "WARNING"))


def test_long_output_keeps_both_ends(tmp_path: Path) -> None:
    """No text of a report is longer than the protocol allows, and the middle is what goes."""
    source = "def look():\n    print('begin'); print('x' * 300_000); print('end')\n    raise ValueError('y' * 100_000)"
    with loaded(write_suite(tmp_path, shop=source)) as suite, Capture() as capture:
        performer = Performer(suite, "m", output=capture)
        done = performer.perform(step("look"), performer.bind(step("look")))
        performer.close()
    assert len(done.message) <= TEXT_LIMIT and done.message.endswith("(shop.py:3)") and "left out" in done.message
    output, trace = done.notes
    assert isinstance(output, LogLine) and isinstance(trace, LogLine)
    assert len(output.message) <= TEXT_LIMIT and output.message.startswith("begin") and output.message.endswith("end")
    assert len(trace.message) <= TEXT_LIMIT


def _signal_soon(interruption: Interruption, started: threading.Event) -> threading.Thread:
    def send() -> None:
        started.wait(10)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    signal.signal(signal.SIGUSR1, interruption.on_signal)
    thread = threading.Thread(target=send)
    thread.start()
    return thread


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_an_interrupted_step_runs_its_finally_and_its_teardown(tmp_path: Path, kind: str) -> None:
    """The signal becomes an exception in plain code and a cancellation in async code; either way everything is tidied up."""
    wait = "time.sleep(60)" if kind == "def" else "await asyncio.sleep(60)"
    source = f"""
        import asyncio, time, threading
        from melanzana import fixture
        trace, started = [], threading.Event()
        @fixture
        def page():
            yield
            trace.append("closed")
        {kind} look(page):
            started.set()
            try:
                {wait}
            finally:
                trace.append("finally")
    """
    interruption = Interruption()
    before = signal.getsignal(signal.SIGUSR1)
    with loaded(write_suite(tmp_path, shop=source)) as suite:
        import shop

        thread = _signal_soon(interruption, shop.started)
        try:
            [done] = perform(suite, step("look"), interruption=interruption)
        finally:
            thread.join()
            signal.signal(signal.SIGUSR1, before)
        assert shop.trace == ["finally", "closed"]
    assert done.aborted and done.verdict is Verdict.ERROR and "aborted during this step" in done.message


def test_an_abort_just_before_the_code_begins_is_not_lost(tmp_path: Path) -> None:
    """A signal that comes between two steps stops the next one at its first line."""
    interruption = Interruption()
    interruption.on_signal(signal.SIGTERM, None)
    done = one(tmp_path, "def look(): return {'n': 1}", step("look"), interruption=interruption)
    assert done.aborted and done.outputs == {}


def test_once_closed_nothing_is_interrupted(tmp_path: Path) -> None:
    """Cleanup after an abort runs like any other step."""
    interruption = Interruption()
    interruption.on_signal(signal.SIGTERM, None)
    interruption.close()
    done = one(tmp_path, "def look(): return {'n': 1}", step("look"), interruption=interruption)
    assert done.outputs == {"n": 1}


def test_a_keyboard_interrupt_of_user_code_aborts_the_step(tmp_path: Path) -> None:
    """It means stop, not fail."""
    done = one(tmp_path, "def look(): raise KeyboardInterrupt", step("look"))
    assert done.aborted and done.verdict is Verdict.ERROR and "the step was interrupted" in done.message


def test_no_event_loop_is_running_while_plain_code_is_performed(tmp_path: Path) -> None:
    """Libraries that refuse to run inside a loop (browser drivers) are at home, also after async steps."""
    source = """
        import asyncio
        async def first(): ...
        def second():
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                return {"loop": False}
    """
    with loaded(write_suite(tmp_path, shop=source)) as suite:
        _, done = perform(suite, step("first"), step("second"))
    assert done.outputs == {"loop": False}
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()

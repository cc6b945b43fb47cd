"""`melanzana run`: exit codes, what is printed, and what Ctrl-C leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from melanzana.cli.run import run
from melanzana.errors import InvalidModelError
from support_jobs import MODEL, PRESS, SUITE, trace
from support_suite import write_suite

pytestmark = pytest.mark.slow

app = typer.Typer()
app.command()(run)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    file = tmp_path / "lamp.yaml"
    file.write_text(MODEL, "utf-8")
    return file


def suite(folder: Path, press: str = PRESS) -> Path:
    from textwrap import dedent

    return write_suite(folder / "suite", lamp=f"{dedent(SUITE)}\n{dedent(press)}")


def call(*arguments: Any) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_passed_run_is_exit_code_0_with_a_summary(tmp_path: Path, model: Path) -> None:
    """Verdict, steps, coverage and the seed that repeats it."""
    result = call(model, "--suite", suite(tmp_path), "--path", "random(transition_coverage(100))", "--seed", 5)
    assert result.exit_code == 0, result.output
    for line in ("Lamp: passed (the stop condition is met)", "transitions 2/2 (100%)", "seed      5"):
        assert line in result.stdout


def test_a_failed_run_is_exit_code_1_and_names_step_and_line(tmp_path: Path, model: Path) -> None:
    """The first step that did not pass, with file and line of the action code."""
    folder = suite(tmp_path, "def press(lamp):\n    assert False, 'no light'")
    result = call(model, "--suite", folder, "--test-case", "once")
    assert result.exit_code == 1
    assert "step 2, action 'press' in state 'Off': AssertionError: no light (lamp.py:" in result.stdout


def test_a_test_that_cannot_be_carried_out_is_exit_code_3(tmp_path: Path, model: Path) -> None:
    """Missing code is an error, not a failure."""
    folder = suite(tmp_path, "def pres(lamp): ...")
    result = call(model, "--suite", folder, "--test-case", "once")
    assert result.exit_code == 3 and "there is no 'press'; did you mean \"pres\"" in result.stdout


def test_json_is_one_document_and_repeats(tmp_path: Path, model: Path) -> None:
    """--json prints everything as one document; the same seed gives the same steps."""
    arguments = (model, "--suite", suite(tmp_path), "--path", "random(steps(8))", "--seed", 3, "--json")
    one, two = (json.loads(call(*arguments).stdout) for _ in range(2))
    assert (one["verdict"], one["seed"], one["coverage"]["actions"]["ratio"]) == ("passed", 3, 1.0)
    assert [step["element_id"] for step in one["steps"]] == [step["element_id"] for step in two["steps"]]


def test_a_dry_run_walks_the_same_path_and_performs_nothing(tmp_path: Path, model: Path) -> None:
    """--dry-run needs no suite and gives the path that the real run takes."""
    arguments = (model, "--path", "random(steps(8))", "--seed", 3, "--json")
    dry = json.loads(call(*arguments, "--dry-run").stdout)
    real = json.loads(call(*arguments, "--suite", suite(tmp_path)).stdout)
    assert [step["element_id"] for step in dry["steps"]] == [step["element_id"] for step in real["steps"]]
    assert dry["dry_run"] and not any(step.get("performed") for step in dry["steps"])


def test_parameters_are_typed_by_the_model(tmp_path: Path, model: Path) -> None:
    """--param presses=2 is a number for the model and for the code: the third press is too bright."""
    result = call(model, "--suite", suite(tmp_path), "--test-case", "once", "--param", "presses=2")
    assert result.exit_code == 1 and "too bright" in result.stdout


def test_attachments_are_kept_on_request(tmp_path: Path, model: Path) -> None:
    """--attachments gives each file its step's number; no name leads out of the folder."""
    folder = suite(tmp_path, "from melanzana import attach\ndef press(lamp): attach('../../a b.txt', 'hello')")
    call(model, "--suite", folder, "--test-case", "once", "--attachments", tmp_path / "kept")
    assert [(file.name, file.read_text()) for file in (tmp_path / "kept").iterdir()] == [("0002-_.._a b.txt", "hello")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--path", "random("], "unknown stop condition"),
        (["--test-case", "onse"], "did you mean 'once'"),
        (["--test-case", "once", "--path", "random(steps(1))"], "not both"),
        (["--param", "presses"], "name=value"),
        (["--param", "presess=1"], "presess"),
        (["--suite", "/no/such/folder"], "is not a folder"),
        ([], "the model names code"),
    ],
)
def test_wrong_use_is_exit_code_2_and_starts_nothing(model: Path, arguments: list[str], message: str) -> None:
    """The message says which option is wrong."""
    result = CliRunner(env={"COLUMNS": "400", "TERM": "dumb"}).invoke(app, [str(model), *arguments])
    assert result.exit_code == 2 and message in result.output.replace("\n", " "), result.output


def test_a_file_that_cannot_be_read_is_exit_code_2(tmp_path: Path) -> None:
    """The file is named."""
    assert call(tmp_path / "no.yaml").exit_code == 2


def test_a_model_that_breaks_a_rule_is_not_run(tmp_path: Path) -> None:
    """Findings come before the first step."""
    file = tmp_path / "broken.yaml"
    file.write_text(MODEL.replace("{to: On, do: lamp:press}", "{to: On, do: lamp:press, when: presses > nothing}"), "utf-8")
    assert isinstance(call(file, "--dry-run").exception, InvalidModelError)


def test_debug_without_a_terminal_ends_the_run(tmp_path: Path, model: Path) -> None:
    """Nobody can answer, so the run is cancelled instead of waiting for ever."""
    folder = suite(tmp_path, "def press(lamp): assert False, 'no light'")
    result = call(model, "--suite", folder, "--test-case", "once", "--on-error", "debug")
    assert result.exit_code == 4 and "there is no terminal to ask" in result.output


def test_what_the_tested_system_says_cannot_steer_the_terminal(tmp_path: Path, model: Path) -> None:
    """Escape sequences in messages are shown, not obeyed."""
    folder = suite(tmp_path, "def press(lamp): raise ValueError('\\x1b[2Jgone')")
    result = call(model, "--suite", folder, "--test-case", "once")
    assert "\x1b[2J" not in result.output and r"\x1b[2Jgone" in result.output


def test_ctrl_c_runs_the_teardowns_and_says_cancelled(tmp_path: Path, model: Path) -> None:
    """SIGINT interrupts the step; cleanup and teardown run; exit code 4; the terminal's own group was not needed for it."""
    folder = suite(tmp_path, "import time\ndef press(lamp):\n    note('pressing')\n    time.sleep(600)")
    code = "import typer; from melanzana.cli.run import run; typer.run(run)"
    command = [sys.executable, "-c", code, str(model), "--suite", str(folder), "--test-case", "once", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "NO_COLOR": "1"}) as process:
        latest = time.monotonic() + 20
        while "pressing" not in trace(folder) and time.monotonic() < latest:
            os.sched_yield()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=10)
    assert process.returncode == 4
    assert json.loads(out)["verdict"] == "cancelled"
    assert trace(folder) == ["lamp up", "pressing", "tidy", "lamp down"]

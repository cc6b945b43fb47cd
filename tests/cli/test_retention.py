"""`melanzana retention`: what it says of rules and of what would go, read as the server reads them."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from melanzana.cli.main import app
from melanzana.errors import SettingsError
from support_app import running_app
from support_runs import Runs

RULES = """
keep_runs_count = 1
keep_logs_days = 0.000000001

[keep_in_realm.trials]
runs_days = 14
"""


def _run(data: Path) -> Result:
    return CliRunner().invoke(app, ["retention", "--data", str(data)], catch_exceptions=False)


async def _two_runs(data: Path) -> None:
    async with running_app(data) as opened:
        runs = await Runs.of(opened.services)
        await runs.run()
        await runs.run()


def test_what_is_said(tmp_path: Path) -> None:
    """Without rules that everything is kept; with rules what each realm keeps and what would go, twice the same."""
    asyncio.run(_two_runs(tmp_path))
    said = _run(tmp_path)
    assert said.stdout.splitlines() == [
        "eggplant",
        "  kept    runs for ever; logs as long as the run; attachments as long as the log",
        "  to go   nothing",
    ]
    assert "everything is kept" in said.stderr
    (tmp_path / "melanzana.toml").write_text(RULES)
    for _ in range(2):
        said = _run(tmp_path)
        assert said.stdout.splitlines() == [
            "eggplant",
            "  kept    runs newest 1 of each model; logs 1e-09 days; attachments as long as the log",
            "  to go   1 runs, 2 logs",
            "trials",
            "  kept    runs 14 days; logs as long as the run; attachments as long as the log",
            "  to go   nothing",
        ]
        assert said.stderr == ""


def test_what_is_wrong(tmp_path: Path) -> None:
    """A folder without a database, and a rule that does not exist, are told by name."""
    with pytest.raises(SettingsError, match="there is no database"):
        _run(tmp_path)
    asyncio.run(_two_runs(tmp_path))
    (tmp_path / "melanzana.toml").write_text("[keep_in_realm.trials]\ndays = 3\n")
    with pytest.raises(SettingsError, match=r"keep_in_realm\.trials\.days"):
        _run(tmp_path)

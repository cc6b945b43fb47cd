"""The commands of the how-to on realms and keys do what it says."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from melanzana.cli.main import app

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "realms-and-keys.md"


def _commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", HOW_TO.read_text("utf-8"), re.DOTALL)
    return [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]


def test_every_command_works_in_the_order_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a data folder with a home realm, the commands of the page work one after another; a key's id is the passive one's."""
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()

    def run(command: str, text: str | None = None) -> str:
        answer = runner.invoke(app, shlex.split(command)[1:], input=text)
        assert answer.exit_code == 0, f"{command}: {answer.output}"
        return answer.output

    run("melanzana client create --name first --csv first.csv")
    said = []
    for command in _commands():
        listed = run("melanzana keys list") if "KID" in command else ""
        passive = next((line.split()[0] for line in listed.splitlines() if " passive " in line), "")
        words = command.replace("KID", passive) + (" --password-stdin" if " users create " in command else "")
        said.append(run(words, "correct horse battery staple\n"))
    assert len(said) >= 10
    assert ".../" not in "".join(said)
    assert max(map(len, run("melanzana keys list").splitlines())) <= 80
    assert "/auth/realms/payments/protocol/openid-connect/token" in (tmp_path / "ci.csv").read_text()


def test_a_list_without_providers_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty list of identity providers is a sentence with the next command."""
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    assert runner.invoke(app, ["client", "create", "--name", "first", "--csv", "first.csv"]).exit_code == 0
    answer = runner.invoke(app, ["providers", "list"])
    assert (answer.exit_code, answer.output) == (
        0,
        "No identity provider is believed. Add one with `melanzana providers add`.\n",
    )

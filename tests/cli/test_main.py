"""An error that has a name is one line on stderr, never a traceback."""

import pytest

from melanzana.cli import main as cli
from melanzana.errors import InvalidTokenError, MelanzanaError, NotFoundError, SettingsError, UnavailableError


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["serve", "--port", "99999"], 2, "melanzana: port: "),
        (["serve", "--config", "/nowhere/at.toml"], 2, "melanzana: --config /nowhere/at.toml: there is no such file"),
        (["agent", "--ini", "/nowhere/at.ini"], 2, "melanzana: /nowhere/at.ini: there is no such file"),
    ],
)
def test_a_wrong_setting_is_one_line(
    arguments: list[str], code: int, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and the message names the setting."""
    monkeypatch.setattr("sys.argv", ["melanzana", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(told)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SettingsError("x"), 2),
        (UnavailableError("x"), 3),
        (InvalidTokenError("x"), 3),
        (NotFoundError("x"), 1),
        (MelanzanaError("x"), 1),
    ],
)
def test_the_exit_code_says_whose_fault_it_is(error: MelanzanaError, code: int) -> None:
    """2: the command; 3: what it needs; 1: what it was about."""
    assert cli.exit_code(error) == code

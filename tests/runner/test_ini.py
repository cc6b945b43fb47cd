"""Access keys from an .ini file: which section is meant, and what is wrong with it."""

from pathlib import Path

import pytest

from melanzana.errors import SettingsError
from melanzana.runner.ini import read_ini

SECRET = "canary%secret"
ONE = f"""
[lab]
dai_host_url = http://localhost:8000
token_url = http://localhost:8000/auth/realms/eggplant/protocol/openid-connect/token
environment_id = 1
client_id = agent-1
client_secret = {SECRET}
"""
TWO = ONE + ONE.replace("[lab]", "[field]").replace("environment_id = 1", "environment_id = 2")
THREE = TWO + ONE.replace("[lab]", "[far]").replace("dai_host_url = http://localhost:8000", "dai_host_url = https://far.test/")


def write(folder: Path, text: str) -> Path:
    file = folder / "keys.ini"
    file.write_text(text, "utf-8")
    return file


def test_one_section_needs_no_words(tmp_path: Path) -> None:
    """Everything is read as it stands; the secret is not in the repr."""
    found = read_ini(write(tmp_path, ONE))
    assert (found.name, found.host_url, found.environment_id, found.client_id, found.client_secret) == (
        *("lab", "http://localhost:8000", 1, "agent-1"),
        SECRET,
    )
    assert SECRET not in repr(found)


def test_host_and_environment_pick_a_section(tmp_path: Path) -> None:
    """--env-id among those of one host; a slash at the end of the host's address does not matter."""
    file = write(tmp_path, THREE)
    assert read_ini(file, "http://localhost:8000/", 2).name == "field"
    assert read_ini(file, "https://FAR.test").name == "far"


def test_a_name_picks_a_section(tmp_path: Path) -> None:
    """--environment is the name of a section; one that is not there is told with those that are."""
    file = write(tmp_path, THREE)
    assert read_ini(file, name="field").environment_id == 2
    with pytest.raises(SettingsError, match=r"no section is for --environment barn; it holds \[lab\]"):
        read_ini(file, name="barn")


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    """Editors of other systems leave one."""
    file = tmp_path / "keys.ini"
    file.write_bytes(b"\xef\xbb\xbf" + ONE.encode())
    assert read_ini(file).name == "lab"


@pytest.mark.parametrize(
    ("text", "host", "number", "message"),
    [
        (TWO, None, None, r"2 sections fit; pick one with --environment, --host-url or --env-id: \[lab\]"),
        (TWO, None, 9, r"no section is for --env-id 9; it holds \[lab\]"),
        (ONE, "http://other", None, "no section is for --host-url http://other"),
        ("", None, None, "there is no section"),
        ("x = 1", None, None, "line 1: there is no section"),
        (
            ONE.replace("client_secret", "client_secrt"),
            None,
            None,
            r'\[lab\]: client_secret is missing; did you mean "client_secrt"',
        ),
        (ONE.replace("= 1", "= one"), None, None, "environment_id must be a whole number, not 'one'"),
        (ONE.replace("client_secret =", "client_secret"), None, None, "line 7: neither"),
        (ONE + ONE, None, None, "already exists"),
    ],
)
def test_what_is_wrong_is_told_without_the_secret(
    tmp_path: Path, text: str, host: str | None, number: int | None, message: str
) -> None:
    """File, section and key are named; no message holds a value that could be a secret."""
    with pytest.raises(SettingsError, match=message) as caught:
        read_ini(write(tmp_path, text), host, number)
    assert SECRET not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The path is in the message."""
    with pytest.raises(SettingsError, match=r"keys\.ini: there is no such file"):
        read_ini(tmp_path / "keys.ini")

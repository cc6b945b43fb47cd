"""`melanzana users`: people from the command line."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from melanzana.cli.data_folder import open_people
from melanzana.cli.main import app
from melanzana.errors import MelanzanaError, SettingsError
from melanzana.users.records import OpenedSession

PASSWORD = "a long enough password"


def melanzana(folder: Path, *arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(app, ["users", *arguments, "--data", str(folder)], input=given)


def make(folder: Path, username: str = "ada", *more: str) -> Result:
    return melanzana(folder, "create", username, "--password-stdin", *more, given=f"{PASSWORD}\n")


def open_session(folder: Path, username: str) -> OpenedSession:
    async def opened() -> OpenedSession:
        async with open_people(folder) as (people, home):
            return await people.open_session(await people.accounts.by_name(home, username), "192.0.2.1", "a browser")

    return asyncio.run(opened())


def lets_in(folder: Path, username: str, password: str) -> bool:
    async def tried() -> bool:
        async with open_people(folder) as (people, home):
            try:
                return bool(await people.check_password(home, username, password, "192.0.2.1"))
            except MelanzanaError:
                return False

    return asyncio.run(tried())


def test_the_first_administrator(tmp_path: Path) -> None:
    """Made in a new folder; the password is nowhere in it and lets in."""
    done = make(tmp_path, "ada", "--role", "admin")
    assert (done.exit_code, done.output) == (0, "made ada (dai:admin)\n")
    assert "ada" in melanzana(tmp_path, "list").output
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and PASSWORD.encode() in file.read_bytes()]
    assert lets_in(tmp_path, "ada", PASSWORD)


def test_a_person_is_kept_out_and_let_in(tmp_path: Path) -> None:
    """Disabling ends the sessions; the last administrator stays."""
    make(tmp_path, "boss", "--role", "admin")
    make(tmp_path)
    session = open_session(tmp_path, "ada")
    assert session.session.id in melanzana(tmp_path, "sessions", "ada").output
    assert melanzana(tmp_path, "disable", "ada").output == "disabled ada\n"
    assert session.session.id not in melanzana(tmp_path, "sessions", "ada").output
    assert not lets_in(tmp_path, "ada", PASSWORD)
    assert melanzana(tmp_path, "enable", "ADA").exit_code == 0
    assert lets_in(tmp_path, "ada", PASSWORD)
    last = melanzana(tmp_path, "disable", "boss")
    assert isinstance(last.exception, MelanzanaError) and "last administrator" in last.exception.message


def test_a_new_password_and_ended_sessions(tmp_path: Path) -> None:
    """The old one does not let in any more; ending sessions says how many."""
    make(tmp_path)
    open_session(tmp_path, "ada")
    changed = melanzana(tmp_path, "set-password", "ada", "--password-stdin", given="another long password\n")
    assert changed.output == "changed the password of ada\n"
    assert not lets_in(tmp_path, "ada", PASSWORD)
    assert lets_in(tmp_path, "ada", "another long password")
    open_session(tmp_path, "ada")
    assert melanzana(tmp_path, "end-sessions", "ada").output == "ended 1 sessions of ada\n"


def test_no_password_on_the_command_line(tmp_path: Path) -> None:
    """There is no such option, and without a terminal the password comes from standard input or not at all."""
    assert melanzana(tmp_path, "create", "ada", "--password", PASSWORD).exit_code == 2
    refused = melanzana(tmp_path, "create", "ada", given=f"{PASSWORD}\n")
    assert isinstance(refused.exception, SettingsError) and "--password-stdin" in refused.exception.message


@pytest.mark.parametrize("command", ["list", "disable", "enable", "sessions", "end-sessions", "set-password"])
def test_a_folder_without_a_database_is_named(tmp_path: Path, command: str) -> None:
    """Nothing is made where nothing is."""
    arguments = [] if command == "list" else ["ada"]
    done = melanzana(tmp_path / "nowhere", command, *arguments)
    assert isinstance(done.exception, SettingsError) and "--data" in done.exception.message
    assert not (tmp_path / "nowhere").exists()


def test_wrong_input_is_one_clear_error(tmp_path: Path) -> None:
    """An unknown role, a weak password, an unknown person, a name that is taken."""
    assert isinstance(make(tmp_path, "ada", "--role", "owner").exception, SettingsError)
    weak = melanzana(tmp_path, "create", "ada", "--password-stdin", given="short\n")
    assert isinstance(weak.exception, MelanzanaError) and "12" in weak.exception.message
    make(tmp_path)
    for done in (make(tmp_path), melanzana(tmp_path, "disable", "nobody")):
        assert isinstance(done.exception, MelanzanaError)


def test_who_did_it_is_in_the_audit_trail(tmp_path: Path) -> None:
    """The account of the operating system, as `command_line`."""
    make(tmp_path)
    question = "SELECT actor_kind, action FROM audit WHERE action LIKE 'user.%'"
    with closing(sqlite3.connect(tmp_path / "melanzana.db")) as database:
        rows = database.execute(question).fetchall()
    assert rows == [("command_line", "user.create")]

"""The first administrator of a real server: the console shows the way, and only the console."""

import re
import subprocess
from pathlib import Path

import pytest

from support_server import MELANZANA, wait_until

pytestmark = pytest.mark.slow
ADDRESS = re.compile(r"http://\S+/setup\?token=([\w-]{43})")


def console(data: Path, log: Path) -> str:
    """What a server prints from its start to its stop; its log goes to a file."""
    command = [*MELANZANA, "serve", "--port", "0", "--no-agent", "--log-level", "DEBUG", "--data", str(data)]
    printed = data.with_suffix(".out")
    with printed.open("w") as out, log.open("a") as err, subprocess.Popen(command, stdout=out, stderr=err) as process:
        try:
            wait_until(lambda: "is ready at" in printed.read_text("utf-8"), "the server")
        finally:
            process.terminate()
    return printed.read_text("utf-8")


def test_66_each_start_shows_a_new_setup_address_until_there_is_an_administrator(tmp_path: Path) -> None:
    """A new token each time, none in the log or the data folder, and none once `melanzana users create` has made somebody."""
    data, log = tmp_path / "data", tmp_path / "server.log"
    tokens = [ADDRESS.findall(console(data, log)) for _ in range(2)]
    assert [len(found) for found in tokens] == [1, 1]
    assert tokens[0] != tokens[1]
    command = [*MELANZANA, "users", "create", "boss", "--role", "admin", "--password-stdin", "--data", str(data)]
    subprocess.run(command, input="a long enough password\n", text=True, check=True, capture_output=True)
    assert ADDRESS.findall(console(data, log)) == []
    kept = [log, *(file for file in data.rglob("*") if file.is_file())]
    for secret in (tokens[0][0], tokens[1][0], "a long enough password"):
        assert not [file for file in kept if secret.encode() in file.read_bytes()], "a secret is on the disk"

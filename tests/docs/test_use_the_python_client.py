"""The page on the Python client: its programs run against a real server."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import melanzana.client
from melanzana.client import Credentials
from melanzana.errors import SettingsError
from support_server import create_client, running_server

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/use-the-python-client.md").read_text("utf-8")


@pytest.mark.slow
def test_the_programs_of_the_page_do_what_it_says(tmp_path: Path) -> None:
    """Both programs, with a file of credentials and a model beside them, tell of a run that passed."""
    programs = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(programs) == 2
    (tmp_path / "shop.yaml").write_text((ROOT / "examples/first/shop.yaml").read_text("utf-8"), "utf-8")
    with running_server(tmp_path / "data", "--no-agent") as server:
        create_client(server.data, tmp_path, "ci")
        said = [
            subprocess.run(
                [sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
            ).stdout
            for text in programs
        ]
    lines = said[0].splitlines()
    assert re.fullmatch(r"1 .+ passed", lines[0]), said[0]
    assert lines[-1] == f"Passed {len(lines) - 1} steps"
    assert said[1] == "passed\n"


def test_what_scripts_import_is_what_is_exported() -> None:
    """A name that goes away breaks somebody's script."""
    assert sorted(melanzana.client.__all__) == ["BlockingClient", "Credentials", "RestClient", "RunEvent", "StartOptions"]


def test_a_wrong_file_of_credentials_names_what_is_missing(tmp_path: Path) -> None:
    """No file, an empty one, one without a secret."""
    for content, why in (
        (None, "cannot be read"),
        ("", "client_id"),
        ("client_id,client_secret,token_url\nx,,y\n", "client_secret"),
    ):
        file = tmp_path / "ci.csv"
        if content is not None:
            file.write_text(content)
        with pytest.raises(SettingsError, match=why):
            Credentials.from_csv(file)


def test_every_method_of_the_client_is_there_without_async() -> None:
    """Nobody has to look which of the two has what."""
    named = [name for name in vars(melanzana.client.RestClient) if not name.startswith("_")]
    assert [name for name in named if not hasattr(melanzana.client.BlockingClient, name)] == []

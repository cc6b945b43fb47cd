"""`melanzana providers` works on a data folder with or without a server on it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from melanzana.cli.providers import app
from melanzana.errors import NotFoundError, RequestError, SettingsError

Providers = Callable[..., Result]
COMPANY = ("--issuer", "https://login.example.net", "--audience", "api", "--user", "testers", "--admin", "owners")


@pytest.fixture
def providers(tmp_path: Path) -> Providers:
    """Runs `melanzana providers …`; its errors are raised."""

    def run(*arguments: str, **options: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--data", str(tmp_path / "data")], catch_exceptions=False, **options)

    return run


def test_add_list_remove(providers: Providers, tmp_path: Path) -> None:
    """A provider is added, listed without its secret, replaced under the same name, and removed."""
    secret = tmp_path / "secret"
    secret.write_text("a secret of ours\n")
    added = providers("add", "company", *COMPANY, "--client-id", "melanzana", "--client-secret-file", str(secret))
    assert "http://localhost:8000/auth/realms/eggplant/broker/company/endpoint" in added.stdout
    listed = providers("list").stdout
    assert "owners → dai:admin, testers → dai:user" in listed
    assert "a secret" not in added.output + listed
    providers("add", "company", *COMPANY, "--role-claim", "groups", "--everyone")
    (line,) = [line for line in providers("list").stdout.splitlines() if line.split()[:1] == ["company"]]
    assert "groups" in line
    assert "everyone → dai:user" in line
    assert providers("remove", "company").stdout == "removed company\n"
    assert "company" not in providers("list").stdout


def test_secret_from_standard_input(providers: Providers, tmp_path: Path) -> None:
    """A secret may be piped in, so that it stands in no file and no process list; an empty one is refused."""
    providers("add", "company", *COMPANY, "--client-id", "melanzana", "--client-secret-file", "-", input="piped secret")
    assert b"piped secret" not in (tmp_path / "data" / "melanzana.db").read_bytes()
    with pytest.raises(SettingsError, match="empty"):
        providers("add", "company", *COMPANY, "--client-id", "melanzana", "--client-secret-file", "-", input="")
    with pytest.raises(SettingsError, match="No such file"):
        providers("add", "company", *COMPANY, "--client-id", "melanzana", "--client-secret-file", "missing")


def test_what_cannot_work(providers: Providers) -> None:
    """A provider over plain http, one that lets nobody in, an unknown name or folder: each is one clear error."""
    with pytest.raises(SettingsError, match="--data"):
        providers("list")
    with pytest.raises(RequestError, match="https"):
        providers("add", "company", "--issuer", "http://login.example.net", "--audience", "api", "--everyone")
    with pytest.raises(RequestError, match="nobody could come in"):
        providers("add", "company", "--issuer", "https://login.example.net", "--audience", "api")
    with pytest.raises(NotFoundError, match="company"):
        providers("remove", "company")

"""Settings come from flags, environment and file, in this order, and say what is wrong with them."""

from pathlib import Path

import pytest

from melanzana.errors import SettingsError
from melanzana.server.settings import ServerSettings, read_settings


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_flag_beats_the_environment_and_the_environment_beats_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flag beats the environment, which beats the file."""
    file = tmp_path / "settings.toml"
    file.write_text('port = 1111\nrealm = "from-file"\nlog_level = "ERROR"\n')
    monkeypatch.setenv("MELANZANA_PORT", "2222")
    monkeypatch.setenv("MELANZANA_REALM", "from-environment")
    settings = read_settings({"port": 3333, "realm": None}, file)
    assert (settings.port, settings.realm, settings.log_level) == (3333, "from-environment", "ERROR")


def test_the_file_in_the_data_folder_is_read_without_being_named(tmp_path: Path) -> None:
    """`melanzana.toml` in the data folder is the file when none is named."""
    (tmp_path / "melanzana.toml").write_text("port = 4444\n")
    assert read_settings({"data": tmp_path}).port == 4444


@pytest.mark.parametrize(
    ("content", "named"),
    [("port = 99999\n", "port"), ("prot = 1\n", "prot"), ("port = \n", "settings.toml"), ('realm = "a/b"\n', "realm")],
)
def test_a_wrong_setting_is_named(tmp_path: Path, content: str, named: str) -> None:
    """A setting that is out of range, unknown or unreadable is named in the error."""
    file = tmp_path / "settings.toml"
    file.write_text(content)
    with pytest.raises(SettingsError, match=named):
        read_settings({}, file)


def test_a_missing_file_that_was_named_is_an_error(tmp_path: Path) -> None:
    """`--config` with a file that is not there is refused."""
    with pytest.raises(SettingsError, match="no such file"):
        read_settings({}, tmp_path / "absent.toml")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "http://localhost:8000"),
        ("::1", "http://localhost:8000"),
        ("0.0.0.0", "http://localhost:8000"),
        ("10.1.2.3", "http://10.1.2.3:8000"),
        ("fd00::1", "http://[fd00::1]:8000"),
        ("tests.example", "http://tests.example:8000"),
    ],
)
def test_the_base_url_follows_the_host(host: str, expected: str) -> None:
    """Without a public address, clients are told the address that the server listens on."""
    assert ServerSettings(host=host).base_url == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("tests.example", "http://tests.example:8000"),
    ],
)
def test_local_agents_speak_to_the_address_that_is_listened_on(host: str, expected: str) -> None:
    """The agents of this machine need neither the public name nor a name service."""
    assert ServerSettings(host=host, public_url="https://tests.example.org").local_url == expected


def test_the_public_url_is_believed() -> None:
    """A public address is used as given, without a trailing slash."""
    assert ServerSettings(public_url="https://tests.example/dai/").base_url == "https://tests.example/dai"


def test_every_setting_is_in_the_reference() -> None:
    """`docs/reference/settings.md` names every setting, its flag and its variable."""
    page = Path(__file__).parents[2].joinpath("docs/reference/settings.md").read_text("utf-8")
    missing = [name for name in ServerSettings.model_fields if f"`{name}`" not in page or f"`MELANZANA_{name.upper()}`" not in page]
    assert not missing

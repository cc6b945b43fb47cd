"""What the options of `melanzana ci run` say: which test configuration, which values, which filters. Connects to nothing."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import typer

Kind = Literal["modelbased", "scriptbased"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which test configuration is meant: by id, or by name and perhaps what it runs."""

    server: str  #: without a slash at the end
    test_config_id: str | None = None
    name: str | None = None
    model_name: str | None = None
    suite_name: str | None = None

    def words(self) -> str:
        return f"test configuration {self.test_config_id or repr(self.name)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Everything that the command was asked for."""

    chosen: Selection
    client_id: str | None
    client_secret: str | None = field(repr=False)
    token_url: str
    body: dict[str, Any]  #: of the start call
    result_path: Path | None
    fail_on_flaky: bool
    timeout_seconds: float | None
    poll_seconds: float
    request_seconds: float
    request_attempts: int
    backoff_seconds: float
    ca_file: Path | None
    key: str | None
    quiet: bool

    def checked(self) -> "Wish":
        """The same; BadParameter when something is missing that a connection needs."""
        if not self.client_id:
            raise typer.BadParameter("give the id of an API client, or set DAI_CLIENT_ID", param_hint="--client-id")
        if not self.client_secret:
            raise typer.BadParameter("give its secret, or better set DAI_CLIENT_SECRET", param_hint="--client-secret")
        return self


def selection(
    first: str, second: str | None, name: str | None, *, model_name: str | None = None, suite_name: str | None = None
) -> Selection:
    """The forms of the original's runner: SERVER ID, or `modelbased SERVER` and `scriptbased SERVER` with names. BadParameter."""
    if first in {"modelbased", "scriptbased"}:
        if second is None:
            raise typer.BadParameter(f"after {first} comes the address of the server", param_hint="SERVER_URL")
        return _by_name(first == "modelbased", _server(second), name, model_name, suite_name)
    server = _server(first)
    if (second is None) == (name is None):
        raise typer.BadParameter("give the id of a test configuration, or --test-config-name", param_hint="TEST_CONFIG_ID")
    return Selection(server=server, test_config_id=second, name=name, model_name=model_name, suite_name=suite_name)


def _by_name(of_model: bool, server: str, name: str | None, model_name: str | None, suite_name: str | None) -> Selection:
    if name is None:
        raise typer.BadParameter("it names the test configuration", param_hint="--test-config-name")
    if of_model and model_name is None:
        raise typer.BadParameter("modelbased needs the name of the model", param_hint="--model-name")
    if not of_model and suite_name is None:
        raise typer.BadParameter("scriptbased needs the name of the suite", param_hint="--suite-name")
    return Selection(server=server, name=name, model_name=model_name, suite_name=suite_name)


def _server(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise typer.BadParameter(f"{text!r} is no address; write it like http://localhost:8000", param_hint="SERVER_URL")
    return text.rstrip("/")


def read_parameters(pairs: list[str], file: Path | None) -> dict[str, Any]:
    """Values by name: those of the file, then those of the command line over them. BadParameter."""
    values = {} if file is None else _object(file, "--param-file")
    for name, value in values.items():
        if not isinstance(value, str | int | float | bool):
            raise typer.BadParameter(f"{name} is no text, number or true/false", param_hint="--param-file")
    return {**values, **_pairs(pairs, "--param")}


def read_filters(pairs: list[str], file: Path | None) -> dict[str, Any]:
    """Filters by name; one that stands several times has all its values. The server says which names there are. BadParameter."""
    values: dict[str, Any] = {} if file is None else _object(file, "--filter-by-json")
    for pair in pairs:
        ((name, value),) = _pairs([pair], "--filter-by").items()
        before = values.get(name)
        values[name] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
    return values


def _pairs(pairs: list[str], option: str) -> dict[str, str]:
    values = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise typer.BadParameter(f"{pair!r} is not name=value", param_hint=option)
        values[name.strip()] = value
    return values


def _object(file: Path, option: str) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}", param_hint=option) from None
    except ValueError as error:
        raise typer.BadParameter(f"{file} is no JSON: {error}", param_hint=option) from None
    if not isinstance(value, dict):
        raise typer.BadParameter(f"{file} holds no JSON object", param_hint=option)
    return value

"""Reads the `.ini` file that an environment's access keys come in: one section for each environment.

    [lab]
    dai_host_url = https://dai.example.org
    token_url = https://dai.example.org/auth/realms/eggplant/protocol/openid-connect/token
    environment_id = 1
    client_id = …
    client_secret = …

With one section nothing needs to be said; with several, `--environment`, `--host-url` and `--env-id` pick one.
"""

import configparser
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from melanzana.errors import SettingsError
from melanzana.runner.naming import did_you_mean

_NEEDED = ("dai_host_url", "token_url", "client_id", "client_secret")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One section."""

    name: str
    host_url: str
    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    environment_id: int | None = None


def read_ini(file: Path, host_url: str | None = None, environment_id: int | None = None, name: str | None = None) -> Environment:
    """The section that is meant. Raises SettingsError naming file, section and key; the secret is never part of a message."""
    sections = _sections(file)
    fitting = [section for section in sections if _fits(section, host_url, environment_id) and name in {None, section.name}]
    if len(fitting) == 1:
        return fitting[0]
    known = "; ".join(f"[{section.name}] {section.host_url} --env-id {section.environment_id}" for section in sections)
    if not fitting:
        raise SettingsError(f"{file}: no section is for {_wish(host_url, environment_id, name)}; it holds {known}")
    raise SettingsError(f"{file}: {len(fitting)} sections fit; pick one with --environment, --host-url or --env-id: {known}")


def _sections(file: Path) -> Sequence[Environment]:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    try:
        parser.read_string(file.read_text("utf-8-sig"), str(file))
    except FileNotFoundError:
        raise SettingsError(f"{file}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from None
    except configparser.Error as error:
        raise SettingsError(f"{file}: {_without_values(error)}") from None
    if not parser.sections():
        raise SettingsError(f"{file}: there is no section; it should begin with [name of the environment]")
    return [_environment(file, parser[name]) for name in parser.sections()]


def _environment(file: Path, section: configparser.SectionProxy) -> Environment:
    for key in _NEEDED:
        if not section.get(key, "").strip():
            raise SettingsError(f"{file} [{section.name}]: {key} is missing{did_you_mean(key, set(section) - set(_NEEDED))}")
    number = section.get("environment_id", "").strip()
    if number and not number.isdigit():
        raise SettingsError(f"{file} [{section.name}]: environment_id must be a whole number, not {number!r}")
    return Environment(
        name=section.name,
        host_url=section["dai_host_url"].strip(),
        token_url=section["token_url"].strip(),
        client_id=section["client_id"].strip(),
        client_secret=section["client_secret"].strip(),
        environment_id=int(number) if number else None,
    )


def _fits(section: Environment, host_url: str | None, environment_id: int | None) -> bool:
    right_host = host_url is None or section.host_url.rstrip("/").casefold() == host_url.rstrip("/").casefold()
    return right_host and (environment_id is None or section.environment_id == environment_id)


def _wish(host_url: str | None, environment_id: int | None, name: str | None) -> str:
    parts = [
        f"--environment {name}" if name is not None else "",
        f"--host-url {host_url}" if host_url else "",
        f"--env-id {environment_id}" if environment_id is not None else "",
    ]
    return " ".join(part for part in parts if part)


def _without_values(error: configparser.Error) -> str:
    """What is wrong and where, without the text of the line, which may be a secret."""
    if isinstance(error, configparser.MissingSectionHeaderError):
        return f"line {error.lineno}: there is no section; it should begin with [name of the environment]"
    if isinstance(error, configparser.ParsingError):
        lines = ", ".join(str(number) for number, _ in error.errors)
        return f"line {lines}: neither [section] nor key = value"
    return error.message.partition("\n")[0]

"""What an operator can set, with units and the reason of each default.

`cli/serve.py` builds one `ServerSettings` and hands it on; no other code reads the environment. A flag beats the environment
(`MELANZANA_PORT`), which beats the TOML file (`--config`, else `melanzana.toml` in the data folder). The reference page
`docs/reference/settings.md` lists every field; a test says which is missing.
"""

import os
import tomllib
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from melanzana.errors import SettingsError

ENVIRONMENT_PREFIX = "MELANZANA_"


class KeepSettings(BaseModel):
    """What is kept of the runs of one realm; None: all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    runs_days: float | None = Field(None, gt=0)
    runs_count: int | None = Field(None, ge=1)
    logs_days: float | None = Field(None, gt=0)
    attachments_days: float | None = Field(None, gt=0)


class ServerSettings(BaseSettings):
    """Settings of `melanzana serve`."""

    model_config = SettingsConfigDict(env_prefix=ENVIRONMENT_PREFIX, frozen=True, extra="forbid")

    _sources: dict[str, str] = PrivateAttr(default_factory=dict)

    host: str = Field(
        "127.0.0.1", description="Address to listen on. Loopback unless said otherwise: tokens travel in clear without TLS."
    )
    port: int = Field(8000, ge=0, le=65535, description="TCP port; 0 takes a free one. 8000 is the original product's.")
    data: Path = Field(Path("melanzana-data"), description="Folder of the database, attachments and keys; made when missing.")
    database: str | None = Field(
        None,
        repr=False,
        description="Address of a PostgreSQL database that several servers share (postgresql://user@host:5432/name). "
        "None: a file in the data folder, for one server.",
    )
    bus: str | None = Field(
        None,
        repr=False,
        description="Address of a NATS server over which the servers of one database tell each other news (nats://host:4222). "
        "None: over PostgreSQL.",
    )
    attachments: str | None = Field(
        None,
        description="Address of an S3-compatible bucket that keeps attachments (s3://bucket/folder); keys and region come from the "
        "usual AWS_… variables. None: the folder blobs in the data folder, for one server.",
    )
    attachments_endpoint: str | None = Field(
        None,
        pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$",
        description="Address of the S3-compatible store when it is not Amazon's (https://s3.example.org). None: AWS_ENDPOINT_URL.",
    )
    otlp_endpoint: str | None = Field(
        None,
        pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$",
        description="Address of an OpenTelemetry collector that gets every run as a trace, over OTLP/HTTP (http://127.0.0.1:4318). "
        "Needs melanzana[otel]; headers come from OTEL_EXPORTER_OTLP_HEADERS. None: no traces.",
    )
    webhook_private: bool = Field(
        default=False,
        description="Whether webhooks may go to private addresses (10.…, 192.168.…, this machine). False: an address in a profile "
        "cannot be used to look around in the server's own network.",
    )
    realm: str = Field("eggplant", pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$", description="Realm made at first start.")
    public_url: str | None = Field(
        None,
        description="Address under which clients reach the server; issuer and links are built from it, never from the Host header. "
        "None: http://localhost:<port> on a loopback address, else http://<host>:<port>.",
    )
    workers: int = Field(
        1, ge=1, le=64, description="Server processes that answer on the one port, on this machine. More than one need PostgreSQL."
    )
    agent: bool = Field(True, description="Whether the server starts agents of its own on this machine.")
    hosted_agents_min: int = Field(
        1,
        ge=0,
        le=64,
        description="Fewest agents of the server's own that perform code. 0: one is started when a run waits for it.",
    )
    hosted_agents_max: int = Field(
        1, ge=1, le=64, description="Most of them; as many are started as runs wait. Never fewer than hosted_agents_min."
    )
    hosted_agents_idle_seconds: float = Field(
        60.0, ge=1, le=86_400, description="How long one of them above the fewest stays without a run, in seconds."
    )
    agent_env: str = Field(
        "",
        description="Variables of the server's environment that its own agents pass on to action code, with commas between: "
        "SHOP_URL,SHOP_*. What programs need anyway is passed on without.",
    )
    strict: bool = Field(False, description="Whether a start call with a field that nobody knows is refused instead of noted.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least severity that is logged.")
    log_format: Literal["text", "json"] = Field("text", description="Shape of a log line: for people, or for machines.")
    heartbeat_seconds: float = Field(5.0, gt=0, le=60, description="How often an agent reports at least, in seconds (± 10 %).")
    lease_seconds: float = Field(20.0, gt=0, le=600, description="How long an agent may stay silent, in seconds: three lost beats.")
    grace_seconds: float = Field(
        10.0,
        ge=0,
        le=600,
        description="From the end of a lease until the work is given away, in seconds: kill time, drift, scheduling.",
    )
    kill_seconds: float = Field(5.0, gt=0, le=60, description="Between SIGTERM and SIGKILL of an aborted run, in seconds.")
    session_idle_minutes: float = Field(
        480.0, gt=0, le=43_200, description="How long a person's login lasts without a request, in minutes: a working day."
    )
    session_hours: float = Field(24.0, gt=0, le=720, description="How long a person's login lasts at most, in hours.")
    starts_per_minute: int = Field(
        6_000,
        ge=0,
        description="How many runs one client may start in a minute, at each server; more get 429. 0: no bound. "
        "Ten times what the busiest pipeline needs.",
    )
    held_requests: int = Field(
        100, ge=0, description="How many polls and streams one client may hold open at each server; more get 429. 0: no bound."
    )
    max_queued: int = Field(10_000, ge=1, description="How many executions of a realm may be queued; one more gets 429.")
    max_model_bytes: int = Field(2 * 2**20, ge=1024, description="Largest model upload, in bytes.")
    max_attachment_bytes: int = Field(
        16 * 2**20, ge=1024, description="Largest attachment of a step, and largest stored suite, in bytes."
    )

    keep_runs_days: float | None = Field(None, gt=0, description="Days after its end that a run is kept. None: for ever.")
    keep_runs_count: int | None = Field(None, ge=1, description="Newest runs of each model that are kept. None: all.")
    keep_logs_days: float | None = Field(
        None, gt=0, description="Days after its end that a run's log is kept; what the run came to stays. None: as long as the run."
    )
    keep_attachments_days: float | None = Field(
        None, gt=0, description="Days after its end that a run's attachments are kept. None: as long as its log."
    )
    keep_in_realm: dict[str, KeepSettings] = Field(
        {},
        description="The four above, without keep_, for single realms instead: a table in the file, JSON in the variable.",
    )
    keep_sweep_minutes: float = Field(10.0, gt=0, le=1_440, description="Minutes between two looks for what is to be removed.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the framework's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then environment; the file comes in below both through `read_settings`."""
        return init_settings, env_settings

    def source_of(self, name: str) -> str:
        """Where the value of a setting comes from: flag, environment, file or default."""
        return self._sources.get(name, "default")

    @property
    def base_url(self) -> str:
        """The address clients use, without a trailing slash."""
        if self.public_url:
            return self.public_url.rstrip("/")
        return f"http://{_client_host(self.host)}:{self.port}"

    @property
    def local_url(self) -> str:
        """The address at which programs on this machine reach the server, whatever name the world knows it by."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def read_settings(flags: Mapping[str, Any], config: Path | None = None) -> ServerSettings:
    """The settings that flags, environment and file give together; flags that are None were not given.

    Raises SettingsError naming the setting, its source and the fix.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    from_file = {
        name: value for name, value in _read_file(given, config).items() if name not in given and not _in_environment(name)
    }
    try:
        settings = ServerSettings(**given, **from_file)
    except ValidationError as error:
        raise SettingsError("; ".join(_describe(problem) for problem in error.errors())) from None
    settings._sources.update({name: "environment" for name in ServerSettings.model_fields if _in_environment(name)})
    settings._sources.update(dict.fromkeys(given, "flag") | dict.fromkeys(from_file, "file"))
    return settings


def _read_file(given: Mapping[str, Any], config: Path | None) -> dict[str, Any]:
    folder = Path(given.get("data") or os.environ.get(f"{ENVIRONMENT_PREFIX}DATA") or "melanzana-data")
    path = config or folder / "melanzana.toml"
    if not path.exists():
        if config:
            raise SettingsError(f"--config {config}: there is no such file")
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from None


def _in_environment(name: str) -> bool:
    return f"{ENVIRONMENT_PREFIX}{name}".upper() in {key.upper() for key in os.environ}


def _describe(problem: Any) -> str:
    name = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{name}: there is no such setting; the reference lists them all"
    return f"{name}: {problem['msg'].lower()}, got {problem['input']!r}"


def _client_host(host: str) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if address.is_loopback or address.is_unspecified:
        return "localhost"
    return f"[{host}]" if address.version == 6 else host

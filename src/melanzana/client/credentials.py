"""The file of an API client's credentials, as System > API Access and `melanzana client create --csv` hand it out."""

import csv
import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from melanzana.client.blocking import BlockingClient
from melanzana.client.rest import RestClient
from melanzana.client.tokens import ClientCredentials
from melanzana.errors import SettingsError

_COLUMNS = ("client_id", "client_secret", "token_url")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who asks, and where tokens come from."""

    client_id: str
    client_secret: str = field(repr=False)
    token_url: str

    @classmethod
    def from_csv(cls, file: str | os.PathLike[str]) -> "Credentials":
        """Raises SettingsError naming what is missing."""
        try:
            with Path(file).open(newline="", encoding="utf-8") as text:
                row = next(csv.DictReader(text), {})
        except OSError as error:
            raise SettingsError(f"{file} cannot be read: {error.strerror}", field="file") from None
        missing = [name for name in _COLUMNS if not row.get(name)]
        if missing:
            raise SettingsError(f"{file} is no file of credentials: {', '.join(missing)} is missing", field="file")
        return cls(**{name: row[name] for name in _COLUMNS})

    @property
    def server(self) -> str:
        """The address of the server that gives the tokens."""
        parts = urlsplit(self.token_url)
        return f"{parts.scheme}://{parts.netloc}"

    def client(self, server: str | None = None, trust: ssl.SSLContext | None = None) -> RestClient:
        """For code with `async`. `server`: when it is another than the one that gives the tokens."""
        tokens = ClientCredentials(self.token_url, self.client_id, self.client_secret)
        return RestClient(server or self.server, tokens, trust=trust)

    def blocking_client(self, server: str | None = None, trust: ssl.SSLContext | None = None) -> BlockingClient:
        """For code without `async`: the same client behind plain functions."""
        return BlockingClient(lambda: self.client(server, trust))

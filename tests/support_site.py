"""What a client of other people's making is told: where the server is, and the credentials of one API client."""

from dataclasses import dataclass

from support_server import Credentials, ServerProcess


@dataclass(frozen=True)
class Site:
    """A running server and one API client of it."""

    server: ServerProcess
    client: Credentials

    @property
    def url(self) -> str:
        return self.client.token_url.partition("/auth/")[0]

    @property
    def issuer(self) -> str:
        return f"{self.url}/auth/realms/eggplant"

    @property
    def endpoints(self) -> str:
        return f"{self.issuer}/protocol/openid-connect"

    @property
    def models(self) -> str:
        """An address of the API that needs an access token."""
        return f"{self.url}/ai/models"

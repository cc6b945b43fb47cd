"""What the authorization server asks of parts that the composition root adds: logins of people, foreign issuers.

`service.py` works without either; a server without a login page or identity provider has neither.
"""

from typing import Protocol

from melanzana.access.records import Principal


class Logins(Protocol):
    """Refresh tokens of people (`login.py`)."""

    async def revoke_refresh_token(self, realm: str, token: str, client_id: str, address: str = "") -> bool:
        """End the refresh token and what follows from it (RFC 7009); False when it is not this client's."""
        ...

    async def end_by_refresh_token(self, realm: str, token: str, client_id: str, address: str = "") -> bool:
        """Log out by refresh token; False when it is not this client's."""
        ...


class ForeignIssuers(Protocol):
    """Identity providers whose access tokens a realm believes (`external.py`)."""

    def knows(self, issuer: str) -> bool: ...

    async def believe(self, token: str) -> Principal:
        """Errors: InvalidTokenError."""
        ...

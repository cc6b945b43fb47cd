"""Who makes a request. The gate makes these; every room's verbs take them."""

from dataclasses import dataclass
from enum import StrEnum


class PrincipalKind(StrEnum):
    """What kind of caller acts."""

    API_CLIENT = "api_client"
    AGENT = "agent"
    USER = "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Whom the audit trail names: who did it, and from which address."""

    kind: str  #: a PrincipalKind, or `command_line`, `server`, `nobody` (a login or grant that failed)
    id: str  #: client id or user id; for the command line the account of the operating system
    name: str
    address: str = ""  #: where the request came from; empty on this machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who makes a request: the client or person whose access token or session it carried."""

    realm: str
    kind: PrincipalKind
    client_id: str  #: for a person, the client they logged in with
    subject: str  #: uuid: the client's service account, or the person; `sub` of the tokens
    name: str
    scopes: frozenset[str]
    agent_id: int | None = None  #: the agent whose credentials these are
    address: str = ""  #: where the request came from

    @property
    def actor(self) -> Actor:
        """The caller as the audit trail names it."""
        identity = self.subject if self.kind is PrincipalKind.USER else self.client_id
        return Actor(kind=self.kind.value, id=identity, name=self.name, address=self.address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """A person in front of a page: who, and the token that their forms must carry."""

    principal: Principal
    session_id: str
    csrf_token: str

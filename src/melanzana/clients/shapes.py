"""What the routes of API clients read from a body and write into an answer."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints

from melanzana.clients.public_keys import checked_keys, read_public_keys
from melanzana.clients.records import Client, ClientFields, ClientStatus, CreatedClient, KeySet
from melanzana.clients.service import LONGEST_GRACE_SECONDS
from melanzana.errors import RequestError
from melanzana.web.inputs import Instant, YesNo

_Text = Annotated[str, StringConstraints(max_length=4_000)]
_Word = Annotated[str, StringConstraints(max_length=100)]
_KEYS = "Public key for signed assertions (private_key_jwt): a JWK or a JWK set as an object, or a PEM public key as text."


class ClientChanges(BaseModel):
    """Fields to set; those left out stay as they are."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"scopes": ["executions:start", "executions:read"]}]})

    name: _Text = Field("", description="What it is for, 1 to 200 characters.")
    description: _Text = Field("", description="More about it.")
    scopes: Annotated[list[_Word], Field(max_length=100)] | None = Field(None, description="Permissions; null for all of a client.")
    expires_at: Instant | None = Field(None, description="From then on it is refused; null for never.")
    allowed_addresses: Annotated[list[_Word], Field(max_length=1_000)] = Field(
        [], description="Addresses and networks such as `192.0.2.0/24` that it may come from; empty for anywhere."
    )
    public_keys: dict[str, Any] | str | None = Field(None, description=f"{_KEYS} Other keys end the tokens got with the old ones.")

    def fields(self) -> ClientFields:
        """Those that the body names. Errors: RequestError."""
        readers: dict[str, Callable[[Any], Any]] = {
            "scopes": lambda words: None if words is None else frozenset(words),
            "expires_at": _aware,
            "allowed_addresses": tuple,
            "public_keys": _keys,
        }
        named = sorted(self.model_fields_set & ClientFields.__annotations__.keys())
        return cast("ClientFields", {name: readers.get(name, _same)(getattr(self, name)) for name in named})


class ClientBody(ClientChanges):
    """An API client to be made."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "nightly", "description": "Nightly regression on build 7"}]}
    )

    name: _Text = Field(description="What it is for, 1 to 200 characters.")
    with_secret: YesNo = Field(True, description="False: no secret is made and the client proves itself with its public key only.")


class RegenerateBody(BaseModel):
    """How the old secret ends."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"grace_seconds": 3600}]})

    grace_seconds: StrictInt = Field(
        0, ge=0, le=LONGEST_GRACE_SECONDS, description="How long the old secret stays good beside the new one."
    )
    end_tokens: YesNo | None = Field(
        None, description="Whether access tokens made before end now; when left out they do if the old secret ends at once."
    )


class ClientItem(BaseModel):
    """An API client; never its secret."""

    client_id: str
    name: str
    description: str
    status: ClientStatus
    scopes: list[str] | None = Field(description="Permissions; null for all of a client.")
    allowed_addresses: list[str] = Field(description="Networks it may come from; empty for anywhere.")
    has_secret: bool
    public_keys: dict[str, Any] | None = Field(description="JWK set that its assertions are verified with.")
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="Last token granted, to the minute.")
    last_used_address: str | None
    old_secret_until: datetime | None = Field(description="Until then the secret before the last regenerate is good as well.")
    revoked_at: datetime | None


class ClientList(BaseModel):
    """API clients, oldest first."""

    items: list[ClientItem]
    total_count: int


class CredentialsItem(BaseModel):
    """What a client needs to get tokens. The secret is in this answer and nowhere else."""

    client_id: str
    client_secret: str | None = Field(description="Null for a client that proves itself with a key only.")
    token_url: str
    name: str


def client_item(client: Client, now: datetime) -> ClientItem:
    old_secret = client.previous_until is not None and client.previous_until > now
    return ClientItem(
        client_id=client.client_id,
        name=client.name,
        description=client.description,
        status=client.status(now),
        scopes=None if client.scopes is None else sorted(client.scopes),
        allowed_addresses=list(client.allowed_addresses),
        has_secret=bool(client.secret_digest),
        public_keys=None if client.public_keys is None else dict(client.public_keys),
        created_by=client.created_by,
        created_at=client.created_at,
        expires_at=client.expires_at,
        last_used_at=client.last_used_at,
        last_used_address=client.last_used_address,
        old_secret_until=client.previous_until if old_secret else None,
        revoked_at=client.revoked_at,
    )


def credentials_item(created: CreatedClient) -> CredentialsItem:
    return CredentialsItem(
        client_id=created.client_id, client_secret=created.client_secret or None, token_url=created.token_url, name=created.name
    )


def _same(value: Any) -> Any:
    return value


def _aware(instant: datetime | None) -> datetime | None:
    """An instant without a zone is left as it is: the service refuses it with the field's name."""
    if instant is None or instant.tzinfo is None:
        return instant
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise RequestError("expires_at lies too far away", field="expires_at") from None


def _keys(given: dict[str, Any] | str | None) -> KeySet | None:
    if given is None:
        return None
    return read_public_keys(given) if isinstance(given, str) else checked_keys(given)

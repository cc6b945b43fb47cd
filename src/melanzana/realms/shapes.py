"""What the REST API of realms and keys takes and gives."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from melanzana.realms.records import LONGEST_TOKEN_SECONDS, SHORTEST_TOKEN_SECONDS, KeyState, Realm, RealmChange, SigningKey
from melanzana.web.inputs import YesNo


class RealmBody(BaseModel):
    """A new realm."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "team-a"}]})

    name: str = Field(description="1 to 63 letters, digits, - and _, the first a letter or digit; in any case, and case counts.")


class RealmChangeBody(BaseModel):
    """What to change; fields that are left out stay."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"not_before": "now"}]})

    enabled: YesNo | None = Field(
        None, description="A disabled realm gives no tokens and believes none. Changed from the home realm."
    )
    token_type: Literal["JWT", "at+jwt"] | None = Field(None, description="`typ` of access tokens: the product's, or RFC 9068's.")
    algorithm: Literal["RS256", "ES256", "EdDSA"] | None = Field(None, description="Of the next key; a rotation signs with it.")
    not_before: Annotated[StrictInt, Field(ge=0, le=2**34)] | Literal["now"] | None = Field(
        None, description="Tokens issued before this instant (seconds since 1970) are refused; `now` logs everybody out."
    )
    token_seconds: StrictInt | None = Field(
        None, ge=SHORTEST_TOKEN_SECONDS, le=LONGEST_TOKEN_SECONDS, description="Lifetime of an access token."
    )

    def change(self, now: datetime) -> RealmChange:
        values = self.model_dump()
        if self.not_before == "now":
            values["not_before"] = everything_until(now)
        return RealmChange(**values)


class RealmItem(BaseModel):
    """A realm and its token settings."""

    name: str
    enabled: bool
    home: bool = Field(description="Whether its administrators may see and make other realms.")
    issuer: str
    token_type: str
    algorithm: str = Field(description="Of the next key; the active key may still have another.")
    not_before: int = Field(description="Tokens issued earlier are refused, in seconds since 1970; 0: none are.")
    token_seconds: int
    created_at: datetime


class KeyItem(BaseModel):
    """A signing key; its private part is never shown."""

    kid: str = Field(description="RFC 7638 thumbprint.")
    state: KeyState = Field(description="`next` and `active` and `passive` keys are published, `disabled` ones never.")
    algorithm: str
    created_at: datetime
    changed_at: datetime | None = Field(description="Since when it has its state; null since it was made.")


def everything_until(now: datetime) -> int:
    """The `not_before` that ends every token issued until now. Tokens count whole seconds, so the current one goes with it."""
    return int(now.timestamp()) + 1


def realm_item(realm: Realm, issuer: str, *, home: bool) -> RealmItem:
    names = ("name", "enabled", "token_type", "algorithm", "not_before", "token_seconds", "created_at")
    return RealmItem(**{name: getattr(realm, name) for name in names}, issuer=issuer, home=home)


def key_item(key: SigningKey) -> KeyItem:
    return KeyItem(kid=key.kid, state=key.state, algorithm=key.algorithm, created_at=key.created_at, changed_at=key.changed_at)

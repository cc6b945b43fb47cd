"""All SQL of authorization codes, refresh tokens and identity providers. Codes and tokens are stored as digests only."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Connection, LargeBinary, RowMapping, Table, Text, select, update

from melanzana.access.permissions import Role
from melanzana.auth.login_records import IdentityProvider, LoginCode, RefreshToken
from melanzana.storage.schema import metadata
from melanzana.storage.types import Instant, JsonText

#: How long a used or expired code is remembered, so that its reuse is noticed.
REMEMBERED = timedelta(days=1)

login_codes = Table(
    "login_codes",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("realm", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("code_challenge", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("nonce", Text),
    Column("user_id", Text, nullable=False),
    Column("session_id", Text, nullable=False),
    Column("authenticated_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("used_at", Instant),
    Column("family_id", Text, nullable=False),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("family_id", Text, nullable=False, index=True),
    Column("realm", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("session_id", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("authenticated_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("family_expires_at", Instant, nullable=False, index=True),
    Column("token_id", Text, nullable=False),
    Column("token_expires_at", Instant, nullable=False),
    Column("used_at", Instant),
    Column("ended_at", Instant),
)

identity_providers = Table(
    "identity_providers",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("issuer", Text, nullable=False, index=True),
    Column("audience", Text, nullable=False),
    Column("client_id", Text),
    Column("sealed_secret", LargeBinary),
    Column("login_scope", Text, nullable=False),
    Column("role_claim", Text, nullable=False),
    Column("roles", JsonText, nullable=False),
    Column("default_role", Text),
    Column("created_at", Instant, nullable=False),
)


def add_code(tx: Connection, code: LoginCode, now: datetime) -> None:
    """Add a code and forget those that are long over."""
    tx.execute(login_codes.delete().where(login_codes.c.expires_at < now - REMEMBERED))
    tx.execute(login_codes.insert().values(_values(code)))


def code(tx: Connection, digest: bytes) -> LoginCode | None:
    row = tx.execute(select(login_codes).where(login_codes.c.digest == digest)).mappings().one_or_none()
    return None if row is None else LoginCode(**row)


def use_code(tx: Connection, digest: bytes, now: datetime) -> bool:
    """Mark the code as used; False when somebody was faster."""
    unused = update(login_codes).where(login_codes.c.digest == digest, login_codes.c.used_at.is_(None))
    return tx.execute(unused.values(used_at=now)).rowcount == 1


def add_refresh_token(tx: Connection, token: RefreshToken, now: datetime) -> None:
    """Add a token and forget families that are over."""
    tx.execute(refresh_tokens.delete().where(refresh_tokens.c.family_expires_at < now))
    tx.execute(refresh_tokens.insert().values(_values(token)))


def refresh_token(tx: Connection, digest: bytes) -> RefreshToken | None:
    row = tx.execute(select(refresh_tokens).where(refresh_tokens.c.digest == digest)).mappings().one_or_none()
    return None if row is None else RefreshToken(**row)


def use_refresh_token(tx: Connection, digest: bytes, now: datetime) -> bool:
    """Mark the token as replaced; False when it was used or ended before."""
    unused = update(refresh_tokens).where(
        refresh_tokens.c.digest == digest, refresh_tokens.c.used_at.is_(None), refresh_tokens.c.ended_at.is_(None)
    )
    return tx.execute(unused.values(used_at=now)).rowcount == 1


def family(tx: Connection, family_id: str) -> list[RefreshToken]:
    rows = tx.execute(select(refresh_tokens).where(refresh_tokens.c.family_id == family_id)).mappings()
    return [RefreshToken(**row) for row in rows]


def end_family(tx: Connection, family_id: str, now: datetime) -> bool:
    """End every token of the family; False when there was nothing left to end."""
    living = update(refresh_tokens).where(refresh_tokens.c.family_id == family_id, refresh_tokens.c.ended_at.is_(None))
    return tx.execute(living.values(ended_at=now)).rowcount > 0


def put_provider(tx: Connection, provider: IdentityProvider) -> bool:
    """Add the provider, or replace the one of that name; True when it is new."""
    new = not remove_provider(tx, provider.realm, provider.name)
    values = _values(provider)
    tx.execute(
        identity_providers.insert().values({**values, "roles": {value: role.value for value, role in provider.roles.items()}})
    )
    return new


def remove_provider(tx: Connection, realm: str, name: str) -> bool:
    named = (identity_providers.c.realm == realm) & (identity_providers.c.name == name)
    return tx.execute(identity_providers.delete().where(named)).rowcount == 1


def providers_of(tx: Connection, realm: str) -> list[IdentityProvider]:
    """The providers of a realm, by name."""
    question = select(identity_providers).where(identity_providers.c.realm == realm).order_by(identity_providers.c.name)
    return [_provider(row) for row in tx.execute(question).mappings()]


def provider(tx: Connection, realm: str, name: str) -> IdentityProvider | None:
    named = (identity_providers.c.realm == realm) & (identity_providers.c.name == name)
    row = tx.execute(select(identity_providers).where(named)).mappings().one_or_none()
    return None if row is None else _provider(row)


def providers_with_issuer(tx: Connection, issuer: str) -> list[IdentityProvider]:
    """The providers of every realm with that issuer."""
    question = select(identity_providers).where(identity_providers.c.issuer == issuer)
    return [_provider(row) for row in tx.execute(question).mappings()]


def _provider(row: RowMapping) -> IdentityProvider:
    default_role = row["default_role"]
    roles = {value: Role(role) for value, role in row["roles"].items()}
    return IdentityProvider(**{**row, "roles": roles, "default_role": Role(default_role) if default_role else None})


def _values(record: LoginCode | RefreshToken | IdentityProvider) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}

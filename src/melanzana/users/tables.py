"""The tables of people. The `store` modules fill and read them; revision `0008_users` creates them."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Integer, LargeBinary, Table, Text, UniqueConstraint, column, table

from melanzana.storage.schema import metadata
from melanzana.storage.types import Instant

users = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),
    Column("realm", Text, ForeignKey("realms.name"), nullable=False),
    Column("username", Text, nullable=False),
    Column("username_key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("password_hash", Text),
    Column("created_at", Instant, nullable=False),
    Column("last_login_at", Instant),
    UniqueConstraint("realm", "username_key"),
)

user_identities = Table(
    "user_identities",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("user_id", Text, ForeignKey("users.id"), nullable=False, index=True),
)

user_groups = Table(
    "user_groups",
    metadata,
    Column("id", Text, primary_key=True),
    Column("realm", Text, ForeignKey("realms.name"), nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("realm", "name_key"),
)

group_members = Table(
    "group_members",
    metadata,
    Column("group_id", Text, ForeignKey("user_groups.id"), primary_key=True),
    Column("user_id", Text, ForeignKey("users.id"), primary_key=True, index=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("realm", Text, nullable=False),
    Column("user_id", Text, ForeignKey("users.id"), nullable=False, index=True),
    Column("token_digest", LargeBinary, nullable=False, unique=True),
    Column("address", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("last_seen_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("idle_seconds", Integer),
)

login_delays = Table(
    "login_delays",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("level", Float, nullable=False),
    Column("counted_at", Instant, nullable=False, index=True),
)

one_time_links = Table(
    "one_time_links",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("realm", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("user_id", Text, ForeignKey("users.id"), index=True),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
)

#: What a person asks of their realm; the table is the realms' own (`realms/store.py`).
realms = table("realms", column("name", Text), column("enabled", Boolean))

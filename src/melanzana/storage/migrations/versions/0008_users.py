"""People: accounts, groups, browser sessions, one-time links, and how long the next guess has to wait."""

import sqlalchemy as sa
from alembic import op

revision = "0008_users"
down_revision = "0007_clients"

_TABLES = ("one_time_links", "login_delays", "sessions", "group_members", "user_groups", "user_identities", "users")


def upgrade() -> None:
    _people()
    _groups()
    _access()


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)


def _people() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("realm", sa.Text(), sa.ForeignKey("realms.name"), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("username_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_login_at", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("realm", "username_key"),
    )
    op.create_table(
        "user_identities",
        sa.Column("realm", sa.Text(), primary_key=True),
        sa.Column("issuer", sa.Text(), primary_key=True),
        sa.Column("subject", sa.Text(), primary_key=True),
        sa.Column("user_id", sa.Text(), sa.ForeignKey("users.id"), nullable=False, index=True),
    )


def _groups() -> None:
    op.create_table(
        "user_groups",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("realm", sa.Text(), sa.ForeignKey("realms.name"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("realm", "name_key"),
    )
    op.create_table(
        "group_members",
        sa.Column("group_id", sa.Text(), sa.ForeignKey("user_groups.id"), primary_key=True),
        sa.Column("user_id", sa.Text(), sa.ForeignKey("users.id"), primary_key=True, index=True),
    )


def _access() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), sa.ForeignKey("users.id"), nullable=False, index=True),
        sa.Column("token_digest", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False, index=True),
        sa.Column("idle_seconds", sa.Integer(), nullable=True),
    )
    op.create_table(
        "login_delays",
        sa.Column("key", sa.LargeBinary(), primary_key=True),
        sa.Column("level", sa.Float(), nullable=False),
        sa.Column("counted_at", sa.BigInteger(), nullable=False, index=True),
    )
    op.create_table(
        "one_time_links",
        sa.Column("digest", sa.LargeBinary(), primary_key=True),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), sa.ForeignKey("users.id"), nullable=True, index=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
    )

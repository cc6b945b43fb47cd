"""Notification profiles, their deliveries, and mail servers."""

import sqlalchemy as sa
from alembic import op

revision = "0024_notifications"
down_revision = "0023_telemetry"


def upgrade() -> None:
    op.create_table(
        "notification_profiles",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("always", sa.Boolean(), nullable=False),
        sa.Column("only_problems", sa.Boolean(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("recipients", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.UniqueConstraint("realm", "name"),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("profile_id", sa.Text(), sa.ForeignKey("notification_profiles.id"), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("message", sa.Text(), nullable=False),
    )
    op.create_index("ix_deliveries_state_due_at", "deliveries", ["state", "due_at"])
    op.create_index("ix_deliveries_realm_created_at", "deliveries", ["realm", "created_at"])
    op.create_table(
        "mail_servers",
        sa.Column("realm", sa.Text(), primary_key=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )


def downgrade() -> None:
    for table in ("mail_servers", "deliveries", "notification_profiles"):
        op.drop_table(table)

"""Schedules of test configurations."""

import sqlalchemy as sa
from alembic import op

revision = "0021_schedules"
down_revision = "0020_coverage_models"


def upgrade() -> None:
    op.create_table(
        "schedules",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("configuration_id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger()),
        sa.Column("cron", sa.Text()),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("wish", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger()),
        sa.Column("last_task", sa.Text()),
        sa.Column("last_message", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
    )
    op.create_index("ix_schedules_realm_name", "schedules", ["realm", "name"])
    op.create_index("ix_schedules_due_at", "schedules", ["due_at"])


def downgrade() -> None:
    op.drop_table("schedules")

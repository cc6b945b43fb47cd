"""Searches for the smallest failing walk."""

import sqlalchemy as sa
from alembic import op

revision = "0019_shrinking"
down_revision = "0018_configurations"

#: 64 bits on PostgreSQL; on SQLite only `INTEGER` numbers the rows by itself.
_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "shrink_searches",
        sa.Column("id", _ROW_ID, primary_key=True),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("run_id", _ROW_ID, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("beat_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("abort_requested", sa.Boolean(), nullable=False),
        sa.Column("performances", sa.Integer(), nullable=False),
        sa.Column("actions_before", sa.Integer(), nullable=False),
        sa.Column("actions", sa.Integer(), nullable=False),
        sa.Column("current_run", _ROW_ID, nullable=True),
        sa.Column("smallest", sa.Text(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("test_case", sa.Text(), nullable=True),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_shrink_searches_realm", "shrink_searches", ["realm", "run_id"])


def downgrade() -> None:
    op.drop_table("shrink_searches")

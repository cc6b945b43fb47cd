"""Runs that somebody wants to stand still."""

import sqlalchemy as sa
from alembic import op

revision = "0017_pause"
down_revision = "0015_outcomes"


def upgrade() -> None:
    op.add_column("executions", sa.Column("pause_requested", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("executions", "pause_requested")

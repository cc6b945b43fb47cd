"""Agents that take no more work, that said goodbye, and the labels that administrators give them."""

import sqlalchemy as sa
from alembic import op

revision = "0013_agent_labels"
down_revision = "0012_retention"


def upgrade() -> None:
    op.add_column("agents", sa.Column("labels", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("agents", sa.Column("draining", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("agents", sa.Column("departure", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    for column in ("departure", "draining", "labels"):
        op.drop_column("agents", column)

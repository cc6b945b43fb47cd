"""Executions and their event log."""

revision = "0004_executions"
down_revision = "0003_agents"


def upgrade() -> None:
    """Creates nothing."""


def downgrade() -> None:
    """Drops nothing."""

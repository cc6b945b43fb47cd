"""Execution environments and their sessions."""

revision = "0003_agents"
down_revision = "0002_catalog"


def upgrade() -> None:
    """Creates nothing."""


def downgrade() -> None:
    """Drops nothing."""

"""Models, their versions and test cases."""

revision = "0002_catalog"
down_revision = "0001_auth"


def upgrade() -> None:
    """Creates nothing."""


def downgrade() -> None:
    """Drops nothing."""

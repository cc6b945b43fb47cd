"""Lists of a realm's runs, the newest first, without looking at those of other realms."""

from alembic import op

revision = "0022_lists"
down_revision = "0021_schedules"


def upgrade() -> None:
    op.create_index("ix_executions_realm_run_id", "executions", ["realm", "run_id"])

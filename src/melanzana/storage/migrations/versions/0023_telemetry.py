"""Which runs were exported as traces."""

import sqlalchemy as sa
from alembic import op

revision = "0023_telemetry"
down_revision = "0022_lists"

#: 64 bits on PostgreSQL; on SQLite only `INTEGER` numbers the rows by itself.
_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "exported_runs",
        sa.Column("run_id", _ROW_ID, sa.ForeignKey("executions.run_id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("exported_runs")

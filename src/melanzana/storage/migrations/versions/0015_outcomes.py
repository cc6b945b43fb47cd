"""What is kept of runs that have ended, so that questions about many runs never read logs again; it may all be deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0015_outcomes"
down_revision = "0014_drafts"

#: 64 bits on PostgreSQL; on SQLite only `INTEGER` numbers the rows by itself.
_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _run() -> sa.ForeignKey:
    return sa.ForeignKey("executions.run_id", ondelete="CASCADE")


def upgrade() -> None:
    op.create_table(
        "run_outcomes",
        sa.Column("run_id", _ROW_ID, _run(), primary_key=True, autoincrement=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("model_version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("perform", sa.Boolean(), nullable=False),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.Column("test_case", sa.Text(), nullable=True),
        sa.Column("walk", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=True),
        sa.Column("element_id", sa.Text(), nullable=True),
        sa.Column("exception", sa.Text(), nullable=True),
        sa.Column("pattern", sa.Text(), nullable=True),
        sa.Column("element", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
    )
    op.create_index("ix_run_outcomes_realm", "run_outcomes", ["realm", "failed", "run_id"])
    op.create_index("ix_run_outcomes_model_id", "run_outcomes", ["model_id", "failed", "run_id"])
    op.create_index("ix_run_outcomes_test_case", "run_outcomes", ["test_case", "run_id"])
    op.create_index("ix_run_outcomes_walk", "run_outcomes", ["walk"])
    op.create_table(
        "run_digests",
        sa.Column("number", _ROW_ID, primary_key=True),
        sa.Column("run_id", _ROW_ID, _run(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("model_version", sa.Integer(), nullable=False),
        sa.Column("perform", sa.Boolean(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.UniqueConstraint("run_id", "kind"),
    )
    op.create_index("ix_run_digests_model_id", "run_digests", ["model_id", "model_version", "kind", "number"])


def downgrade() -> None:
    op.drop_table("run_digests")
    op.drop_table("run_outcomes")

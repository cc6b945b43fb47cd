"""Systems under test, their locks, and what runs ask for."""

import sqlalchemy as sa
from alembic import op

revision = "0011_suts"
down_revision = "0010_login"

#: 64 bits on PostgreSQL; on SQLite only `INTEGER` numbers the rows by itself.
_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _sut_id() -> sa.Column[str]:
    return sa.Column("sut_id", sa.Text(), sa.ForeignKey("suts.id"), primary_key=True)


def upgrade() -> None:
    op.create_table(
        "suts",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("criteria", sa.Text(), nullable=False),
        sa.Column("environments", sa.Text(), nullable=False),
        sa.Column("connections", sa.Text(), nullable=False),
        sa.Column("sealed_secrets", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("realm", "name"),
    )
    op.create_table("sut_handles", _sut_id(), sa.Column("handle", sa.Text(), primary_key=True))
    op.create_index("ix_sut_handles_handle", "sut_handles", ["handle"])
    op.create_table("sut_environments", _sut_id(), sa.Column("agent_id", _ROW_ID, primary_key=True, autoincrement=False))
    op.create_table(
        "sut_locks",
        _sut_id(),
        sa.Column("run_id", _ROW_ID, nullable=False, unique=True),
        sa.Column("execution_id", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("agent_id", _ROW_ID, nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "sut_wishes",
        sa.Column("run_id", _ROW_ID, primary_key=True, autoincrement=False),
        sa.Column("handle", sa.Text(), primary_key=True),
    )
    op.add_column("executions", sa.Column("wanted_sut", sa.Text(), nullable=True))
    op.add_column("executions", sa.Column("sut_id", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("executions", "sut_id")
    op.drop_column("executions", "wanted_sut")
    for table in ("sut_wishes", "sut_locks", "sut_environments", "sut_handles", "suts"):
        op.drop_table(table)

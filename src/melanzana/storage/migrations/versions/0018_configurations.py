"""Test configurations and their task instances."""

import sqlalchemy as sa
from alembic import op

revision = "0018_configurations"
down_revision = "0017_pause"

#: 64 bits on PostgreSQL; on SQLite only `INTEGER` numbers the rows by itself.
_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "test_configurations",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.UniqueConstraint("realm", "name"),
    )
    op.create_table(
        "task_instances",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("configuration_id", sa.Text(), nullable=False),
        sa.Column("draft", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("retries", sa.Integer(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("previous", sa.Text()),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("start_key", sa.Text()),
        sa.Column("start_mark", sa.Text()),
        sa.UniqueConstraint("realm", "created_by", "start_key"),
    )
    for columns in (("realm", "created_at"), ("configuration_id", "created_at"), ("state",)):
        op.create_index(f"ix_task_instances_{'_'.join(columns)}", "task_instances", list(columns))
    _create_steps()


def _create_steps() -> None:
    op.create_table(
        "task_steps",
        sa.Column("task_id", sa.Text(), sa.ForeignKey("task_instances.id"), primary_key=True),
        sa.Column("position", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
    )
    op.create_table(
        "task_attempts",
        sa.Column("task_id", sa.Text(), sa.ForeignKey("task_instances.id"), primary_key=True),
        sa.Column("position", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("execution_id", sa.Text()),
        sa.Column("run_id", _ROW_ID),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
    )


def downgrade() -> None:
    for table in ("task_attempts", "task_steps", "task_instances", "test_configurations"):
        op.drop_table(table)

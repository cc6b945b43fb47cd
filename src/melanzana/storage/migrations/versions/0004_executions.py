"""Executions and their event log."""

import sqlalchemy as sa
from alembic import op

revision = "0004_executions"
down_revision = "0003_agents"

#: 64 bits on PostgreSQL; on SQLite only `INTEGER` numbers the rows by itself.
_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TERMINAL = "('passed', 'failed', 'error', 'aborted')"


def _run_id() -> sa.Column[int]:
    return sa.Column("run_id", _ROW_ID, sa.ForeignKey("executions.run_id"), primary_key=True, autoincrement=False)


def upgrade() -> None:
    op.create_table(
        "executions",
        sa.Column("run_id", _ROW_ID, primary_key=True),
        sa.Column("id", sa.Text(), nullable=False, unique=True),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("model_version", sa.Integer(), nullable=False),
        sa.Column("model_name", sa.Text(), nullable=False),
        sa.Column("test_case", sa.Text(), nullable=True),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("seed", _ROW_ID, nullable=False),
        sa.Column("perform", sa.Boolean(), nullable=False),
        sa.Column("agent_id", _ROW_ID, nullable=True),
        sa.Column("session", _ROW_ID, nullable=True),
        sa.Column("requested_agent_id", _ROW_ID, nullable=True),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("ignored_fields", sa.Text(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("resume_requested", sa.Boolean(), nullable=False),
        sa.Column("performed", sa.Boolean(), nullable=False),
        sa.Column("next_seq", sa.Integer(), nullable=False),
        sa.Column("log_seq", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("queued_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_expires_at", sa.BigInteger(), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_executions_realm", "executions", ["realm", "state", "run_id"])
    op.create_index("ix_executions_state", "executions", ["state", "lease_expires_at"])
    op.create_index("ix_executions_model_id", "executions", ["model_id", "run_id"])
    op.create_table("snapshots", _run_id(), sa.Column("content", sa.Text(), nullable=False))
    op.create_table("execution_needs", _run_id(), sa.Column("need", sa.Text(), primary_key=True))
    op.create_table("execution_tags", _run_id(), sa.Column("tag", sa.Text(), primary_key=True))
    op.create_index("ix_execution_tags_tag", "execution_tags", ["tag", "run_id"])
    op.create_table(
        "execution_events",
        _run_id(),
        sa.Column("seq", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("agent_seq", sa.Integer(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.UniqueConstraint("run_id", "attempt", "agent_seq"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("realm", sa.Text(), primary_key=True),
        sa.Column("client_id", sa.Text(), primary_key=True),
        sa.Column("key", sa.Text(), primary_key=True),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("run_id", _ROW_ID, sa.ForeignKey("executions.run_id"), nullable=False, index=True),
    )
    _guard()


def _guard() -> None:
    """The last line of defence: the database itself refuses to leave a terminal state or to rewrite the log."""
    left = f"OLD.state IN {_TERMINAL} AND (NEW.state <> OLD.state OR NEW.attempt <> OLD.attempt)"
    if op.get_bind().dialect.name == "sqlite":
        refuse = "BEGIN SELECT RAISE(ABORT, '{}'); END"
        op.execute(
            f"CREATE TRIGGER executions_terminal BEFORE UPDATE ON executions WHEN {left} {refuse.format('terminal state is final')}"
        )
        op.execute(f"CREATE TRIGGER execution_events_kept BEFORE UPDATE ON execution_events {refuse.format('the log is kept')}")
        return
    for table, name, when, text in (
        ("executions", "executions_terminal", f"WHEN ({left})", "terminal state is final"),
        ("execution_events", "execution_events_kept", "", "the log is kept"),
    ):
        op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{text}'; END $$")
        op.execute(f"CREATE TRIGGER {name} BEFORE UPDATE ON {table} FOR EACH ROW {when} EXECUTE FUNCTION {name}()")


def downgrade() -> None:
    for table in ("idempotency_keys", "execution_events", "execution_tags", "execution_needs", "snapshots", "executions"):
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        for name in ("executions_terminal", "execution_events_kept"):
            op.execute(f"DROP FUNCTION {name}()")

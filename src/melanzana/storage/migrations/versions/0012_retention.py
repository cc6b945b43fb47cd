"""Which runs keep which attached contents, and which runs' logs were removed."""

import json
import re

import sqlalchemy as sa
from alembic import op

revision = "0012_retention"
down_revision = "0011_suts"

#: 64 bits on PostgreSQL; on SQLite only `INTEGER` numbers the rows by itself.
_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_DIGEST = re.compile("[0-9a-f]{64}")
#: Lines of logs that are looked at together.
_BATCH = 1_000


def upgrade() -> None:
    op.add_column("executions", sa.Column("log_removed_at", sa.BigInteger(), nullable=True))
    op.create_index("ix_executions_ended", "executions", ["realm", "log_removed_at", "ended_at"])
    op.create_table(
        "attachments",
        sa.Column("sha256", sa.Text(), primary_key=True),
        sa.Column("size", _ROW_ID, nullable=False),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        sa.Column("removing_at", sa.BigInteger(), nullable=True),
    )
    op.create_index("ix_attachments_removing_at", "attachments", ["removing_at"])
    op.create_table(
        "execution_attachments",
        sa.Column("run_id", _ROW_ID, sa.ForeignKey("executions.run_id"), primary_key=True, autoincrement=False),
        sa.Column("sha256", sa.Text(), sa.ForeignKey("attachments.sha256"), primary_key=True),
    )
    op.create_index("ix_execution_attachments_sha256", "execution_attachments", ["sha256"])
    _read_logs(op.get_bind())


def _read_logs(connection: sa.Connection) -> None:
    """What runs have attached until now stands in their logs."""
    lines = connection.execute(sa.text("SELECT run_id, at, body FROM execution_events WHERE type = 'AttachmentStored'"))
    seen: set[str] = set()
    kept: set[tuple[int, str]] = set()
    for batch in lines.partitions(_BATCH):
        for run_id, at, body in batch:
            digest, size = _file(body)
            if digest is None or (run_id, digest) in kept:
                continue
            if digest not in seen:
                seen.add(digest)
                _insert(connection, "attachments", sha256=digest, size=size, kept_at=at)
            kept.add((run_id, digest))
            _insert(connection, "execution_attachments", run_id=run_id, sha256=digest)


def _file(body: str) -> tuple[str | None, int]:
    told = json.loads(body)
    digest, size = told.get("sha256"), told.get("size")
    right = isinstance(digest, str) and _DIGEST.fullmatch(digest)
    return (digest if right else None), size if isinstance(size, int) else 0


def _insert(connection: sa.Connection, table: str, **values: object) -> None:
    connection.execute(sa.table(table, *map(sa.column, values)).insert(), values)


def downgrade() -> None:
    op.drop_table("execution_attachments")
    op.drop_table("attachments")
    op.drop_index("ix_executions_ended", "executions")
    op.drop_column("executions", "log_removed_at")

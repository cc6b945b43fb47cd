"""The tables of executions. `store.py` fills and reads them; revisions `0004_executions` and `0012_retention` create them.

The snapshot has a table of its own, because a row of `executions` is written at every heartbeat and a model may be large.
"""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from melanzana.storage.schema import metadata
from melanzana.storage.types import Instant, JsonText, RowId

executions = Table(
    "executions",
    metadata,
    Column("run_id", RowId, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("realm", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("verdict", Text),
    Column("reason", Text),
    Column("message", Text, nullable=False),
    Column("model_id", Text, nullable=False),
    Column("model_version", Integer, nullable=False),
    Column("model_name", Text, nullable=False),
    Column("test_case", Text),
    Column("path", Text, nullable=False),
    Column("seed", RowId, nullable=False),
    Column("perform", Boolean, nullable=False),
    Column("agent_id", RowId),
    Column("session", RowId),
    Column("requested_agent_id", RowId),
    Column("labels", JsonText, nullable=False),
    Column("tags", JsonText, nullable=False),
    Column("ignored_fields", JsonText, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("resume_requested", Boolean, nullable=False),
    Column("performed", Boolean, nullable=False),
    Column("next_seq", Integer, nullable=False),
    Column("log_seq", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("queued_at", Instant, nullable=False),
    Column("lease_expires_at", Instant),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    Column("wanted_sut", JsonText),
    Column("sut_id", Text),
    Column("pause_requested", Boolean, nullable=False, default=False),
    Column("log_removed_at", Instant),
    Index(None, "realm", "state", "run_id"),
    Index("ix_executions_realm_run_id", "realm", "run_id"),
    Index(None, "state", "lease_expires_at"),
    Index(None, "model_id", "run_id"),
    Index("ix_executions_ended", "realm", "log_removed_at", "ended_at"),
    sqlite_autoincrement=True,
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("run_id", RowId, ForeignKey("executions.run_id"), primary_key=True, autoincrement=False),
    Column("content", JsonText, nullable=False),
)

execution_needs = Table(
    "execution_needs",
    metadata,
    Column("run_id", RowId, ForeignKey("executions.run_id"), primary_key=True, autoincrement=False),
    Column("need", Text, primary_key=True),
)

execution_tags = Table(
    "execution_tags",
    metadata,
    Column("run_id", RowId, ForeignKey("executions.run_id"), primary_key=True, autoincrement=False),
    Column("tag", Text, primary_key=True),
    Index(None, "tag", "run_id"),
)

execution_events = Table(
    "execution_events",
    metadata,
    Column("run_id", RowId, ForeignKey("executions.run_id"), primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("attempt", Integer, nullable=False),
    Column("agent_seq", Integer),
    Column("at", Instant, nullable=False),
    Column("type", Text, nullable=False),
    Column("body", JsonText, nullable=False),
    UniqueConstraint("run_id", "attempt", "agent_seq"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("realm", Text, primary_key=True),
    Column("client_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("run_id", RowId, ForeignKey("executions.run_id"), nullable=False, index=True),
)

#: Contents that runs have attached. While `removing_at` is set the content is being removed and nobody may refer to it anew.
attachments = Table(
    "attachments",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("size", RowId, nullable=False),
    Column("kept_at", Instant, nullable=False),
    Column("removing_at", Instant),
    Index(None, "removing_at"),
)

execution_attachments = Table(
    "execution_attachments",
    metadata,
    Column("run_id", RowId, ForeignKey("executions.run_id"), primary_key=True, autoincrement=False),
    Column("sha256", Text, ForeignKey("attachments.sha256"), primary_key=True, index=True),
)

"""The tables of test configurations and their task instances."""

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from melanzana.storage.schema import metadata
from melanzana.storage.types import Instant, JsonText, RowId

test_configurations = Table(
    "test_configurations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("realm", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("document", JsonText, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("updated_by", Text, nullable=False),
    UniqueConstraint("realm", "name"),
)

#: A task instance outlives its configuration: no foreign key.
task_instances = Table(
    "task_instances",
    metadata,
    Column("id", Text, primary_key=True),
    Column("realm", Text, nullable=False),
    Column("configuration_id", Text, nullable=False),
    Column("draft", JsonText, nullable=False),
    Column("state", Text, nullable=False),
    Column("retries", Integer, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("ended_at", Instant),
    Column("previous", Text),
    Column("message", Text, nullable=False),
    Column("start_key", Text),
    Column("start_mark", Text),
    Index("ix_task_instances_realm_created_at", "realm", "created_at"),
    Index("ix_task_instances_configuration_id_created_at", "configuration_id", "created_at"),
    Index("ix_task_instances_state", "state"),
    UniqueConstraint("realm", "created_by", "start_key"),
)

task_steps = Table(
    "task_steps",
    metadata,
    Column("task_id", Text, ForeignKey("task_instances.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("plan", JsonText, nullable=False),
    Column("status", Text, nullable=False),
    Column("message", Text, nullable=False),
)

task_attempts = Table(
    "task_attempts",
    metadata,
    Column("task_id", Text, ForeignKey("task_instances.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("execution_id", Text),
    Column("run_id", RowId),
    Column("status", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
)

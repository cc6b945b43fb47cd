"""The audit trail: its records, the end of each realm's chain, and triggers that refuse to change or remove a record."""

import sqlalchemy as sa
from alembic import op

revision = "0005_audit"
down_revision = "0004_executions"

_KEPT = "the audit trail is only ever added to"
_FORWARD = "the end of an audit trail only moves forward"


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("realm", sa.Text(), primary_key=True),
        sa.Column("number", sa.BigInteger(), primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
    )
    op.create_table(
        "audit_heads",
        sa.Column("realm", sa.Text(), primary_key=True),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
    )
    for statement in guards(op.get_bind().dialect.name):
        op.execute(statement)


def guards(dialect: str) -> list[str]:
    """The triggers, in the engine's own words."""
    return _sqlite_guards() if dialect == "sqlite" else _postgresql_guards()


def _sqlite_guards() -> list[str]:
    """INSERT OR REPLACE removes a row without firing DELETE triggers, so an insert over a row is refused by itself."""
    there = "EXISTS (SELECT 1 FROM {table} WHERE realm = NEW.realm{number})"
    in_audit = there.format(table="audit", number=" AND number = NEW.number")
    in_heads = there.format(table="audit_heads", number="")
    back = "NEW.number <= OLD.number OR NEW.realm <> OLD.realm"
    return [
        f"CREATE TRIGGER {name} BEFORE {event} ON {table} {when} BEGIN SELECT RAISE(ABORT, '{text}'); END"
        for name, event, table, when, text in (
            ("audit_kept_update", "UPDATE", "audit", "", _KEPT),
            ("audit_kept_delete", "DELETE", "audit", "", _KEPT),
            ("audit_kept_replace", "INSERT", "audit", f"WHEN {in_audit}", _KEPT),
            ("audit_heads_update", "UPDATE", "audit_heads", f"WHEN {back}", _FORWARD),
            ("audit_heads_delete", "DELETE", "audit_heads", "", _FORWARD),
            ("audit_heads_replace", "INSERT", "audit_heads", f"WHEN {in_heads}", _FORWARD),
        )
    ]


def _postgresql_guards() -> list[str]:
    refuse = "CREATE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{}'; END $$"
    back = "WHEN (NEW.number <= OLD.number OR NEW.realm <> OLD.realm)"
    return [
        refuse.format("audit_kept", _KEPT),
        refuse.format("audit_heads_forward", _FORWARD),
        "CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_kept()",
        "CREATE TRIGGER audit_kept_whole BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_kept()",
        f"CREATE TRIGGER audit_heads_forward BEFORE UPDATE ON audit_heads FOR EACH ROW {back} "
        "EXECUTE FUNCTION audit_heads_forward()",
        "CREATE TRIGGER audit_heads_delete BEFORE DELETE ON audit_heads FOR EACH ROW EXECUTE FUNCTION audit_heads_forward()",
        "CREATE TRIGGER audit_heads_whole BEFORE TRUNCATE ON audit_heads FOR EACH STATEMENT EXECUTE FUNCTION audit_heads_forward()",
    ]


def downgrade() -> None:
    for table in ("audit_heads", "audit"):
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        for name in ("audit_kept", "audit_heads_forward"):
            op.execute(f"DROP FUNCTION {name}()")

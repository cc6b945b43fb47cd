"""Models that are being edited: drafts, the gestures that made them, and where elements are drawn."""

import sqlalchemy as sa
from alembic import op

revision = "0014_drafts"
down_revision = "0013_agent_labels"

#: 64 bits on PostgreSQL; on SQLite only `INTEGER` numbers the rows by itself.
_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _model_id() -> sa.Column[int]:
    return sa.Column("model_id", _ROW_ID, sa.ForeignKey("models.id"), primary_key=True, autoincrement=False)


def upgrade() -> None:
    op.create_table(
        "model_drafts",
        _model_id(),
        sa.Column("base_version", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
    )
    op.create_table(
        "model_gestures",
        _model_id(),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("boxes", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("element", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
    )
    op.create_table(
        "model_layouts",
        _model_id(),
        sa.Column("boxes", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
    )

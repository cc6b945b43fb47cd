"""Stored suites: one row a version; the content lies with the attachments, under its SHA-256."""

import sqlalchemy as sa
from alembic import op

revision = "0025_suites"
down_revision = "0024_notifications"


def upgrade() -> None:
    op.create_table(
        "suite_versions",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("suite_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.UniqueConstraint("realm", "name", "version"),
    )
    op.create_index("ix_suite_versions_sha256", "suite_versions", ["sha256"])


def downgrade() -> None:
    op.drop_table("suite_versions")

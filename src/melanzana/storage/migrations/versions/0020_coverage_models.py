"""Coverage models of a realm's own."""

import sqlalchemy as sa
from alembic import op

revision = "0020_coverage_models"
down_revision = "0019_shrinking"

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "coverage_models",
        sa.Column("id", _ROW_ID, primary_key=True),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path_depth", sa.Integer(), nullable=False),
        sa.Column("variable_depth", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.UniqueConstraint("realm", "name"),
    )


def downgrade() -> None:
    op.drop_table("coverage_models")

"""Access tokens that were revoked before their end, and proofs that were used (RFC 7009, RFC 9449)."""

import sqlalchemy as sa
from alembic import op

revision = "0009_tokens"
down_revision = "0008_users"


def upgrade() -> None:
    op.create_table(
        "revoked_tokens",
        sa.Column("token_id", sa.Text(), primary_key=True),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False, index=True),
    )
    op.create_table(
        "used_proofs",
        sa.Column("digest", sa.LargeBinary(), primary_key=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False, index=True),
    )


def downgrade() -> None:
    for table in ("used_proofs", "revoked_tokens"):
        op.drop_table(table)

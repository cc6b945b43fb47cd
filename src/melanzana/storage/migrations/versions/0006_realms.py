"""Token settings of a realm, the revision that tells processes of a change, and the algorithm of a key."""

import sqlalchemy as sa
from alembic import op

revision = "0006_realms"
down_revision = "0005_audit"

_SETTINGS = ("token_type", "algorithm", "not_before", "token_seconds", "revision")


def upgrade() -> None:
    with op.batch_alter_table("realms") as table:
        table.add_column(sa.Column("token_type", sa.Text(), nullable=False, server_default="JWT"))
        table.add_column(sa.Column("algorithm", sa.Text(), nullable=False, server_default="RS256"))
        table.add_column(sa.Column("not_before", sa.BigInteger(), nullable=False, server_default="0"))
        table.add_column(sa.Column("token_seconds", sa.Integer(), nullable=False, server_default="300"))
        table.add_column(sa.Column("revision", sa.BigInteger(), nullable=False, server_default="1"))
    with op.batch_alter_table("signing_keys") as table:
        table.add_column(sa.Column("algorithm", sa.Text(), nullable=False, server_default="RS256"))
        table.add_column(sa.Column("changed_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.execute("DELETE FROM signing_keys WHERE state NOT IN ('active', 'passive') OR algorithm <> 'RS256'")
    with op.batch_alter_table("signing_keys") as table:
        table.drop_column("changed_at")
        table.drop_column("algorithm")
    with op.batch_alter_table("realms") as table:
        for name in _SETTINGS:
            table.drop_column(name)

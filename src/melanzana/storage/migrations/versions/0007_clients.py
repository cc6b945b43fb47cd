"""What a client may do, from where, until when, and how it proves who it is."""

import sqlalchemy as sa
from alembic import op

revision = "0007_clients"
down_revision = "0006_realms"

_COLUMNS = (
    "previous_digest",
    "previous_until",
    "public_keys",
    "scopes",
    "allowed_addresses",
    "expires_at",
    "last_used_address",
)


def upgrade() -> None:
    op.add_column("clients", sa.Column("previous_digest", sa.LargeBinary(), nullable=True))
    op.add_column("clients", sa.Column("previous_until", sa.BigInteger(), nullable=True))
    op.add_column("clients", sa.Column("public_keys", sa.Text(), nullable=True))
    op.add_column("clients", sa.Column("scopes", sa.Text(), nullable=True))
    op.add_column("clients", sa.Column("allowed_addresses", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("clients", sa.Column("expires_at", sa.BigInteger(), nullable=True))
    op.add_column("clients", sa.Column("last_used_address", sa.Text(), nullable=True))
    op.create_table(
        "client_single_uses",
        sa.Column("owner", sa.Text(), primary_key=True),
        sa.Column("purpose", sa.Text(), primary_key=True),
        sa.Column("digest", sa.LargeBinary(), primary_key=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False, index=True),
    )


def downgrade() -> None:
    op.drop_table("client_single_uses")
    with op.batch_alter_table("clients") as clients:
        for name in _COLUMNS:
            clients.drop_column(name)

"""The one table catalogue of the server.

Every room declares its tables in its own `store.py` on this `metadata`; `migrations/versions/` holds the statements that create
them. A test compares both, so neither can move alone.
"""

from sqlalchemy import MetaData

#: Constraint names are derived, never chosen by an engine, so a later migration can name what it drops.
NAMING = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}

metadata = MetaData(naming_convention=NAMING)

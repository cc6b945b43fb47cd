"""Which runs keep a content: the way from the digest of a picture back to the runs that show it.

Called by `compat/public_screenshots.py`. A content may be kept by runs of several realms; only those of the asked one are told.
"""

from sqlalchemy import Connection, select

from melanzana.executions.tables import execution_attachments, executions
from melanzana.storage.database import Database

#: Newest runs that are looked at: the same picture is often kept by many.
MOST = 20


class Keepers:
    """Runs by what they keep."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def runs(self, realm: str, sha256: str) -> tuple[int, ...]:
        """Numbers of the newest runs of the realm that keep this content; empty: none."""

        def question(tx: Connection) -> tuple[int, ...]:
            run_id = executions.c.run_id
            kept = select(run_id).join(execution_attachments, execution_attachments.c.run_id == run_id)
            own = (executions.c.realm == realm, execution_attachments.c.sha256 == sha256)
            return tuple(tx.execute(kept.where(*own).order_by(run_id.desc()).limit(MOST)).scalars())

        return await self._database.read(question)

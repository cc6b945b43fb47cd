"""Access tokens that ended before their time, and DPoP proofs that were used: what must be remembered of the stateless.

A token is remembered by its `jti`, never by its text. `believing.py` asks at every request, so a revocation acts at the next
request in every process and after a restart. A row is forgotten once its token has expired.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection

from melanzana.auth import store
from melanzana.auth.strict import LEEWAY_SECONDS
from melanzana.clock import Clock
from melanzana.storage.database import Database

#: Expired rows are swept no more often than this.
_SWEEP_SECONDS = 60.0


class Revocations:
    """Remembers in the database, so that every process knows."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._swept_at = clock.monotonic()

    async def revoked(self, realm: str, token_id: str) -> bool:
        """One look by primary key. Errors: UnavailableError."""
        return await self._database.glance(lambda tx: store.is_revoked(tx, realm, token_id))

    async def revoke(self, realm: str, token_id: str, expires_at: datetime) -> None:
        """End the token of that id at once; it may have ended before."""
        await self._database.write(lambda tx: self.revoke_within(tx, realm, token_id, expires_at))

    def revoke_within(self, tx: Connection, realm: str, token_id: str, expires_at: datetime) -> bool:
        """The same within the caller's transaction; False when it was revoked before."""
        self._sweep(tx)
        return store.add_revoked(tx, realm, token_id, expires_at + timedelta(seconds=LEEWAY_SECONDS))

    async def use_proof(self, thumbprint: str, proof_id: str, good_until_seconds: float) -> bool:
        """Note that this key used this proof; False when it did so before."""
        digest = sha256(f"{thumbprint}\n{proof_id}".encode()).digest()
        expires_at = datetime.fromtimestamp(good_until_seconds, UTC)

        def use(tx: Connection) -> bool:
            self._sweep(tx)
            return store.add_used_proof(tx, digest, expires_at)

        return await self._database.write(use)

    def _sweep(self, tx: Connection) -> None:
        now = self._clock.monotonic()
        if now - self._swept_at >= _SWEEP_SECONDS:
            self._swept_at = now
            store.forget_expired(tx, self._clock.now())

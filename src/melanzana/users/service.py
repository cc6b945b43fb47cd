"""The verbs of people: accounts here, and the doors to logins, sessions, groups and one-time links.

The login pages and the legacy password endpoint check passwords and open sessions here; the gate recognises sessions here; REST,
pages and the command line manage accounts here. Whatever changes an account and its record in the audit trail are one transaction.
"""

import asyncio

from melanzana.audit.service import AuditService
from melanzana.clock import Clock
from melanzana.realms.service import RealmService
from melanzana.storage.database import Database
from melanzana.users.logins import Logins
from melanzana.users.passwords import PasswordHashing
from melanzana.users.records import UserSettings
from melanzana.users.sessions import Sessions


class UserService:
    """People of every realm."""

    def __init__(self, database: Database, clock: Clock, audit: AuditService, realms: RealmService, settings: UserSettings) -> None:
        self._database = database
        self._clock = clock
        self._audit = audit
        self._realms = realms
        self.settings = settings
        self._hashing = PasswordHashing(settings.hashing)
        self._logins = Logins(database, clock, audit, realms, self._hashing)
        self.sessions = Sessions(database, clock, audit, settings)
        self.check_password = self._logins.check_password
        self.open_session = self.sessions.open
        self.recognise = self.sessions.recognise
        self.live_session = self.sessions.live
        self.end_session = self.sessions.end

    async def close(self) -> None:
        """Let the threads that compute passwords end."""
        await asyncio.to_thread(self._hashing.close)

"""The verbs of people: the door to accounts, groups, logins, browser sessions and one-time links.

The login pages and the legacy password endpoint check passwords and open sessions here; the gate recognises sessions here; REST,
pages and the command line manage people through `accounts` and `groups`. What changes somebody and its record in the audit trail
are one transaction.
"""

import asyncio

from melanzana.access.permissions import Role
from melanzana.audit.service import AuditService
from melanzana.clock import Clock
from melanzana.realms.service import RealmService
from melanzana.storage.database import Database
from melanzana.users.accounts import Accounts
from melanzana.users.foundation import Foundation
from melanzana.users.groups import Groups
from melanzana.users.links import Links
from melanzana.users.logins import Logins
from melanzana.users.passwords import PasswordHashing
from melanzana.users.records import ExternalPerson, User, UserChange, UserSettings
from melanzana.users.rules import author_of
from melanzana.users.sessions import Sessions, principal_of


class UserService:
    """People of every realm. What other rooms call most stands here under its own name."""

    def __init__(self, database: Database, clock: Clock, audit: AuditService, realms: RealmService, settings: UserSettings) -> None:
        self.settings = settings
        self.hashing = PasswordHashing(settings.hashing)
        on = Foundation(database=database, clock=clock, audit=audit, realms=realms, settings=settings, hashing=self.hashing)
        self.logins = Logins(on)
        self.sessions = Sessions(on)
        self.accounts = Accounts(on, self.sessions)
        self.groups = Groups(on)
        self.links = Links(on, self.accounts)
        self.check_password = self.logins.check_password
        self.open_session = self.sessions.open
        self.recognise = self.sessions.recognise
        self.live_session = self.sessions.live
        self.end_session = self.sessions.end

    async def link_external(  # noqa: PLR0917 - what an issuer says of somebody
        self, realm: str, issuer: str, subject: str, name: str, email: str, role: Role
    ) -> User:
        """The account of somebody who logged in at an external issuer; made at their first login.

        Errors: LoginRefusedError when the account is disabled here; NotFoundError for an unknown realm.
        """
        said = ExternalPerson(issuer=issuer, subject=subject, name=name, email=email, role=role)
        return await self.accounts.from_elsewhere(realm, said)

    async def change_own(self, person: User, change: UserChange, address: str, session_id: str, old_password: str = "") -> User:
        """A person changes their own account; a new password needs the old one, and ends every session but this one.

        Errors: LoginRefusedError for a wrong old password; RequestError; UnavailableError.
        """
        if change.password is not None:
            await self.logins.confirm_password(person, old_password, address)
        author = author_of(principal_of(person, address))
        own = UserChange(name=change.name, email=change.email, password=change.password)
        return await self.accounts.change(person.realm, person.id, own, author, keep_session=session_id)

    async def close(self) -> None:
        """Let the threads that compute passwords end."""
        await asyncio.to_thread(self.hashing.close)

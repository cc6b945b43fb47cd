"""Builds the parts by which people log in, and hands them to the authorization server."""

from dataclasses import dataclass

import httpx

from melanzana.access.gate import Gate
from melanzana.audit.service import AuditService
from melanzana.auth.external import ExternalIssuers, ExternalRooms
from melanzana.auth.external_login import ExternalLogin
from melanzana.auth.login import LoginService
from melanzana.auth.login_binding import LoginBinding
from melanzana.auth.login_families import LoginRooms
from melanzana.auth.pages_login import LoginFace
from melanzana.auth.service import AuthService
from melanzana.clients.service import ClientService
from melanzana.clock import Clock
from melanzana.realms.master_key import MasterKey
from melanzana.realms.service import RealmService
from melanzana.storage.database import Database
from melanzana.users.service import UserService
from melanzana.web.pages import Pages


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRooms:
    """The rooms that a login needs."""

    realms: RealmService
    clients: ClientService
    users: UserService
    audit: AuditService
    auth: AuthService
    master: MasterKey


class Logins:
    """Logins of people, by password and by identity provider."""

    def __init__(
        self, database: Database, clock: Clock, rooms: AccessRooms, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._clock = clock
        self._rooms = rooms
        self.master = rooms.master
        self.login = LoginService(
            database,
            clock,
            LoginRooms(
                realms=rooms.realms,
                clients=rooms.clients,
                users=rooms.users,
                audit=rooms.audit,
                revoke_access_token=rooms.auth.revocations.revoke_within,
            ),
        )
        known = ExternalRooms(realms=rooms.realms, users=rooms.users, audit=rooms.audit, master=rooms.master)
        self.issuers = ExternalIssuers(database, clock, known, transport)
        self.binding = LoginBinding(rooms.master, clock, rooms.realms.settings.base_url)
        self.external = ExternalLogin(self.issuers, rooms.realms, self.binding, clock)
        rooms.auth.logins = self.login
        rooms.auth.external = self.issuers
        rooms.auth.handlers["authorization_code"] = self.login.grant_by_code
        rooms.auth.handlers["refresh_token"] = self.login.grant_by_refresh_token

    def face(self, gate: Gate, pages: Pages) -> LoginFace:
        """What the login pages work with."""
        return LoginFace(
            login=self.login,
            external=self.external,
            users=self._rooms.users,
            realms=self._rooms.realms,
            binding=self.binding,
            clock=self._clock,
            gate=gate,
            pages=pages,
        )

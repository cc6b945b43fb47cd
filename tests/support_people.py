"""People in memory: the users room over an authorization server of one test, with hashes that cost almost nothing."""

from dataclasses import dataclass, replace

from melanzana.access.permissions import Role
from melanzana.access.records import Actor
from melanzana.audit.records import AuditEntry
from melanzana.audit.service import AuditService
from melanzana.users.records import HashingLimits, NewUser, User, UserSettings
from melanzana.users.rules import operator
from melanzana.users.service import UserService
from support_auth import BASE_URL, Auth, make_auth

#: argon2id's least: the tests count hashes and never measure them.
CHEAP = HashingLimits(memory_kib=8, passes=1, workers=1, queue=8)
OPERATOR = operator(Actor(kind="command_line", id="tests", name="tests"))
#: As the original product's API clients: everything but clients and administrators.
SCRIPT = replace(OPERATOR, over_admins=False)
PASSWORD = "a long enough password"
HOME, AWAY = "192.0.2.1", "198.51.100.9"


@dataclass
class People:
    """The open room and what it stands on."""

    auth: Auth
    audit: AuditService
    service: UserService

    async def add(self, username: str = "ada", role: Role = Role.USER, password: str | None = PASSWORD) -> User:
        new = NewUser(username=username, role=role, password=password)
        return await self.service.accounts.create("eggplant", new, OPERATOR)

    async def entries(self) -> list[AuditEntry]:
        """The audit trail, the newest first."""
        return [record.entry for record in await self.audit.records("eggplant")]

    def another_process(self) -> UserService:
        """What another server process on the same database would hold."""
        return UserService(self.auth.database, self.auth.clock, self.audit, self.auth.realms, self.service.settings)


async def make_people(hashing: HashingLimits = CHEAP) -> People:
    auth = await make_auth()
    audit = AuditService(auth.database, auth.clock)
    settings = UserSettings(base_url=BASE_URL, hashing=hashing)
    return People(auth, audit, UserService(auth.database, auth.clock, audit, auth.realms, settings))

"""What every part of the people's service stands on."""

from dataclasses import dataclass

from melanzana.audit.service import AuditService
from melanzana.clock import Clock
from melanzana.realms.service import RealmService
from melanzana.storage.database import Database
from melanzana.users.passwords import PasswordHashing
from melanzana.users.records import UserSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """Built once by `UserService`."""

    database: Database
    clock: Clock
    audit: AuditService
    realms: RealmService
    settings: UserSettings
    hashing: PasswordHashing

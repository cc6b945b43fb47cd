"""What tests of the audit trail share."""

from dataclasses import dataclass

from melanzana.audit.service import AuditService
from melanzana.storage.database import Database
from support_auth import StillClock


@dataclass
class Trail:
    """An open trail, its database and its clock."""

    audit: AuditService
    database: Database
    clock: StillClock

"""`/audit_service/api/v1`: the audit trail of the caller's realm. It can be read and verified, and in no way changed."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.audit import shapes
from melanzana.audit.service import AuditService
from melanzana.web.answers import answers

_PREFIX = "/audit_service/api/v1"


def router(service: AuditService, gate: Gate) -> APIRouter:
    """The routes over `service`."""
    routes = APIRouter(tags=["Audit"])
    may_read = Annotated[Principal, Depends(gate.requires(Scope.AUDIT_READ))]

    @routes.get(f"{_PREFIX}/records", responses=answers(401, 403, 422, 503))
    async def list_records(principal: may_read, query: Annotated[shapes.RecordsQuery, Query()]) -> shapes.RecordsAnswer:
        """Records of the realm, the newest first."""
        found = await service.records(principal.realm, query.filter(), before=query.before, limit=query.limit)
        return shapes.records_answer(found, query.limit)

    @routes.get(f"{_PREFIX}/verification", responses=answers(401, 403, 422, 503))
    async def verify(principal: may_read, query: Annotated[shapes.VerificationQuery, Query()]) -> shapes.VerificationAnswer:
        """Look at every record of the realm: is each there, and as it was written?"""
        return shapes.verification_answer(await service.verify(principal.realm, query.kept()))

    return routes

"""`/suite_service/api/v1/suites`: upload action code as a zip file, list its versions, delete it."""

from datetime import datetime
from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, Field

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.catalog.suites_service import SuiteService
from melanzana.catalog.suites_store import SuiteVersion
from melanzana.web.answers import answers

_SuiteId = Annotated[str, Path(min_length=1, max_length=100, description="`id` of the suite.")]
_Name = Annotated[str, Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", description="Name of the suite; letters, digits, . _ -")]
_ZIP: dict[str, Any] = {"requestBody": {"required": True, "content": {"application/zip": {"schema": {"format": "binary"}}}}}


class VersionItem(BaseModel):
    """One version of a suite."""

    id: str = Field(description="uuid; a start names it in `asset.asset_version_id`.")
    version: int
    sha256: str = Field(description="Of the zip file.")
    size: int = Field(description="Bytes of the zip file.")
    files: int
    created_at: datetime
    created_by: str


class SuiteItem(BaseModel):
    """A suite with its versions, newest first."""

    id: str = Field(description="uuid; as `asset.asset_version_id` of a start it means the newest version.")
    name: str
    versions: list[VersionItem]


def router(service: SuiteService, gate: Gate) -> APIRouter:
    """The routes over `service`."""
    routes = APIRouter(prefix="/suite_service/api/v1/suites", tags=["Suites"])
    may_read = Annotated[Principal, Depends(gate.requires(Scope.MODELS_READ))]
    may_write = Annotated[Principal, Depends(gate.requires(Scope.MODELS_WRITE))]

    @routes.post("", status_code=201, responses=answers(400, 401, 403, 413, 422, 503), openapi_extra=_ZIP)
    async def upload_suite(principal: may_write, request: Request, name: _Name) -> SuiteItem:
        """Store a zip file as the newest version. The same content again changes nothing."""
        with service.draft() as draft:
            async for chunk in request.stream():
                draft.write(chunk)
            kept = await service.upload(principal.realm, name, draft, principal.client_id)
        return _item(await service.versions(principal.realm, kept.suite_id))

    @routes.get("", responses=answers(401, 403, 503))
    async def list_suites(principal: may_read) -> list[SuiteItem]:
        """Every suite of the realm, by name."""
        found = await service.list(principal.realm)
        return [_item(tuple(group)) for _, group in groupby(found, lambda one: one.suite_id)]

    @routes.get("/{suite_id}", responses=answers(401, 403, 404, 422, 503))
    async def get_suite(principal: may_read, suite_id: _SuiteId) -> SuiteItem:
        """One suite with its versions."""
        return _item(await service.versions(principal.realm, suite_id))

    @routes.delete("/{suite_id}", status_code=204, responses=answers(401, 403, 404, 422, 503))
    async def delete_suite(principal: may_write, suite_id: _SuiteId) -> None:
        """Delete a suite with all its versions. Runs that used it stay readable."""
        await service.delete(principal.realm, suite_id)

    return routes


def _item(versions: tuple[SuiteVersion, ...]) -> SuiteItem:
    items = [VersionItem(**{name: getattr(one, name) for name in VersionItem.model_fields}) for one in versions]
    return SuiteItem(id=versions[0].suite_id, name=versions[0].name, versions=items)

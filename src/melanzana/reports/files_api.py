"""Files of a run over REST: what its steps attached, and the run itself as JUnit XML, CTRF, HTML, JSON or CSV.

Attached files are untrusted: a browser is told to show pictures and plain text only, in a sandbox, and to keep everything else.
"""

import asyncio
import re
from collections.abc import Iterator
from enum import StrEnum
from itertools import chain
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.reports import shapes
from melanzana.reports.files.formats import MEDIA_TYPES, WRITERS, Format
from melanzana.reports.files.reading import of_server
from melanzana.reports.files.records import IMAGES
from melanzana.reports.paging import ToldEvents
from melanzana.reports.records import Kept
from melanzana.reports.service import ReportService
from melanzana.storage.blobs import Content
from melanzana.web.answers import answers

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,62}/[a-z0-9][a-z0-9.+-]{0,62}")
_SUFFIXES = {Format.JUNIT: "xml", Format.CTRF: "json", Format.HTML: "html", Format.JSON: "json", Format.CSV: "csv"}
_Responses = dict[int | str, dict[str, Any]]
AttachmentId = Annotated[int, Path(ge=1, le=2**53, description="`id` of the attachment.")]
_BINARY: _Responses = {200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}}
_KINDS = {kind.partition(";")[0] for kind in MEDIA_TYPES.values()}
_TEXTS: _Responses = {
    200: {"content": {kind: {"schema": {"type": "object" if kind == "application/json" else "string"}} for kind in sorted(_KINDS)}}
}


class FileFormat(StrEnum):
    """What a run can be had as in one file."""

    JUNIT = "junit"
    CTRF = "ctrf"
    HTML = "html"
    JSON = "json"
    CSV = "csv"


class AttachmentItem(BaseModel):
    """A file that was kept for a run."""

    id: int
    name: str
    media_type: str
    size: int = Field(description="Bytes.")
    sha256: str
    step_id: int | None = Field(description="Number of the step it belongs to.")
    image_id: str | None = Field(description="As in the run's log; null unless it is a picture.")


def router(service: ReportService, gate: Gate) -> APIRouter:
    """The routes over `service`; every one of them needs a token with `reports:read`."""
    routes = APIRouter(prefix="/ai", tags=["Runs"])
    may_read = Annotated[Principal, Depends(gate.requires(Scope.REPORTS_READ))]

    @routes.get("/runs/{run_id}/attachments", responses=answers(401, 403, 404, 422, 503))
    async def list_attachments(principal: may_read, run_id: shapes.RunRefPath) -> list[AttachmentItem]:
        """The files that the steps of a run's newest attempt have attached, in their order."""
        return [_item(kept) for kept in await service.attachments(principal.realm, shapes.run_ref(run_id))]

    @routes.get(
        "/runs/{run_id}/attachments/{attachment_id}",
        response_class=Response,
        responses={**_BINARY, **answers(401, 403, 404, 410, 422, 503)},
    )
    async def get_attachment(principal: may_read, run_id: shapes.RunRefPath, attachment_id: AttachmentId) -> Response:
        """The content of one of them, with its own media type."""
        return file_answer(*await service.attachment(principal.realm, shapes.run_ref(run_id), attachment_id))

    @routes.get("/runs/{run_id}/report", response_class=Response, responses={**_TEXTS, **answers(401, 403, 404, 410, 422, 503)})
    async def get_report(
        principal: may_read,
        run_id: shapes.RunRefPath,
        form: Annotated[FileFormat, Query(alias="format", description="What the file is to be.")] = FileFormat.JUNIT,
    ) -> Response:
        """A run that has ended, as a file for CI and for people; what `melanzana report` writes."""
        return await report_answer(service, principal.realm, shapes.run_ref(run_id), form)

    return routes


def file_answer(kept: Kept, content: Content) -> Response:
    """An attached file. It may be cached for ever by its reader: its number never means another one."""
    said = kept.media_type.partition(";")[0].strip().lower()
    shown = said in IMAGES or said == "text/plain"
    media_type = said if _MEDIA_TYPE.fullmatch(said) else "application/octet-stream"
    return StreamingResponse(
        content.chunks,
        media_type=f"{said}; charset=utf-8" if said == "text/plain" else media_type,
        headers={
            "Content-Length": str(content.size),
            "Content-Disposition": f"{'inline' if shown else 'attachment'}; filename*=UTF-8''{quote(kept.name, safe='')}",
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, max-age=31536000, immutable",
        },
    )


async def report_answer(service: ReportService, realm: str, ref: int | str, form: FileFormat) -> Response:
    """The run as a file, written while it is sent. Errors: NotFoundError; RequestError when the run has not ended."""
    run = shapes.run_answer(await service.run(realm, ref))
    _, attempt = await service.told(realm, ref)
    events = ToldEvents(service, realm, run.id, attempt)

    def written() -> Iterator[str]:
        return WRITERS[Format(form)](of_server(run.model_dump(mode="json"), {"events": events}))

    texts = await asyncio.to_thread(written)
    first = await asyncio.to_thread(next, texts, "")  # what is wrong shows here, before the answer begins
    name = f"run-{run.id}.{_SUFFIXES[Format(form)]}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(chain([first], texts), media_type=MEDIA_TYPES[Format(form)], headers=headers)


def _item(kept: Kept) -> AttachmentItem:
    same = {name: getattr(kept, name) for name in ("id", "name", "media_type", "size", "sha256")}
    return AttachmentItem(**same, step_id=kept.step, image_id=kept.sha256 if kept.is_image else None)

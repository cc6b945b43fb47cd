"""`/api/v1/screenshots/{id}` and `/api/v2/screenshots/{id}`: a picture by the `image_id` of a log, whichever run it is of.

The id is the picture's SHA-256. It opens nothing by itself: a run of the caller's realm must have kept the picture.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.compat.public_results import PREFIXES
from melanzana.errors import NotFoundError
from melanzana.executions.keepers import Keepers
from melanzana.reports.files_api import file_answer
from melanzana.reports.service import ReportService
from melanzana.web.answers import answers

_ScreenshotId = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="`image_id` of a log entry, or `id` of a screenshot.")]
_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}, "description": "The picture."}
}


def router(reports: ReportService, keepers: Keepers, gate: Gate) -> APIRouter:
    """The route in both versions; it needs `reports:read`."""
    routes = APIRouter()
    may_read = Annotated[Principal, Depends(gate.requires(Scope.REPORTS_READ))]

    async def get_screenshot(principal: may_read, screenshot_id: _ScreenshotId) -> Response:
        """The bytes of a picture, with its own media type."""
        for run_id in await keepers.runs(principal.realm, screenshot_id):
            for kept in await reports.attachments(principal.realm, run_id):
                if kept.sha256 == screenshot_id and kept.is_image:
                    return file_answer(*await reports.attachment(principal.realm, run_id, kept.id))
        raise NotFoundError(f"there is no screenshot {screenshot_id}", field="screenshot_id")

    for prefix in PREFIXES:
        routes.get(
            f"{prefix}/screenshots/{{screenshot_id}}",
            tags=[f"Public API {prefix[-2:]}"],
            response_class=Response,
            responses={**_PICTURE, **answers(401, 403, 404, 410, 422, 503)},
        )(get_screenshot)
    return routes

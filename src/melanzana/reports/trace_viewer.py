"""`/trace/`: Playwright's own trace viewer, from the package that the extra `page` installs, for traces that runs have kept.

A trace is what a system under test showed, so nothing in it is believed: the viewer's worker hands out each snapshot with a policy
that lets only the viewer's own script run, and a version of Playwright whose worker does not is not served. The page has a policy
of its own, the one exception to that of all other pages. The viewer asks for the trace with the session of whoever looks, so it
shows nothing that they could not download.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from mimetypes import guess_type
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import RedirectResponse, Response

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Visitor
from melanzana.errors import NotFoundError

TRACE = "/trace/"
_ABSENT = (
    "the trace viewer comes with Playwright: install melanzana[page] (Playwright 1.65 or newer) where the server "
    "runs, "
    "or download the trace and open it with: playwright show-trace trace.zip"
)
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_POLICY = (
    "default-src 'none'; script-src 'self' {hashes}; worker-src 'self'; connect-src 'self' blob: data:; img-src 'self' data: "
    "blob:; font-src 'self' data:; media-src 'self' data: blob:; manifest-src 'self'; frame-src 'self' blob: data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; style-src 'self' 'unsafe-inline'"
)
#: In the worker of versions that keep scripts out of snapshots.
_SAFE = b"script-src 'nonce-"
_WORKER, _INDEX = "sw.bundle.js", "index.html"
_FOR_A_DAY = "private, max-age=86400"


@dataclass(frozen=True, slots=True)
class ViewerFile:
    """One file of the viewer, as it is sent."""

    content: bytes
    media_type: str


def router(gate: Gate) -> APIRouter:
    """The viewer's page, for people who may read reports, and its files, which hold nothing of anybody."""
    routes = APIRouter(include_in_schema=False)
    may_read = Annotated[Visitor, Depends(gate.page(Scope.REPORTS_READ))]

    @routes.get(TRACE.rstrip("/"), response_class=RedirectResponse)
    async def viewer_without_slash() -> Response:
        return RedirectResponse(TRACE, 307)

    @routes.get(TRACE, response_class=Response)
    async def viewer(visitor: may_read) -> Response:
        del visitor
        page = _file(_INDEX)
        return Response(page.content, media_type=page.media_type, headers=_headers(page) | {"Cache-Control": "no-store"})

    @routes.get(TRACE + "{name:path}", response_class=Response)
    async def viewer_file(name: str) -> Response:
        found = _file(name)
        return Response(found.content, media_type=found.media_type, headers=_headers(found) | {"Cache-Control": _FOR_A_DAY})

    return routes


def _headers(page: ViewerFile) -> dict[str, str]:
    scripts = _INLINE.findall(page.content.decode("utf-8", "replace")) if page.media_type == "text/html" else []
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts)
    return {"Content-Security-Policy": _POLICY.format(hashes=hashes)}


def _file(name: str) -> ViewerFile:
    """Errors: NotFoundError, also when the viewer is not installed."""
    if not _files():
        raise NotFoundError(_ABSENT, field="trace")
    found = _files().get(name)
    if found is None:
        raise NotFoundError("the trace viewer has no such file", field="trace")
    return found


@cache
def _files() -> Mapping[str, ViewerFile]:
    """Every file of the viewer by its name below `/trace/`, empty when there is none here that is safe."""
    spec = find_spec("playwright")
    if spec is None or spec.origin is None:
        return {}
    folder = Path(spec.origin).parent / "driver" / "package" / "lib" / "vite" / "traceViewer"
    found = {path.relative_to(folder).as_posix(): _read(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    return found if _WORKER in found and _SAFE in found[_WORKER].content else {}


def _read(path: Path) -> ViewerFile:
    kinds = {".js": "text/javascript", ".webmanifest": "application/manifest+json", ".ttf": "font/ttf"}
    return ViewerFile(path.read_bytes(), kinds.get(path.suffix) or guess_type(path.name)[0] or "application/octet-stream")

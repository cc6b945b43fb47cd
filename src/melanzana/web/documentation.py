"""The API documentation pages: Swagger UI from our own files, at the addresses that the original product uses.

`server/routes.py` mounts them. They load nothing from elsewhere and run no inline script (ADR 0007).
"""

from html import escape
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

STATIC_FOLDER = Path(__file__).parent / "static"
#: Swagger UI sets style attributes from script, so inline styles are allowed here and only here.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="/static/swagger-ui/favicon-32x32.png">
<link rel="stylesheet" href="/static/swagger-ui/swagger-ui.css">
<link rel="stylesheet" href="/static/docs.css">
</head>
<body>
<main data-openapi="{openapi}"><div id="swagger-ui"></div></main>
<script src="/static/swagger-ui/swagger-ui-bundle.js"></script>
<script src="/static/docs.js"></script>
</body>
</html>
"""


def static_files() -> StaticFiles:
    """The app that serves `web/static`, to be mounted at `/static`."""
    return StaticFiles(directory=STATIC_FOLDER)


def router() -> APIRouter:
    """`/docs` and `/execution_service/docs` with their OpenAPI documents."""
    pages = APIRouter(include_in_schema=False)

    @pages.get("/docs")
    @pages.get("/execution_service/docs")
    async def documentation(request: Request) -> HTMLResponse:
        prefix = request.url.path.removesuffix("/docs")
        page = _PAGE.format(title="Melanzana API", openapi=escape(f"{prefix}/openapi.json", quote=True))
        return HTMLResponse(page, headers={"Content-Security-Policy": CONTENT_POLICY})

    @pages.get("/execution_service/openapi.json")
    async def execution_service_openapi(request: Request) -> dict[str, object]:
        document = request.app.openapi()
        paths = {path: item for path, item in document["paths"].items() if path.startswith("/execution_service/")}
        return {**document, "paths": paths}

    return pages

"""The API documentation pages: Swagger UI from our own files, at the addresses that the original product uses.

`server/routes.py` mounts them. They load nothing from elsewhere and run no inline script (ADR 0007).
"""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from melanzana.web.pages import Pages

#: Swagger UI sets style attributes from script, so inline styles are allowed here and only here.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def router(pages: Pages) -> APIRouter:
    """`/docs` and `/execution_service/docs` with their OpenAPI documents."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/docs", response_class=HTMLResponse)
    @routes.get("/execution_service/docs", response_class=HTMLResponse)
    async def documentation(request: Request) -> HTMLResponse:
        prefix = request.url.path.removesuffix("/docs")
        headers = {"Content-Security-Policy": CONTENT_POLICY}
        return pages.render(request, "web/documentation.html", headers=headers, openapi=f"{prefix}/openapi.json")

    @routes.get("/execution_service/openapi.json")
    async def execution_service_openapi(request: Request) -> dict[str, object]:
        document = request.app.openapi()
        paths = {path: item for path, item in document["paths"].items() if path.startswith("/execution_service/")}
        return {**document, "paths": paths}

    return routes

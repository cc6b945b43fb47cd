"""The OpenAPI document: shared error schemas, the security scheme, and no answer that a route does not give."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from melanzana.version import __version__
from melanzana.web.answers import SCHEMAS

DESCRIPTION = (
    "Model-based test execution. Get a token from `/auth/realms/{realm}/protocol/openid-connect/token` with the credentials "
    "of an API client, then send it as `Authorization: Bearer …`."
)
_REF = "#/components/schemas/{model}"


def install(app: FastAPI) -> None:
    """Make `app.openapi()` return the finished document, built once."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _build(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _build(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title="Melanzana", version=__version__, description=DESCRIPTION, routes=app.routes)
    components = document.setdefault("components", {})
    _, shared = models_json_schema([(model, "serialization") for model in SCHEMAS.values()], ref_template=_REF)
    components.setdefault("schemas", {}).update(shared["$defs"])
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    for path, item in document["paths"].items():
        for operation in item.values():
            _finish(path, operation)
    if not _mentions(document["paths"], "HTTPValidationError"):
        components["schemas"].pop("HTTPValidationError", None)
        components["schemas"].pop("ValidationError", None)
    return document


def _finish(path: str, operation: dict[str, Any]) -> None:
    if not path.startswith(("/auth/", "/healthz", "/readyz")):
        operation["security"] = [{"bearer": []}]


def _mentions(value: Any, name: str) -> bool:
    return f'"{name}"' in str(value) or name in str(value)

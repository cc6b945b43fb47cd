"""The OpenAPI document: shared error schemas, the security scheme, and no answer that a route does not give."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from melanzana.access.permissions import SCOPES_OF
from melanzana.access.records import PrincipalKind
from melanzana.version import __version__
from melanzana.web.answers import SCHEMAS

DESCRIPTION = (
    "Model-based test execution. Get a token from `/auth/realms/{realm}/protocol/openid-connect/token` with the credentials "
    "of an API client, then send it as `Authorization: Bearer …`."
)
_REF = "#/components/schemas/{model}"


def install(app: FastAPI, realm: str = "eggplant") -> None:
    """Make `app.openapi()` return the finished document, built once. `realm`: whose token endpoint it names."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _build(app, realm)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _build(app: FastAPI, realm: str) -> dict[str, Any]:
    document = get_openapi(title="Melanzana", version=__version__, description=DESCRIPTION, routes=app.routes)
    components = document.setdefault("components", {})
    _, shared = models_json_schema([(model, "serialization") for model in SCHEMAS.values()], ref_template=_REF)
    components.setdefault("schemas", {}).update(shared["$defs"])
    components["securitySchemes"] = _security_schemes(realm)
    for path, item in document["paths"].items():
        for operation in item.values():
            _finish(path, operation)
    if not _mentions(document["paths"], "HTTPValidationError"):
        components["schemas"].pop("HTTPValidationError", None)
        components["schemas"].pop("ValidationError", None)
    return document


def _security_schemes(realm: str) -> dict[str, Any]:
    """A token in hand, or one that the documentation page gets itself with the credentials of an API client."""
    scopes = dict.fromkeys(sorted(SCOPES_OF[PrincipalKind.API_CLIENT]), "")
    # Relative, as OpenAPI allows: whoever reads the document speaks to the server it came from.
    flow = {"tokenUrl": f"/auth/realms/{realm}/protocol/openid-connect/token", "scopes": scopes}
    return {
        "client_credentials": {"type": "oauth2", "flows": {"clientCredentials": flow}},
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    }


def _finish(path: str, operation: dict[str, Any]) -> None:
    if not path.startswith(("/auth/", "/.well-known/", "/healthz", "/readyz")):
        operation.setdefault("security", [{"client_credentials": []}, {"bearer": []}])


def _mentions(value: Any, name: str) -> bool:
    return f'"{name}"' in str(value) or name in str(value)

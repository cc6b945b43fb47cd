"""The route table: the one place that knows every room's faces."""

from fastapi import FastAPI

from melanzana.agents import api as agents_api
from melanzana.audit import api as audit_api
from melanzana.auth import api as auth_api
from melanzana.catalog import api as catalog_api
from melanzana.executions import api as executions_api
from melanzana.realms import api as realms_api
from melanzana.reports import api as reports_api
from melanzana.server import health
from melanzana.server.services import Services
from melanzana.users import api as users_api
from melanzana.web import documentation


def include(app: FastAPI, services: Services) -> None:
    """Give `app` every route of the server."""
    app.include_router(auth_api.router(services.auth, services.realms))  # first: each request of a script begins here
    app.include_router(health.router(services.database))
    app.include_router(auth_api.everything_else(services.auth, services.realms))
    app.include_router(executions_api.router(services.executions, services.gate, services.agents, strict=services.settings.strict))
    app.include_router(catalog_api.router(services.catalog, services.gate))
    app.include_router(reports_api.router(services.reports, services.gate, services.clock))
    app.include_router(agents_api.router(services.agents, services.gate))
    app.include_router(users_api.router(services.users, services.gate))
    app.include_router(audit_api.router(services.audit, services.gate))
    app.include_router(realms_api.router(services.realms, services.gate))
    app.include_router(documentation.router())
    app.mount("/static", documentation.static_files())

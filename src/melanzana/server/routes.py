"""The route table: the one place that knows every room's faces."""

from fastapi import FastAPI

from melanzana.access.permissions import Scope
from melanzana.agents import api as agents_api
from melanzana.agents import pages as agents_pages
from melanzana.audit import api as audit_api
from melanzana.audit import pages as audit_pages
from melanzana.auth import api as auth_api
from melanzana.auth import pages as login_pages
from melanzana.auth.password_tokens import PasswordTokens
from melanzana.catalog import api as catalog_api
from melanzana.catalog import case_api, draft_api, suites_api, tag_api
from melanzana.clients import api as clients_api
from melanzana.clients import pages as clients_pages
from melanzana.compat import (
    ai_auth,
    api_auth,
    licences,
    public_config_results,
    public_results,
    public_screenshots,
    run_control,
    sut_status,
)
from melanzana.compat import auth as older_auth
from melanzana.compat.legacy_tokens import LegacyTokens
from melanzana.configurations import api as configurations_api
from melanzana.configurations import pages as configurations_pages
from melanzana.configurations import schedule_api
from melanzana.executions import api as executions_api
from melanzana.executions import streams
from melanzana.executions.keepers import Keepers
from melanzana.notifications import api as notifications_api
from melanzana.realms import api as realms_api
from melanzana.realms import pages as realms_pages
from melanzana.reports import (
    analysis_api,
    case_pages,
    comparing_api,
    comparing_pages,
    edit_pages,
    files_api,
    live,
    model_pages,
    run_pages,
    trace_viewer,
    version_pages,
)
from melanzana.reports import api as reports_api
from melanzana.reports import case_analysis_pages as case_routes
from melanzana.reports import coverage_api as coverage_routes
from melanzana.reports import coverage_models_api as coverage_model_routes
from melanzana.reports import coverage_models_pages as coverage_model_pages
from melanzana.reports import pages as reports_pages
from melanzana.reports import report_pages as pages_of_reports
from melanzana.server import health, home, list_files, metrics, settings_pages
from melanzana.server.express import Call
from melanzana.server.services import Services
from melanzana.shrinking import api as shrinking_api
from melanzana.shrinking import pages as shrinking_pages
from melanzana.suts import api as suts_api
from melanzana.suts import pages as suts_pages
from melanzana.users import api as users_api
from melanzana.users import pages as users_pages
from melanzana.web import documentation
from melanzana.web.assets import STATIC_PATH, static_files
from melanzana.web.pages import NavigationItem, Pages

#: Rooms with templates.
PAGE_ROOMS = (
    *(
        "melanzana.auth",
        "melanzana.users",
        "melanzana.clients",
        "melanzana.realms",
        "melanzana.audit",
        "melanzana.suts",
        "melanzana.configurations",
    ),
    *("melanzana.reports", "melanzana.agents", "melanzana.shrinking"),
)
#: The header, in its order; each shows up once its page is there.
NAVIGATION = (
    NavigationItem(
        title="Models",
        href="/models",
        scope=Scope.MODELS_READ,
        key="m",
        summary="States and actions of your systems: as a picture with what was covered, and the form that starts a run.",
    ),
    NavigationItem(
        title="Test Cases",
        href="/test-cases",
        scope=Scope.MODELS_READ,
        key="t",
        summary="Ordered actions that a run must perform: build them from what can come next, and see how they fare.",
    ),
    NavigationItem(
        title="Runs",
        href="/runs",
        scope=Scope.REPORTS_READ,
        key="r",
        summary="What was run: live, with the step that failed, its pictures and its log.",
    ),
    NavigationItem(
        title="Reports",
        href="/reports",
        scope=Scope.REPORTS_READ,
        key="e",
        summary="What was covered and how far it is to a goal, what goes wrong, and when runs waited.",
    ),
    NavigationItem(
        title="Test configs",
        href="/test-configs",
        scope=Scope.CONFIGURATIONS_READ,
        key="c",
        summary="Several steps that are started together, by CI, by the clock or here, and how each start fared.",
    ),
    NavigationItem(
        title="Agents",
        href="/agents",
        scope=Scope.AGENTS_READ,
        key="n",
        summary="Where action code is performed: who is there, what each is at, and the file that a new one starts with.",
    ),
    NavigationItem(
        title="API Access",
        href="/system/api-access",
        scope=Scope.CLIENTS_MANAGE,
        group="System",
        key="a",
        summary="Credentials for scripts and CI: make, narrow, regenerate, revoke.",
    ),
    NavigationItem(
        title="Systems Under Test",
        href="/system/suts",
        scope=Scope.SUTS_READ,
        group="System",
        summary="What runs are made against, and which run has it.",
    ),
    NavigationItem(
        title="Users",
        href="/system/users",
        scope=Scope.USERS_READ,
        group="System",
        key="u",
        summary="Who may log in, with which role, and where they are logged in.",
    ),
    NavigationItem(
        title="Groups",
        href="/system/groups",
        scope=Scope.USERS_READ,
        group="System",
        summary="Names for several people, such as a team.",
    ),
    NavigationItem(
        title="Keys and realms",
        href="/system/realms",
        scope=Scope.REALMS_MANAGE,
        group="System",
        key="k",
        summary="The keys that sign tokens, how long tokens live, and tenants.",
    ),
    NavigationItem(
        title="Coverage models",
        href="/system/coverage-models",
        scope=Scope.REPORTS_READ,
        group="System",
        summary="Names for how deep coverage is looked at.",
    ),
    NavigationItem(
        title="Settings",
        href="/system/settings",
        scope=Scope.REALMS_MANAGE,
        group="System",
        summary="What this server runs with, and where each value comes from.",
    ),
    NavigationItem(
        title="Audit",
        href="/system/audit",
        scope=Scope.AUDIT_READ,
        group="System",
        key="l",
        summary="Every grant, login and change of access, in a chain that shows tampering.",
    ),
)


def express(services: Services) -> dict[tuple[str, str], Call]:
    """The calls that take the short way."""
    gate = services.gate
    return {
        **executions_api.express(services.executions, gate, services.agents, services.rate, strict=services.settings.strict),
        **agents_api.express(services.agents, gate, services.held),
    }


def include(app: FastAPI, services: Services) -> Pages:
    """Give `app` every route of the server; returns what shows its pages."""
    app.include_router(auth_api.router(services.auth, services.realms))  # first: each request of a script begins here
    pages = Pages(PAGE_ROOMS, NAVIGATION, clock=services.clock)
    _include_pages(app, services, pages)
    app.include_router(health.router(services.database))
    app.include_router(metrics.router(services.executions, services.agents, services.retention, services.gate, services.clock))
    app.include_router(login_pages.router(services.logins.face(services.gate, pages)))
    app.include_router(auth_api.everything_else(services.auth, services.realms))
    app.include_router(
        executions_api.router(services.executions, services.gate, services.agents, services.rate, strict=services.settings.strict)
    )
    app.include_router(executions_api.ai_router(services.executions, services.gate))
    app.include_router(streams.router(services.executions, services.gate, services.clock, services.held))
    app.include_router(shrinking_api.router(services.shrinking, services.gate))
    app.include_router(catalog_api.router(services.catalog, services.gate))
    app.include_router(draft_api.router(services.drafts, services.gate))
    app.include_router(case_api.router(services.catalog, services.drafts, services.gate))
    app.include_router(tag_api.router(services.catalog, services.drafts, services.gate))
    app.include_router(suites_api.router(services.suites, services.gate))
    app.include_router(reports_api.router(services.reports, services.gate, services.clock))
    app.include_router(comparing_api.router(services.reports, services.gate))
    app.include_router(files_api.router(services.reports, services.gate))
    app.include_router(analysis_api.router(services.reports, services.gate))
    app.include_router(agents_api.router(services.agents, services.gate, services.held))
    app.include_router(coverage_routes.router(services.reports, services.coverage_models, services.gate))
    app.include_router(coverage_model_routes.router(services.coverage_models, services.gate))
    app.include_router(suts_api.router(services.suts, services.gate, services.agents, services.executions))
    app.include_router(configurations_api.router(services.configurations, services.gate, services.agents))
    app.include_router(schedule_api.router(services.schedules, services.gate, services.clock))
    app.include_router(notifications_api.router(services.notifications, services.gate))
    app.include_router(users_api.router(services.users, services.gate))
    app.include_router(audit_api.router(services.audit, services.gate))
    app.include_router(realms_api.router(services.realms, services.gate))
    app.include_router(clients_api.router(services.clients, services.gate, services.clock))
    _include_older(app, services)
    app.mount(STATIC_PATH, static_files())
    return pages


def _include_older(app: FastAPI, services: Services) -> None:
    passwords = PasswordTokens(services.clock, services.realms, services.users, services.audit)
    tokens = LegacyTokens(services.auth, passwords, services.users, services.realms.home)
    for dialect in (ai_auth, older_auth, api_auth):
        app.include_router(dialect.router(tokens))
    app.include_router(sut_status.router(services.agents, services.executions, services.gate))
    app.include_router(run_control.router(services.agents, services.catalog, services.executions, services.gate))
    app.include_router(licences.router(services.gate))
    app.include_router(public_results.router(services.reports, services.gate))
    app.include_router(public_screenshots.router(services.reports, Keepers(services.database), services.gate))
    app.include_router(suts_api.public_router(services.suts, services.gate, services.agents))
    app.include_router(public_config_results.router(services.configurations, services.gate, services.settings.base_url))


def _include_pages(app: FastAPI, services: Services, pages: Pages) -> None:
    gate = services.gate
    rooms = home.HomeRooms(gate=gate, database=services.database, clients=services.clients, base_url=services.settings.base_url)
    app.include_router(home.router(pages, rooms))
    app.include_router(documentation.router(pages))
    app.include_router(users_pages.router(services.users, gate, pages))
    app.include_router(edit_pages.router(edit_pages.EditRooms(services.catalog, services.drafts), gate, pages))
    cases = case_pages.CaseRooms(services.catalog, services.drafts, services.reports)
    app.include_router(case_pages.router(cases, gate, pages))
    app.include_router(version_pages.router(services.catalog, services.reports, gate, pages))
    models = model_pages.ModelRooms(services.catalog, services.executions, services.reports, services.drafts)
    app.include_router(model_pages.router(models, gate, pages))
    app.include_router(reports_pages.router(services.reports, gate, pages))
    runs = run_pages.RunRooms(services.reports, services.executions)
    app.include_router(trace_viewer.router(gate))
    app.include_router(live.router(runs, gate, pages, services.clock))
    app.include_router(run_pages.router(runs, gate, pages))
    app.include_router(shrinking_pages.router(services.shrinking, gate, pages))
    app.include_router(comparing_pages.router(services.reports, gate, pages))
    app.include_router(agents_pages.router(services.agents, services.executions, gate, pages))
    app.include_router(clients_pages.router(services.clients, gate, pages, services.clock))
    app.include_router(suts_pages.router(services.suts, gate, pages))
    app.include_router(configurations_pages.router(services.configurations, services.schedules, gate, pages, services.clock))
    app.include_router(realms_pages.router(services.realms, gate, pages))
    app.include_router(audit_pages.router(services.audit, gate, pages, services.clock))
    shown = pages_of_reports.ReportRooms(services.catalog, services.reports, services.coverage_models, services.clock)
    app.include_router(pages_of_reports.router(shown, gate, pages))
    app.include_router(case_routes.router(services.reports, gate, pages))
    app.include_router(coverage_model_pages.router(services.coverage_models, gate, pages))
    app.include_router(settings_pages.router(services.settings, gate, pages))
    app.include_router(list_files.router(services, gate))

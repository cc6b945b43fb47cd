"""Finds every page of the server by itself, so that a new one cannot be forgotten, and knows how to reach each."""

from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from fastapi.routing import iter_route_contexts

from melanzana.access.permissions import Role
from melanzana.access.records import Actor
from melanzana.configurations.records import ConfigurationStep, Draft, StartWish, StepKind
from melanzana.configurations.schedule_records import ScheduleDraft
from melanzana.configurations.timing import Timing
from melanzana.server import routes
from melanzana.server.services import Services
from melanzana.suts.records import SutDraft
from melanzana.users.records import GroupChange, NewUser
from support_people import OPERATOR, PASSWORD
from support_reports import fails_at
from support_runs import CI, DOT, Runs
from support_shrinking import a_search

#: Shown with Swagger UI, whose insides are not ours.
OTHERS_WORK = {"/docs", "/execution_service/docs"}
#: Opened by people who are not logged in.
NOBODY = "00000000-0000-4000-8000-000000000001"
FOR_STRANGERS = {"/setup", "/choose-password", "/login", "/login/callback"}


@dataclass(frozen=True)
class PageRoute:
    """A GET route that answers with a page."""

    path: str  #: as declared, with its parameters

    @property
    def slug(self) -> str:
        return self.path.strip("/").replace("/", "-").replace("{", "").replace("}", "") or "home"


def page_routes(services: Services) -> list[PageRoute]:
    """Every GET route whose answer is HTML, in the order of the route table."""
    app = FastAPI(docs_url=None, redoc_url=None)
    routes.include(app, services)
    found = [
        PageRoute(str(context.path))
        for context in iter_route_contexts(app.routes)
        if "GET" in (context.methods or ()) and _answers_html(getattr(context, "response_class", None))
    ]
    return list(dict.fromkeys(found))


def _answers_html(response_class: object) -> bool:
    kind = getattr(response_class, "value", response_class)  # FastAPI wraps what a route did not say itself
    return isinstance(kind, type) and issubclass(kind, HTMLResponse)


async def addresses(services: Services) -> dict[str, str]:
    """Makes one thing of each kind that pages show; returns how to fill the parameters of their paths."""
    realm, actor = services.settings.realm, Actor(kind="command_line", id="tests", name="tests")
    person = await services.users.accounts.create(
        realm, NewUser(username="grace", name="Grace", role=Role.USER, password=PASSWORD), OPERATOR
    )
    group = await services.users.groups.create(realm, "checkout", GroupChange(members=("grace",)), OPERATOR)
    await services.suts.create(realm, SutDraft(name="till-1", criteria=("till",)), actor=actor)
    runs = await Runs.of(services)
    run = await runs.run(fails_at("leave"), [runs.keep("door.png", DOT, "image/png", 4)], perform=True, tags=("nightly",))
    other = await runs.run(perform=True)
    await runs.start(perform=True)
    client = await services.clients.create_client(realm, "nightly", "runs of the night", actor=actor)
    people = {"user_id": person.id, "group_id": group.id, "name": "nobody", "number": "4"}
    configurations = services.configurations
    steps = (ConfigurationStep(id=NOBODY, name="explore", kind=StepKind.EXPLORATORY, model=str(runs.model_id)),)
    nightly = await configurations.create(CI, Draft(name="nightly", steps=steps))
    task = await configurations.start(CI, nightly.id, StartWish())
    daily = ScheduleDraft(name="daily", configuration_id=nightly.id, timing=Timing(cron="30 2 * * *"))
    await services.schedules.create(CI, daily)
    search = await a_search(services, realm, run.run_id)
    made = {
        "configuration_id": nightly.id,
        "task_id": task.id,
        "search_id": str(search),
        "run_id": str(run.run_id),
        "other_id": str(other.run_id),
        "model_id": str(runs.model_id),
        "client_id": client.client_id,
        "case_id": str((await services.catalog.list_test_cases(realm, runs.model_id))[0].id),
    }
    return {**people, **made, "realm": realm}


def filled(route: PageRoute, parameters: dict[str, str]) -> str:
    """The route's path with every parameter filled in; AssertionError naming one that this module does not know yet."""
    path = route.path
    for name, value in parameters.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path, f"tests/support_page_routes.py does not know how to reach {route.path}"
    return path

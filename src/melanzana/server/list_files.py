"""Lists as CSV and JSON files: runs, models, agents, systems under test, API clients, people; by the filter of their page.

The server knows every room, so one file can offer all of them in one way; `web/tables.py` writes. A row has the names of the REST
API. Runs are gone through a part at a time by their numbers, so a file of any length costs no more memory than a page.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import BaseModel

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import PrincipalKind, Visitor
from melanzana.agents.shapes import AgentItem, agent_item
from melanzana.catalog.shapes import ModelItem, model_item
from melanzana.clients.shapes import ClientItem, client_item
from melanzana.executions.records import ExecutionFilter
from melanzana.reports.run_filter import filter_of
from melanzana.reports.shapes import RunItem, run_item
from melanzana.server.services import Services
from melanzana.suts.records import FILTERS
from melanzana.suts.shapes import SutItem, sut_item
from melanzana.users.shapes import UserItem, user_item
from melanzana.web import tables

_PART = 500
_Rows = AsyncIterator[Sequence[Mapping[str, Any]]]
_Text = Annotated[str, Query(alias="q", max_length=1_000)]


def router(services: Services, gate: Gate) -> APIRouter:
    """One route a list; each asks for the permission of its page."""
    routes = APIRouter(include_in_schema=False)
    _add_work(routes, services, gate)
    _add_access(routes, services, gate)
    return routes


def _add_work(routes: APIRouter, services: Services, gate: Gate) -> None:
    @routes.get("/runs.{form}")
    async def runs(visitor: Annotated[Visitor, Depends(gate.page(Scope.REPORTS_READ))], form: str, text: _Text = "") -> Response:
        wanted = await filter_of(services.reports, visitor.principal.realm, text)
        return tables.file_of("runs", form, _columns(RunItem), _runs(services, visitor.principal.realm, wanted))

    @routes.get("/models.{form}")
    async def models(visitor: Annotated[Visitor, Depends(gate.page(Scope.MODELS_READ))], form: str) -> Response:
        entries, _ = await services.catalog.list_models(visitor.principal.realm)
        return _file("models", form, ModelItem, [model_item(entry) for entry in entries])

    @routes.get("/agents.{form}")
    async def agents(visitor: Annotated[Visitor, Depends(gate.page(Scope.AGENTS_READ))], form: str) -> Response:
        return _file("agents", form, AgentItem, [agent_item(view) for view in await services.agents.list(visitor.principal.realm)])

    @routes.get("/system/suts.{form}")
    async def suts(
        visitor: Annotated[Visitor, Depends(gate.page(Scope.SUTS_READ))], form: str, show: Annotated[str, Query(max_length=20)] = ""
    ) -> Response:
        realm, wanted = visitor.principal.realm, FILTERS.get(show)
        names = {view.agent.id: view.agent.name for view in await services.agents.list(realm)}
        found = [sut_item(sut, names) for sut in await services.suts.list(realm) if wanted in {None, sut.status}]
        return _file("suts", form, SutItem, found)


def _add_access(routes: APIRouter, services: Services, gate: Gate) -> None:
    @routes.get("/system/api-access.{form}")
    async def clients(visitor: Annotated[Visitor, Depends(gate.page(Scope.CLIENTS_MANAGE))], form: str) -> Response:
        found = await services.clients.list_clients(visitor.principal.realm, PrincipalKind.API_CLIENT)
        return _file("api-clients", form, ClientItem, [client_item(one, services.clock.now()) for one in found])

    @routes.get("/system/users.{form}")
    async def users(visitor: Annotated[Visitor, Depends(gate.page(Scope.USERS_READ))], form: str) -> Response:
        found = await services.users.accounts.everybody(visitor.principal.realm)
        return _file("users", form, UserItem, [user_item(person, groups) for person, groups in found])


async def _runs(services: Services, realm: str, wanted: ExecutionFilter | None) -> _Rows:
    """The newest first; None: no run can be meant."""
    while wanted is not None:
        page = await services.reports.list_runs(realm, replace(wanted, limit=_PART, offset=0))
        yield [_row(run_item(row)) for row in page.rows]
        wanted = replace(wanted, before=page.rows[-1].execution.run_id) if len(page.rows) == _PART else None


def _file(name: str, form: str, shape: type[BaseModel], items: Sequence[BaseModel]) -> Response:
    return tables.file_of(name, form, _columns(shape), tables.at_once([_row(item) for item in items]))


def _row(item: BaseModel) -> dict[str, Any]:
    return item.model_dump(mode="json")


def _columns(shape: type[BaseModel]) -> tuple[str, ...]:
    return tuple(shape.model_fields)

"""System > Groups: people under a name, who is in each, and changing that.

Every form works without script: a POST does one thing and leads back by 303; what was wrong with it stands beside the field.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Visitor
from melanzana.errors import NotFoundError, RequestError
from melanzana.users.records import GroupChange
from melanzana.users.rules import author_of
from melanzana.users.service import UserService
from melanzana.web.pages import Pages

GROUPS = "/system/groups"
_ONE = f"{GROUPS}/{{group_id}}"
_Text = Annotated[str, Form()]
_Texts = Annotated[list[str] | None, Form()]


def router(service: UserService, gate: Gate, pages: Pages) -> APIRouter:
    """The pages of groups."""
    routes = APIRouter(include_in_schema=False)
    shown = _GroupPages(service, pages)
    may_read = Annotated[Visitor, Depends(gate.page(Scope.USERS_READ))]
    may_manage = Annotated[Visitor, Depends(gate.page(Scope.USERS_MANAGE))]

    @routes.get(GROUPS, response_class=HTMLResponse)
    async def groups(request: Request, visitor: may_read) -> Response:
        return await shown.all(request, visitor)

    @routes.get(f"{GROUPS}/new", response_class=HTMLResponse)
    async def new_group(request: Request, visitor: may_manage) -> Response:
        return await shown.form(request, visitor, GroupChange())

    @routes.post(GROUPS, response_class=HTMLResponse)
    async def add_group(
        request: Request, visitor: may_manage, groupname: _Text = "", description: _Text = "", members: _Texts = None
    ) -> Response:
        wanted = GroupChange(name=groupname, description=description, members=tuple(members or ()))
        return await shown.create(request, visitor, wanted)

    @routes.get(_ONE, response_class=HTMLResponse)
    async def one_group(request: Request, visitor: may_read, group_id: str) -> Response:
        group = await service.groups.get(visitor.principal.realm, group_id)
        as_is = GroupChange(name=group.name, description=group.description, members=group.members)
        return await shown.form(request, visitor, as_is, group_id)

    @routes.post(_ONE, response_class=HTMLResponse)
    async def change_group(  # noqa: PLR0917 - one parameter a field
        request: Request,
        visitor: may_manage,
        group_id: str,
        groupname: _Text = "",
        description: _Text = "",
        members: _Texts = None,
    ) -> Response:
        wanted = GroupChange(name=groupname, description=description, members=tuple(members or ()))
        return await shown.change(request, visitor, group_id, wanted)

    @routes.post(f"{_ONE}/delete", response_class=HTMLResponse)
    async def delete_group(visitor: may_manage, group_id: str) -> Response:
        await service.groups.delete(visitor.principal.realm, group_id, author_of(visitor.principal))
        return RedirectResponse(f"{GROUPS}?done=deleted", 303)

    return routes


class _GroupPages:
    """What several of the routes show."""

    def __init__(self, service: UserService, pages: Pages) -> None:
        self._service = service
        self._pages = pages

    async def all(self, request: Request, visitor: Visitor) -> Response:
        """Every group with the people in it."""
        realm = visitor.principal.realm
        people = {person.id: person for person, _ in await self._service.accounts.everybody(realm)}
        groups = [
            (group, [people[member] for member in group.members if member in people])
            for group in await self._service.groups.everyone(realm)
        ]
        return self._render(request, visitor, "users/groups.html", groups=groups)

    async def create(self, request: Request, visitor: Visitor, wanted: GroupChange) -> Response:
        realm, author = visitor.principal.realm, author_of(visitor.principal)
        try:
            made = await self._service.groups.create(realm, wanted.name or "", wanted, author)
        except RequestError as error:
            return await self.form(request, visitor, wanted, error=error)
        return RedirectResponse(f"{GROUPS}/{made.id}?done=created", 303)

    async def change(self, request: Request, visitor: Visitor, group_id: str, wanted: GroupChange) -> Response:
        try:
            await self._service.groups.change(visitor.principal.realm, group_id, wanted, author_of(visitor.principal))
        except NotFoundError:
            raise
        except RequestError as error:
            return await self.form(request, visitor, wanted, group_id, error=error)
        return RedirectResponse(f"{GROUPS}/{group_id}?done=saved", 303)

    async def form(
        self, request: Request, visitor: Visitor, given: GroupChange, group_id: str = "", *, error: RequestError | None = None
    ) -> Response:
        """A group's page, or with no id that of a new one; `error`: what was wrong with what was sent."""
        people = [person for person, _ in await self._service.accounts.everybody(visitor.principal.realm)]
        return self._render(
            request,
            visitor,
            "users/group.html",
            status=422 if error else 200,
            group_id=group_id,
            given=given,
            people=people,
            wrong={str(error.detail.get("field", "form")): error.message} if error else {},
        )

    def _render(self, request: Request, visitor: Visitor, template: str, *, status: int = 200, **values: Any) -> Response:
        may_manage = Scope.USERS_MANAGE in visitor.principal.scopes
        return self._pages.render(request, template, visitor=visitor, status=status, may_manage=may_manage, **values)

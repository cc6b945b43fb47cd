"""System > Users: who there is, what they may do, and how they get in. Also collects the room's other pages.

Every form works without script: a POST does one thing and leads back by 303, except where a one-time link is shown, which stands in
that answer and nowhere else.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from melanzana.access.gate import Gate
from melanzana.access.permissions import Role, Scope
from melanzana.access.records import Visitor
from melanzana.errors import ConflictError, NotFoundError, RequestError
from melanzana.users import pages_account, pages_groups, pages_links
from melanzana.users.browsers import browser_name
from melanzana.users.records import NewUser, User, UserChange
from melanzana.users.rules import author_of
from melanzana.users.service import UserService
from melanzana.web.pages import Pages

PEOPLE = "/system/users"
ROLES = ((Role.USER.value, "User: models, runs and reports"), (Role.ADMIN.value, "Administrator: everything"))
Text = Annotated[str, Form()]


def router(service: UserService, gate: Gate, pages: Pages) -> APIRouter:
    """Every page of the room."""
    routes = APIRouter(include_in_schema=False)
    shown = _PeoplePages(service, pages)
    may_read = Annotated[Visitor, Depends(gate.page(Scope.USERS_READ))]
    may_manage = Annotated[Visitor, Depends(gate.page(Scope.USERS_MANAGE))]

    @routes.get(PEOPLE, response_class=HTMLResponse)
    async def people(request: Request, visitor: may_read) -> Response:
        everybody = await service.accounts.everybody(visitor.principal.realm)
        return pages.render(request, "users/people.html", visitor=visitor, everybody=everybody)

    @routes.get(f"{PEOPLE}/new", response_class=HTMLResponse)
    async def new_person(request: Request, visitor: may_manage) -> Response:
        return shown.form(request, visitor, {}, {})

    @routes.post(PEOPLE, response_class=HTMLResponse)
    async def add_person(  # noqa: PLR0917 - one parameter a field
        request: Request, visitor: may_manage, username: Text = "", name: Text = "", email: Text = "", role: Text = Role.USER.value
    ) -> Response:
        given = {"username": username, "name": name, "email": email, "role": role}
        return await shown.add(request, visitor, given)

    @routes.get(f"{PEOPLE}/{{user_id}}", response_class=HTMLResponse)
    async def person(request: Request, visitor: may_read, user_id: str) -> Response:
        return await shown.one(request, visitor, user_id)

    @routes.post(f"{PEOPLE}/{{user_id}}", response_class=HTMLResponse)
    async def change_person(  # noqa: PLR0917 - one parameter a field
        request: Request, visitor: may_manage, user_id: str, name: Text = "", email: Text = "", role: Text = Role.USER.value
    ) -> Response:
        try:
            change = UserChange(name=name, email=email, role=_role(role))
            await service.accounts.change(visitor.principal.realm, user_id, change, author_of(visitor.principal))
        except NotFoundError:
            raise
        except RequestError as error:
            return await shown.one(request, visitor, user_id, error)
        return _to(user_id, "saved")

    _add_actions(routes, service, shown, may_manage)
    routes.include_router(pages_groups.router(service, gate, pages))
    routes.include_router(pages_account.router(service, gate, pages))
    routes.include_router(pages_links.router(service, pages))
    return routes


def _add_actions(routes: APIRouter, service: UserService, shown: "_PeoplePages", may_manage: Any) -> None:
    @routes.post(f"{PEOPLE}/{{user_id}}/enabled", response_class=HTMLResponse)
    async def enable(request: Request, visitor: may_manage, user_id: str, enabled: Text = "") -> Response:
        change = UserChange(enabled=enabled == "yes")
        try:
            await service.accounts.change(visitor.principal.realm, user_id, change, author_of(visitor.principal))
        except ConflictError as error:
            return await shown.one(request, visitor, user_id, error)
        return _to(user_id, "enabled" if change.enabled else "disabled")

    @routes.post(f"{PEOPLE}/{{user_id}}/link", response_class=HTMLResponse)
    async def make_link(request: Request, visitor: may_manage, user_id: str) -> Response:
        return await shown.link(request, visitor, user_id)

    @routes.post(f"{PEOPLE}/{{user_id}}/sessions", response_class=HTMLResponse)
    async def end_sessions(visitor: may_manage, user_id: str) -> Response:
        person, _ = await service.accounts.get(visitor.principal.realm, user_id)
        await service.sessions.revoke_all(person, visitor.principal.actor, but=visitor.session_id)
        return _to(user_id, "sessions")

    @routes.post(f"{PEOPLE}/{{user_id}}/sessions/{{session_id}}", response_class=HTMLResponse)
    async def end_session(visitor: may_manage, user_id: str, session_id: str) -> Response:
        person, _ = await service.accounts.get(visitor.principal.realm, user_id)
        await service.sessions.revoke(person, session_id, visitor.principal.actor)
        return _to(user_id, "session")

    @routes.post(f"{PEOPLE}/{{user_id}}/delete", response_class=HTMLResponse)
    async def delete(request: Request, visitor: may_manage, user_id: str) -> Response:
        try:
            await service.accounts.delete(visitor.principal.realm, user_id, author_of(visitor.principal))
        except ConflictError as error:
            return await shown.one(request, visitor, user_id, error)
        return RedirectResponse(f"{PEOPLE}?done=deleted", 303)


class _PeoplePages:
    """What several of the routes show."""

    def __init__(self, service: UserService, pages: Pages) -> None:
        self._service = service
        self._pages = pages

    def form(self, request: Request, visitor: Visitor, given: dict[str, str], wrong: dict[str, str]) -> Response:
        """An empty form, or the one that was sent with what is wrong in it."""
        values = {"username": "", "name": "", "email": "", "role": Role.USER.value, **given}
        status = 422 if wrong else 200
        return self._pages.render(request, "users/new.html", visitor=visitor, status=status, given=values, wrong=wrong, roles=ROLES)

    async def add(self, request: Request, visitor: Visitor, given: dict[str, str]) -> Response:
        """Make the account and show the link at which the person chooses a password."""
        try:
            new = NewUser(username=given["username"], name=given["name"], email=given["email"], role=_role(given["role"]))
            person = await self._service.accounts.create(visitor.principal.realm, new, author_of(visitor.principal))
        except NotFoundError:
            raise
        except RequestError as error:
            return self.form(request, visitor, given, _wrong(error))
        return await self.link(request, visitor, person.id)

    async def link(self, request: Request, visitor: Visitor, user_id: str) -> Response:
        author = author_of(visitor.principal)
        person, address = await self._service.links.password_address(visitor.principal.realm, user_id, author)
        return self._pages.render(request, "users/link.html", visitor=visitor, person=person, address=address)

    async def one(self, request: Request, visitor: Visitor, user_id: str, error: RequestError | None = None) -> Response:
        """The person's page; `error`: what was wrong with the change."""
        person, groups = await self._service.accounts.get(visitor.principal.realm, user_id)
        return self._pages.render(
            request,
            "users/person.html",
            visitor=visitor,
            status=200 if error is None else 409 if isinstance(error, ConflictError) else 422,
            person=person,
            groups=groups,
            sessions=await self._service.sessions.list(user_id),
            roles=ROLES,
            wrong=_wrong(error) if error else {},
            may_manage=_may_manage(visitor, person),
            browser_name=browser_name,
        )


def _may_manage(visitor: Visitor, person: User) -> bool:
    if Scope.USERS_MANAGE not in visitor.principal.scopes:
        return False
    return person.role is not Role.ADMIN or author_of(visitor.principal).over_admins


def _role(word: str) -> Role:
    if word not in {role.value for role in Role}:
        raise RequestError("choose a role of the list", field="role")
    return Role(word)


def _wrong(error: RequestError) -> dict[str, str]:
    return {str(error.detail.get("field", "form")): error.message}


def _to(user_id: str, word: str) -> Response:
    return RedirectResponse(f"{PEOPLE}/{user_id}?done={word}", 303)

"""/account: what a person changes for themselves: name, e-mail address, password, and where they are logged in."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from melanzana.access.gate import Gate
from melanzana.access.records import Visitor
from melanzana.errors import LoginRefusedError, NotFoundError, RequestError
from melanzana.users.browsers import browser_name
from melanzana.users.records import UserChange
from melanzana.users.service import UserService
from melanzana.web.pages import Pages

ACCOUNT = "/account"
_DIFFERENT = "the two new passwords are not the same"
_WRONG_PASSWORD = "this is not your current password, or there were too many attempts; try again in a moment"  # noqa: S105
Text = Annotated[str, Form()]


def router(service: UserService, gate: Gate, pages: Pages) -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    logged_in = Annotated[Visitor, Depends(gate.page())]

    async def show(request: Request, visitor: Visitor, wrong: dict[str, str]) -> Response:
        person, groups = await service.accounts.get(visitor.principal.realm, visitor.principal.subject)
        return pages.render(
            request,
            "users/account.html",
            visitor=visitor,
            status=422 if wrong else 200,
            person=person,
            groups=groups,
            sessions=await service.sessions.list(person.id),
            wrong=wrong,
            browser_name=browser_name,
        )

    async def change(visitor: Visitor, wanted: UserChange, old_password: str = "") -> None:
        person, _ = await service.accounts.get(visitor.principal.realm, visitor.principal.subject)
        await service.change_own(person, wanted, visitor.principal.address, visitor.session_id, old_password)

    @routes.get(ACCOUNT, response_class=HTMLResponse)
    async def account(request: Request, visitor: logged_in) -> Response:
        return await show(request, visitor, {})

    @routes.post(ACCOUNT, response_class=HTMLResponse)
    async def change_account(request: Request, visitor: logged_in, name: Text = "", email: Text = "") -> Response:
        try:
            await change(visitor, UserChange(name=name, email=email))
        except NotFoundError:
            raise
        except RequestError as error:
            return await show(request, visitor, {str(error.detail.get("field", "form")): error.message})
        return RedirectResponse(f"{ACCOUNT}?done=saved", 303)

    @routes.post(f"{ACCOUNT}/password", response_class=HTMLResponse)
    async def change_password(
        request: Request, visitor: logged_in, old: Text = "", password: Text = "", again: Text = ""
    ) -> Response:
        if password != again:
            return await show(request, visitor, {"again": _DIFFERENT})
        try:
            await change(visitor, UserChange(password=password), old)
        except LoginRefusedError:
            return await show(request, visitor, {"old": _WRONG_PASSWORD})
        except RequestError as error:
            return await show(request, visitor, {"password": error.message})
        return RedirectResponse(f"{ACCOUNT}?done=password", 303)

    @routes.post(f"{ACCOUNT}/sessions", response_class=HTMLResponse)
    async def end_others(visitor: logged_in) -> Response:
        person, _ = await service.accounts.get(visitor.principal.realm, visitor.principal.subject)
        await service.sessions.revoke_all(person, visitor.principal.actor, but=visitor.session_id)
        return RedirectResponse(f"{ACCOUNT}?done=sessions", 303)

    @routes.post(f"{ACCOUNT}/sessions/{{session_id}}", response_class=HTMLResponse)
    async def end_one(visitor: logged_in, session_id: str) -> Response:
        person, _ = await service.accounts.get(visitor.principal.realm, visitor.principal.subject)
        await service.sessions.revoke(person, session_id, visitor.principal.actor)
        return RedirectResponse(f"{ACCOUNT}?done=session", 303)

    return routes

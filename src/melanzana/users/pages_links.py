"""The pages behind one-time links: the first administrator, and choosing a password. Strangers see them, so the token proves it.

A form of another site cannot be sent here with effect, because it would have to know the token; one that says it comes from another
site is refused all the same.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from melanzana.errors import ForgedRequestError, NotFoundError, RequestError
from melanzana.users.cookies import clear_session_cookie
from melanzana.users.links import PASSWORD_PATH, SETUP_PATH
from melanzana.users.passwords import SHORTEST
from melanzana.users.records import NewUser
from melanzana.users.service import UserService
from melanzana.web.pages import Pages

_DIFFERENT = "the two passwords are not the same"
_LOGIN = "/login?done="
Text = Annotated[str, Form()]


def router(service: UserService, pages: Pages) -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    _add_setup(routes, service, pages)
    _add_password(routes, service, pages)
    return routes


def _add_setup(routes: APIRouter, service: UserService, pages: Pages) -> None:
    def show(request: Request, token: str, given: dict[str, str], wrong: dict[str, str]) -> Response:
        shown: dict[str, Any] = {"token": token, "given": given, "wrong": wrong, "shortest": SHORTEST}
        return pages.render(request, "users/setup.html", status=422 if wrong else 200, without_login=True, **shown)

    @routes.get(SETUP_PATH, response_class=HTMLResponse)
    async def setup(request: Request, token: str = "") -> Response:
        await service.links.check_setup(token)
        return show(request, token, {"username": "", "name": ""}, {})

    @routes.post(SETUP_PATH, response_class=HTMLResponse)
    async def first_admin(  # noqa: PLR0917 - one parameter a field
        request: Request, token: Text = "", username: Text = "", name: Text = "", password: Text = "", again: Text = ""
    ) -> Response:
        _refuse_other_sites(request)
        await service.links.check_setup(token)
        given = {"username": username, "name": name}
        if password != again:
            return show(request, token, given, {"again": _DIFFERENT})
        try:
            new = NewUser(username=username, name=name, password=password)
            await service.links.first_admin(token, new, request.client.host if request.client else "")
        except NotFoundError:
            raise
        except RequestError as error:
            return show(request, token, given, {str(error.detail.get("field", "form")): error.message})
        return RedirectResponse(f"{_LOGIN}account", 303)


def _add_password(routes: APIRouter, service: UserService, pages: Pages) -> None:
    async def show(request: Request, token: str, wrong: dict[str, str]) -> Response:
        person = await service.links.whose_password(token)
        status = 422 if wrong else 200
        return pages.render(
            request,
            "users/choose.html",
            status=status,
            token=token,
            person=person,
            wrong=wrong,
            shortest=SHORTEST,
            without_login=True,
        )

    @routes.get(PASSWORD_PATH, response_class=HTMLResponse)
    async def choose(request: Request, token: str = "") -> Response:
        return await show(request, token, {})

    @routes.post(PASSWORD_PATH, response_class=HTMLResponse)
    async def chosen(request: Request, token: Text = "", password: Text = "", again: Text = "") -> Response:
        _refuse_other_sites(request)
        if password != again:
            return await show(request, token, {"again": _DIFFERENT})
        try:
            await service.links.choose_password(token, password, request.client.host if request.client else "")
        except NotFoundError:
            raise
        except RequestError as error:
            return await show(request, token, {"password": error.message})
        answer = RedirectResponse(f"{_LOGIN}password", 303)
        clear_session_cookie(answer, service.settings.base_url)
        return answer


def _refuse_other_sites(request: Request) -> None:
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise ForgedRequestError("this form was sent by another site")

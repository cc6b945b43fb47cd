"""Every route but the token endpoint lets only the right token through."""

from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.errors import InsufficientScopeError, InvalidTokenError
from support_auth import SOMEBODY, Auth

pytestmark = pytest.mark.anyio


@pytest.fixture
def http(auth: Auth) -> httpx.AsyncClient:
    """A caller of one route that needs `executions:start`; refusals show the error and its detail."""
    app, gate = FastAPI(), Gate(auth.service.believe)

    @app.post("/executions")
    async def start(principal: Annotated[Principal, Depends(gate.requires(Scope.EXECUTIONS_START))]) -> str:
        return principal.client_id

    async def refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, InvalidTokenError | InsufficientScopeError)
        return JSONResponse({"code": error.code, **error.detail}, 403 if isinstance(error, InsufficientScopeError) else 401)

    app.add_exception_handler(InvalidTokenError, refused)
    app.add_exception_handler(InsufficientScopeError, refused)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
async def test_scheme_in_any_case(scheme: str, auth: Auth, http: httpx.AsyncClient) -> None:
    """A good token is let through whatever the case of the scheme; the product's own page writes `bearer`."""
    answer = await http.post("/executions", headers={"authorization": f"{scheme} {await auth.token()}"})
    assert (answer.status_code, answer.json()) == (200, auth.client.client_id)


async def test_no_token(http: httpx.AsyncClient) -> None:
    """Without a token the refusal says that none was sent."""
    answer = await http.post("/executions")
    assert (answer.status_code, answer.json()) == (401, {"code": "invalid_token", "missing": True})


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer  TOKEN",
        "Bearer\tTOKEN",
        "Bearer TOKEN ,",
        "Bearer Bearer TOKEN",
        "Basic TOKEN",
        "TOKEN",
        "Token TOKEN",
        "",
        "Bearer TOKEN, Bearer TOKEN",
    ],
)
async def test_malformed_header(header: str, auth: Auth, http: httpx.AsyncClient) -> None:
    """Any other form of the header is an invalid token even when a good one stands in it."""
    answer = await http.post("/executions", headers={"authorization": header.replace("TOKEN", await auth.token())})
    assert (answer.status_code, answer.json()) == (401, {"code": "invalid_token"})


async def test_two_headers(auth: Auth, http: httpx.AsyncClient) -> None:
    """Two Authorization headers are refused, even equal ones."""
    header = (b"authorization", f"Bearer {await auth.token()}".encode())
    answer = await http.post("/executions", headers=[header, header])
    assert answer.status_code == 401


async def test_token_elsewhere(auth: Auth, http: httpx.AsyncClient) -> None:
    """A token in the address, a form or a cookie counts for nothing."""
    token = await auth.token()
    answers = [
        await http.post(f"/executions?access_token={token}"),
        await http.post("/executions", data={"access_token": token}),
        await http.post("/executions", headers={"cookie": f"access_token={token}"}),
    ]
    assert [(answer.status_code, answer.json().get("missing")) for answer in answers] == [(401, True)] * 3


async def test_missing_permission(auth: Auth, http: httpx.AsyncClient) -> None:
    """A good token without the permission is told which one is missing; an agent's token is no API token."""
    for token in (await auth.token(scope="executions:read"), await auth.token(await auth.agent_client())):
        answer = await http.post("/executions", headers={"authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()) == (403, {"code": "insufficient_scope", "scope": "executions:start"})


async def test_revoked_client_at_the_gate(auth: Auth, http: httpx.AsyncClient) -> None:
    """The very next request after a revocation is refused."""
    headers = {"authorization": f"Bearer {await auth.token()}"}
    assert (await http.post("/executions", headers=headers)).status_code == 200
    await auth.clients.revoke_client("eggplant", auth.client.client_id, actor=SOMEBODY)
    assert (await http.post("/executions", headers=headers)).status_code == 401

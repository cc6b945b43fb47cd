"""What holds for every route of the server, walked from its own OpenAPI document."""

from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from melanzana.server.app import SecurityHeaders
from support_app import SOMEBODY, running_app

OPEN = ("/auth/", "/.well-known/", "/healthz", "/readyz")


@pytest.mark.anyio
async def test_every_route_but_health_and_token_needs_a_token(tmp_path: Path) -> None:
    """Without a token each operation answers 401 with a bare challenge, unless it is documented as a way to a token."""
    async with running_app(tmp_path) as app:
        paths = (await app.http.get("/openapi.json")).json()["paths"]
        asked = 0
        for path, item in paths.items():
            for method, operation in item.items():
                if path.startswith(OPEN) or operation["security"] == []:
                    continue
                address = path.replace("{execution_id}", "x").replace("{", "").replace("}", "")
                numbered = (
                    address.replace("model_id", "1").replace("run_id", "1").replace("agent_id", "1").replace("test_case_id", "1")
                )
                answer = await app.http.request(method, numbered)
                assert (answer.status_code, answer.headers.get("www-authenticate")) == (401, "Bearer"), (method, path)
                asked += 1
    assert asked > 20


@pytest.mark.anyio
async def test_every_answer_carries_the_security_headers(tmp_path: Path) -> None:
    """Pages, errors and data alike."""
    async with running_app(tmp_path) as app:
        for path in ("/docs", "/healthz", "/nowhere", "/ai/runs", "/static/docs.js"):
            answer = await app.http.get(path)
            assert answer.headers["x-content-type-options"] == "nosniff", path
            assert "default-src 'none'" in answer.headers["content-security-policy"], path
            assert "server" not in answer.headers


@pytest.mark.anyio
async def test_the_documentation_of_the_execution_service_has_its_paths_and_no_others(tmp_path: Path) -> None:
    """`/execution_service/openapi.json` is the part of the document that the original serves there."""
    async with running_app(tmp_path) as app:
        paths = (await app.http.get("/execution_service/openapi.json")).json()["paths"]
        assert paths
        assert all(path.startswith("/execution_service/") for path in paths)
        assert "/execution_service/openapi.json" in (await app.http.get("/execution_service/docs")).text


@pytest.mark.anyio
async def test_a_revoked_client_is_out_at_its_next_request(tmp_path: Path) -> None:
    """The token is still young; its client is gone, and so is its access."""
    async with running_app(tmp_path) as app:
        await app.sign_in()
        assert (await app.http.get("/ai/runs")).status_code == 200
        (client,) = await app.services.clients.list_clients("eggplant")
        await app.services.clients.revoke_client("eggplant", client.client_id, actor=SOMEBODY)
        assert (await app.http.get("/ai/runs")).status_code == 401


@pytest.mark.anyio
async def test_a_second_server_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    """One data folder, one server."""
    async with running_app(tmp_path):
        with pytest.raises(Exception, match="server"):
            async with running_app(tmp_path):
                raise AssertionError


@pytest.mark.anyio
async def test_an_answer_after_an_error_says_that_the_connection_ends() -> None:
    """The HTTP server closes it, so the client must not send its next request there; other answers keep it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("", status_code=int(scope["path"][1:]))(scope, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(SecurityHeaders(app, {})), base_url="http://server") as http:
        assert (await http.get("/500")).headers["connection"] == "close"
        assert "connection" not in (await http.get("/404")).headers

"""System > API Access as the server answers it; `test_pages_in_browser.py` looks at it with a browser."""

import csv
import io
import re
from collections.abc import AsyncIterator, Iterator
from html import unescape
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI, Request

from melanzana.access.gate import Gate
from melanzana.access.permissions import Role
from melanzana.access.records import Visitor
from melanzana.audit.service import AuditService
from melanzana.clients import pages
from melanzana.clients.records import Client, Credentials
from melanzana.errors import OAuthError
from melanzana.server import problems
from melanzana.web.pages import Pages
from support_auth import BASE_URL, SOMEBODY, Auth, form
from support_clients import visitor

pytestmark = pytest.mark.anyio
LIST = "/system/api-access"
HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'; alert(1); '", "{{7*7}}", "=cmd|' /C calc'!A0"]


class Site:
    """The pages with people in front of them; the cookie `who` names the session."""

    def __init__(self, auth: Auth) -> None:
        self.auth = auth
        sessions = {"ada": visitor("ada"), "second": visitor("second"), "user": visitor("user", Role.USER)}

        async def recognise(request: Request) -> Visitor | None:
            return sessions.get(request.cookies.get("who", ""))

        async def believe(request: Request, token: str) -> object:
            return await auth.service.believe(request, token)

        gate = Gate(believe, recognise)  # type: ignore[arg-type]
        app = FastAPI()
        app.include_router(pages.router(auth.clients, gate, Pages(("melanzana.clients",), clock=auth.clock), auth.clock))
        problems.install(app)
        self._app = app

    def browser(self, who: str = "ada") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self._app, client=("192.0.2.9", 1))
        return httpx.AsyncClient(transport=transport, base_url=BASE_URL, cookies={"who": who})

    async def named(self, name: str) -> Client:
        """The one client of this name."""
        (found,) = [client for client in await self.auth.clients.list_clients("eggplant") if client.name == name]
        return found

    async def let_in(self, client_id: str, secret: str) -> None:
        """What the token endpoint asks."""
        await self.auth.clients.authenticate("eggplant", Credentials(client_id=client_id, client_secret=secret), "192.0.2.1")


@pytest.fixture
def site(auth: Auth) -> Site:
    return Site(auth)


@pytest.fixture
async def browser(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with site.browser() as http:
        yield http


def hidden(page: str, action: str = "") -> dict[str, str]:
    """The hidden fields of the form with this action."""
    shown = next(found for found in re.findall(r"<form.*?</form>", page, re.DOTALL) if f'action="{action}"' in found)
    return {name: unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', shown)}


async def make(browser: httpx.AsyncClient, **fields: object) -> httpx.Response:
    """Add New, filled in, Create."""
    empty = await browser.get(f"{LIST}/new")
    return await browser.post(LIST, data={**hidden(empty.text, LIST), "name": "nightly", **fields})


def one(client_id: str, verb: str = "") -> str:
    return f"{LIST}/{client_id}{'/' + verb if verb else ''}"


async def test_the_page_of_the_original(site: Site, browser: httpx.AsyncClient) -> None:
    """Add New, name and description, Create, Download: the file's three values get a token that the API takes."""
    assert f'href="{LIST}/new"' in (await browser.get(LIST)).text
    page = await make(browser, name="nightly", description="Nightly regression")
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    ticket = hidden(page.text, f"{LIST}/download")
    answer = await browser.post(f"{LIST}/download", data=ticket)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert list(row) == ["client_id", "client_secret", "token_url"]
    async with site.auth.http() as http:
        fields = {"grant_type": "client_credentials", "client_id": row["client_id"], "client_secret": row["client_secret"]}
        token = (await http.post(row["token_url"], data=fields)).json()["access_token"]
    principal = await site.auth.service.verify_token(token)
    assert principal.name == "nightly"
    assert "executions:start" in principal.scopes
    assert "clients:manage" not in principal.scopes


async def test_no_43_the_file_is_given_once_and_to_its_session_only(site: Site, browser: httpx.AsyncClient) -> None:
    """An attachment that is never kept; the second request is 410, another session's 404, and neither shows the secret."""
    page = await make(browser, name="=cmd|' /C calc'!A0")
    ticket = hidden(page.text, f"{LIST}/download")
    async with site.browser("second") as other:
        stolen = await other.post(f"{LIST}/download", data={**ticket, "csrf_token": visitor("second").csrf_token})
        assert stolen.status_code == 404
    first, second = [await browser.post(f"{LIST}/download", data=ticket) for _ in range(2)]
    assert first.headers["content-disposition"] == 'attachment; filename="cmd----C-calc--A0.csv"'
    assert (first.headers["cache-control"], first.headers["pragma"]) == ("no-store", "no-cache")
    assert second.status_code == 410
    assert "mlz_" not in second.text + stolen.text
    assert (await browser.post(f"{LIST}/download", data={**ticket, "ticket": "x"})).status_code == 404
    assert (await browser.get(f"{LIST}/download")).status_code in {404, 405}
    for line in first.text.splitlines():
        assert all(cell[:1] not in {"=", "+", "-", "@"} for cell in next(csv.reader([line])))


async def test_no_43_a_ticket_ends_after_ten_minutes(site: Site, browser: httpx.AsyncClient) -> None:
    """Whoever leaves the page open gets no file later."""
    ticket = hidden((await make(browser)).text, f"{LIST}/download")
    site.auth.clock.move(600)
    assert (await browser.post(f"{LIST}/download", data=ticket)).status_code == 410


async def test_a_secret_is_shown_once(browser: httpx.AsyncClient) -> None:
    """The same form sent again makes nothing and leads to the table; no later page has the secret."""
    empty = await browser.get(f"{LIST}/new")
    fields = {**hidden(empty.text, LIST), "name": "nightly"}
    page = await browser.post(LIST, data=fields)
    (secret,) = set(re.findall(r"mlz_[0-9A-Za-z]{43}", page.text))
    again = await browser.post(LIST, data=fields)
    assert (again.status_code, again.headers["location"]) == (303, f"{LIST}?done=again")
    table = await browser.get(again.headers["location"])
    assert "nothing was done again" in table.text
    assert table.text.count(">nightly<") == 1
    (client_id,) = set(re.findall(r"client:dai:api:integration:[0-9a-f-]+", page.text))
    shown = await browser.get(one(client_id))
    assert secret not in table.text + shown.text
    assert {table.headers["cache-control"], shown.headers["cache-control"]} == {"no-store"}


async def test_more_options(site: Site, browser: httpx.AsyncClient) -> None:
    """Narrow rights, an expiry and addresses are kept as chosen and told in the table."""
    await make(browser, rights="run", expiry="90", addresses="192.0.2.7\n198.51.100.0/24")
    await make(browser, name="ticked", rights="chosen", scopes=["models:read", "reports:read"], expiry="date", date="2027-01-31")
    made = {client.name: client for client in await site.auth.clients.list_clients("eggplant")}
    nightly, ticked = made["nightly"], made["ticked"]
    assert nightly.scopes is not None
    assert "executions:start" in nightly.scopes
    assert "users:read" not in nightly.scopes
    assert nightly.expires_at is not None
    assert (nightly.expires_at - nightly.created_at).days == 90
    assert nightly.allowed_addresses == ("192.0.2.7/32", "198.51.100.0/24")
    assert ticked.scopes == {"models:read", "reports:read"}
    assert f"{ticked.expires_at:%Y-%m-%d %H:%M}" == "2027-01-31 00:00"
    table = (await browser.get(LIST)).text
    assert "run models" in table
    assert "models:read, reports:read" in table


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": " "}, "name has 1 to 200 characters"),
        ({"name": "x" * 201}, "name has 1 to 200 characters"),
        ({"rights": "chosen"}, "tick at least one permission"),
        ({"rights": "chosen", "scopes": "clients:manage"}, "API clients cannot manage API clients"),
        ({"rights": "everything"}, "choose rights of the list"),
        ({"expiry": "date", "date": "31.1.2027"}, "year-month-day"),
        ({"expiry": "date", "date": "2020-01-31"}, "lies in the past"),
        ({"expiry": "soon"}, "choose an expiry"),
        ({"addresses": "192.0.2.7/24"}, "write 192.0.2.0/24"),
        ({"description": "\u202e"}, "description has 1 to 2000"),
    ],
)
async def test_what_is_wrong_stands_beside_the_field(
    site: Site, browser: httpx.AsyncClient, fields: dict[str, str], says: str
) -> None:
    """422 shows the same form with what was typed and what is wrong; nothing is made, and the form can be sent again."""
    page = await make(browser, **{"description": "kept", **fields})
    assert page.status_code == 422
    assert says in unescape(page.text)
    assert len(await site.auth.clients.list_clients("eggplant")) == 1
    mended = {**hidden(page.text, LIST), "name": "mended"}
    assert (await browser.post(LIST, data=mended)).status_code == 200


async def test_a_change(site: Site, browser: httpx.AsyncClient) -> None:
    """The client's page holds its settings as they are; saving it unchanged changes nothing, the expiry to the second included."""
    await make(browser, rights="run", expiry="90", addresses="192.0.2.7", description="first")
    client = await site.named("nightly")
    page = (await browser.get(one(client.client_id))).text
    chosen = {"rights": "run", "expiry": "keep", "addresses": "192.0.2.7/32", "name": "nightly", "description": "first"}
    for text in ('value="run" checked', '<option value="keep" selected>', ">192.0.2.7/32</textarea>", 'value="first"'):
        assert text in page
    saved = await browser.post(one(client.client_id), data={**hidden(page, one(client.client_id)), **chosen})
    assert (saved.status_code, saved.headers["location"]) == (303, f"{one(client.client_id)}?done=saved")
    assert await site.named("nightly") == client
    free = {"rights": "full", "expiry": "never", "addresses": "", "name": "renamed", "description": ""}
    await browser.post(one(client.client_id), data={**hidden(page, one(client.client_id)), **free})
    after = await site.named("renamed")
    assert (after.client_id, after.scopes, after.expires_at, after.allowed_addresses) == (client.client_id, None, None, ())
    wrong = await browser.post(one(client.client_id), data={**hidden(page, one(client.client_id)), **free, "addresses": "x"})
    assert wrong.status_code == 422
    assert "is no network" in wrong.text


async def test_regenerate(site: Site, browser: httpx.AsyncClient) -> None:
    """The new secret is shown once with its file; the old one ends at once or works as long as was chosen."""
    client = site.auth.client
    page = (await browser.get(one(client.client_id))).text
    fields = hidden(page, one(client.client_id, "regenerate"))
    shown = await browser.post(one(client.client_id, "regenerate"), data={**fields, "grace_seconds": "3600"})
    assert shown.status_code == 200
    (secret,) = set(re.findall(r"mlz_[0-9A-Za-z]{43}", shown.text))
    for good in (client.client_secret, secret):
        await site.let_in(client.client_id, good)
    again = await browser.post(one(client.client_id, "regenerate"), data={**fields, "grace_seconds": "3600"})
    assert again.headers["location"] == f"{LIST}?done=again"
    page = (await browser.get(one(client.client_id))).text
    assert "the secret before works until" in page
    now = {**hidden(page, one(client.client_id, "regenerate")), "grace_seconds": "0"}
    assert (await browser.post(one(client.client_id, "regenerate"), data=now)).status_code == 200
    for bad in (client.client_secret, secret):
        with pytest.raises(OAuthError):
            await site.let_in(client.client_id, bad)
    page = (await browser.get(one(client.client_id))).text
    forever = {**hidden(page, one(client.client_id, "regenerate")), "grace_seconds": "99999"}
    assert (await browser.post(one(client.client_id, "regenerate"), data=forever)).status_code == 422


async def test_revoke_needs_the_name(site: Site, browser: httpx.AsyncClient) -> None:
    """The typed name must be the client's; then it is refused at once, stands struck in the table, and its page has no forms."""
    client, token = site.auth.client, await site.auth.token()
    page = (await browser.get(one(client.client_id))).text
    fields = hidden(page, one(client.client_id, "revoke"))
    wrong = await browser.post(one(client.client_id, "revoke"), data={**fields, "confirm": "c"})
    assert wrong.status_code == 422
    assert "type the client" in wrong.text
    await site.auth.service.verify_token(token)
    done = await browser.post(one(client.client_id, "revoke"), data={**fields, "confirm": "ci"})
    assert (done.status_code, done.headers["location"]) == (303, f"{LIST}?done=revoked")
    async with site.auth.http() as http:
        assert (await http.post(client.token_url, data=form(client))).status_code == 401
    assert "<s>ci</s>" in (await browser.get(LIST)).text
    page = (await browser.get(one(client.client_id))).text
    assert "regenerate" not in page
    assert "revoked" in page
    late = await browser.post(one(client.client_id), data={**fields, "name": "x"})
    assert late.status_code == 409


async def test_an_empty_list_says_what_to_do(site: Site, browser: httpx.AsyncClient) -> None:
    """One sentence, one button, one command."""
    await site.auth.database.write(lambda tx: tx.exec_driver_sql("DELETE FROM clients"))
    page = (await browser.get(LIST)).text
    assert "No API clients. CI needs one: Add New." in page
    assert "melanzana client create --name ci --csv ci.csv" in page


@pytest.mark.parametrize("text", HOSTILE)
async def test_no_68_hostile_text_is_text(site: Site, browser: httpx.AsyncClient, text: str) -> None:
    """As name and description it is escaped in the form, the result, table and client's page, and whole in the audit trail."""
    refused = (await make(browser, name=text, description=text, addresses="wrong")).text
    result = (await make(browser, name=text, description=text)).text
    client = await site.named(text)
    assert client.description == text
    shown = [refused, result, (await browser.get(LIST)).text, (await browser.get(one(client.client_id))).text]
    for page in shown:
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "49" not in re.findall(r"<h1>(.*?)</h1>", page)
        assert text in unescape(page)
    records = await AuditService(site.auth.database, site.auth.clock).records("eggplant")
    assert {record.entry.detail.get("name") for record in records} >= {text}


def _everything(client_id: str) -> Iterator[tuple[str, str]]:
    yield from (("GET", LIST), ("GET", f"{LIST}/new"), ("POST", LIST), ("POST", f"{LIST}/download"), ("GET", one(client_id)))
    yield from (("POST", one(client_id)), ("POST", one(client_id, "regenerate")), ("POST", one(client_id, "revoke")))


async def test_who_may_come_in(site: Site) -> None:
    """Strangers are to log in, users without the permission are refused, and so is an API client, whatever token it brings."""
    token = await site.auth.token()
    for method, path in _everything(site.auth.client.client_id):
        async with site.browser("nobody") as stranger:
            assert (await stranger.request(method, path)).status_code == 401, path
            bearer = await stranger.request(method, path, headers={"Authorization": f"Bearer {token}"})
            assert bearer.status_code == 401, path
        async with site.browser("user") as user:
            answer = await user.request(method, path, data={"csrf_token": visitor("user").csrf_token} if method == "POST" else None)
            assert answer.status_code == 403, path
    assert len(await site.auth.clients.list_clients("eggplant")) == 1


async def test_forged_forms(site: Site, browser: httpx.AsyncClient) -> None:
    """A POST without this session's token, with another's, or from another site changes nothing."""
    client_id = site.auth.client.client_id
    for method, path in _everything(client_id):
        if method == "POST":
            for fields in ({}, {"csrf_token": visitor("second").csrf_token}):
                data = {"name": "forged", "confirm": "ci", "form_id": "x", **fields}
                assert (await browser.post(path, data=data)).status_code == 403, path
            good = {"csrf_token": visitor("ada").csrf_token, "name": "forged", "confirm": "ci", "form_id": "x"}
            crossed = await browser.post(path, data=good, headers={"Sec-Fetch-Site": "cross-site"})
            assert crossed.status_code == 403, path
    (client,) = await site.auth.clients.list_clients("eggplant")
    assert (client.name, client.revoked_at, client.generation) == ("ci", None, 1)


async def test_agents_and_strangers_ids_are_not_here(site: Site, browser: httpx.AsyncClient) -> None:
    """An agent's client, one of another realm and an unknown one are not found."""
    agent = await site.auth.agent_client()
    await site.auth.realms.ensure_realm("other")
    foreign = await site.auth.clients.create_client("other", "foreign", actor=SOMEBODY)
    csrf = {"csrf_token": visitor("ada").csrf_token, "confirm": "an agent", "form_id": "x", "name": "x"}
    for client_id in (agent.client_id, foreign.client_id, "nobody", quote("../secret", safe="")):
        assert (await browser.get(one(client_id))).status_code == 404, client_id
        for verb in ("", "regenerate", "revoke"):
            assert (await browser.post(one(client_id, verb), data=csrf)).status_code in {404, 405}, client_id
    assert "foreign" not in (await browser.get(LIST)).text

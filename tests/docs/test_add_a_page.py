"""docs/how-to/add-a-page.md: its page works as it says."""

import contextlib
import importlib
import re
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from melanzana.access.permissions import Role
from melanzana.server import problems
from melanzana.server.error_pages import ErrorPages
from melanzana.users.records import NewUser
from melanzana.web.pages import NavigationItem, Pages
from support_app import RunningApp, running_app
from support_people import OPERATOR, PASSWORD

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "add-a-page.md"
FILE = re.compile(r"^```\w+ (?P<name>[\w./-]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
MACRO = re.compile(r"`(\w+)`")
MACROS = Path(__file__).parents[2] / "src" / "melanzana" / "web" / "templates" / "web" / "macros.html"


@contextlib.asynccontextmanager
async def _with_page(running: RunningApp, router: Callable[..., APIRouter]) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    item = NavigationItem(title="Notes", href="/system/notes", group="System")
    pages = Pages(("notes",), (item,))
    app.include_router(router([], running.services.gate, pages))
    problems.install(app)
    ErrorPages(pages, running.services.gate).install(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server") as http:
        yield http


@pytest.mark.anyio
async def test_the_page_of_the_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Strangers are led to the login; members see it, add a note, are told so, and are told what is wrong beside the field."""
    for found in FILE.finditer(PAGE.read_text("utf-8")):
        (tmp_path / found["name"]).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / found["name"]).write_text(found["text"], "utf-8")
    (tmp_path / "notes" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    example = importlib.import_module("notes.pages")
    async with running_app(tmp_path / "data") as running, _with_page(running, example.router) as http:
        assert (await http.get("/system/notes", headers={"Accept": "text/html"})).status_code == 303
        users = running.services.users
        person = await users.accounts.create("eggplant", NewUser(username="lee", role=Role.USER, password=PASSWORD), OPERATOR)
        session = await users.open_session(person, "", "")
        http.cookies.set("melanzana", session.token)
        assert "No notes." in (await http.get("/system/notes")).text
        assert (await http.post("/system/notes", data={"text": "x"})).status_code == 403
        form = {"csrf_token": session.csrf_token, "text": "  "}
        wrong = await http.post("/system/notes", data=form)
        assert wrong.status_code == 422
        assert "text is empty" in wrong.text
        done = await http.post("/system/notes", data={**form, "text": "<b>mind the gap</b>"})
        assert (done.status_code, done.headers["location"]) == (303, "/system/notes?done=added")
        shown = (await http.get("/system/notes?done=added")).text
        assert "The note was added." in shown
        assert "&lt;b&gt;mind the gap" in shown
    for name in ("notes.pages", "notes"):
        sys.modules.pop(name, None)


def test_the_macros_it_names_are_there() -> None:
    """Every macro of the table exists, and every macro that a page may use is in the table."""
    rows = re.findall(r"^\| (`.*?) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    named = {name for row in rows for name in MACRO.findall(row)}
    there = set(re.findall(r"{% macro (\w+)\(", MACROS.read_text("utf-8")))
    assert named == there - {"mark"}

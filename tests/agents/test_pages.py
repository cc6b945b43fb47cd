"""Agents as people see them: status, new ones, and the file that one starts with."""

import configparser
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from melanzana.access.permissions import Role
from melanzana.protocol.peer import Hello
from melanzana.users.records import NewUser
from support_agents import principal_of
from support_app import RunningApp, running_app
from support_people import OPERATOR, PASSWORD
from support_runs import REALM, Runs

pytestmark = pytest.mark.anyio


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(tmp_path) as opened:
        yield opened


async def log_in(app: RunningApp, role: Role) -> None:
    """A person of that role is in front of the server from now on."""
    users = app.services.users
    person = await users.accounts.create(REALM, NewUser(username=role.name.lower(), role=role, password=PASSWORD), OPERATOR)
    session = await users.open_session(person, "192.0.2.7", "a browser")
    app.http.cookies.set("melanzana", session.token)


async def page(app: RunningApp) -> tuple[str, dict[str, str]]:
    """The text, and the token of its forms."""
    text = (await app.http.get("/agents")).text
    return text, {"csrf_token": text.partition('name="csrf_token" value="')[2].partition('"')[0]}


async def test_an_agent_is_added_and_its_file_works(app: RunningApp) -> None:
    """The keys of the file give a token; a second file ends the first one's."""
    await log_in(app, Role.ADMIN)
    text, token = await page(app)
    assert "No agents yet" in text
    answer = await app.http.post("/agents", data={**token, "name": "lab-1"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/agents?done=added")
    text, _ = await page(app)
    assert "lab-1" in text and "Disconnected" in text
    [view] = await app.services.agents.list(REALM)
    files = []
    for _ in range(2):
        answer = await app.http.post(f"/agents/{view.agent.id}/ini", data=token)
        assert answer.headers["content-disposition"] == f'attachment; filename="agent-{view.agent.id}.ini"'
        assert answer.headers["cache-control"] == "no-store"
        file = configparser.ConfigParser(interpolation=None)
        file.read_string(answer.text)
        files.append(file[file.sections()[0]])
    form = {"grant_type": "client_credentials"}
    statuses = []
    for one in files:
        sent = form | {"client_id": one["client_id"], "client_secret": one["client_secret"]}
        statuses.append((await app.http.post(one["token_url"], data=sent)).status_code)
    assert statuses == [401, 200]


async def test_a_wrong_name_is_told_beside_its_field(app: RunningApp) -> None:
    """And one that is taken; nothing is added."""
    await log_in(app, Role.ADMIN)
    _, token = await page(app)
    await app.services.agents.create(REALM, "lab-1")
    for name, status in (("", 422), ("two words", 422), ("12", 422), ("lab-1", 409)):
        refused = await app.http.post("/agents", data={**token, "name": name})
        assert refused.status_code == status, name
        assert 'id="field-name-error"' in refused.text
    assert len(await app.services.agents.list(REALM)) == 1


async def test_what_an_agent_is_at_is_a_link(app: RunningApp) -> None:
    """And it can be deleted."""
    await log_in(app, Role.ADMIN)
    runs = await Runs.of(app.services)
    run = await runs.start(perform=True)
    await runs.claim()
    text, token = await page(app)
    assert f'href="/runs/{run.run_id}"' in text
    [view] = await app.services.agents.list(REALM)
    assert (await app.http.post(f"/agents/{view.agent.id}/delete", data=token)).status_code == 303
    assert await app.services.agents.list(REALM) == ()


async def test_users_look_and_change_nothing(app: RunningApp) -> None:
    """Adding and files are for administrators."""
    await log_in(app, Role.USER)
    view = await app.services.agents.create(REALM, "lab-1")
    text = (await app.http.get("/agents")).text
    assert "lab-1" in text and "Add an agent" not in text and "Save .ini" not in text
    for path in ("/agents", *(f"/agents/{view.agent.id}/{what}" for what in ("ini", "delete", "drain", "resume", "labels"))):
        assert (await app.http.post(path, data={"name": "x"})).status_code == 403


async def test_an_agent_is_drained_resumed_and_labelled(app: RunningApp) -> None:
    """Each is one button; the list shows it; a bad label is told and nothing is changed."""
    await log_in(app, Role.ADMIN)
    runs = await Runs.of(app.services)
    await runs.start(perform=True)
    await runs.claim()
    _, token = await page(app)
    [view] = await app.services.agents.list(REALM)
    hello = Hello(capabilities=frozenset({"python"}), instance="one")
    await app.services.agents.register(principal_of(view.agent.id, REALM), hello)
    place = f"/agents/{view.agent.id}"
    assert (await app.http.post(f"{place}/drain", data=token)).headers["location"] == "/agents?done=drained"
    text = (await app.http.get("/agents?done=drained")).text
    assert "Draining" in text and "takes no more work" in text and f'action="{place}/resume"' in text
    await app.http.post(f"{place}/resume", data=token)
    assert "Busy" in (await app.http.get("/agents")).text
    answer = await app.http.post(f"{place}/labels", data={**token, "labels": "chrome,  windows-11,"})
    assert answer.headers["location"] == "/agents?done=labelled"
    assert 'value="chrome, windows-11"' in (await app.http.get("/agents")).text
    refused = await app.http.post(f"{place}/labels", data={**token, "labels": "x" * 257})
    assert refused.status_code == 422 and "each of 1 to 256" in refused.text
    [view] = await app.services.agents.list(REALM)
    assert view.agent.labels == {"chrome", "windows-11"}

"""The list of runs as people see it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from melanzana.access.permissions import Role
from melanzana.users.records import NewUser
from support_app import RunningApp, running_app
from support_people import OPERATOR, PASSWORD
from support_reports import fails_at
from support_runs import REALM, Runs

pytestmark = pytest.mark.anyio
XSS = "<img src=x onerror=alert(1)>"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[RunningApp]:
    """The server, with a person of role user in front of it."""
    async with running_app(tmp_path) as opened:
        users = opened.services.users
        person = await users.accounts.create(REALM, NewUser(username="grace", role=Role.USER, password=PASSWORD), OPERATOR)
        session = await users.open_session(person, "192.0.2.7", "a browser")
        opened.http.cookies.set("melanzana", session.token)
        yield opened


async def text_of(app: RunningApp, path: str, status: int = 200) -> str:
    answer = await app.http.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == status, answer.text
    return answer.text


async def test_the_list_is_searched_by_words_in_its_address(app: RunningApp) -> None:
    """Status, model by name, tag; a word that is not understood is told; names are text."""
    assert "Nothing was run yet" in await text_of(app, "/runs")
    runs = await Runs.of(app.services)
    failed = await runs.run(fails_at("leave"), perform=True, tags=("nightly", XSS))
    passed = await runs.run(perform=True)
    everything = await text_of(app, "/runs")
    assert f"/runs/{failed.run_id}" in everything and f"/runs/{passed.run_id}" in everything
    assert XSS not in everything and "&lt;img" in everything
    for query, shown in (("status:failed", failed), ("model:Doors status:passed", passed), ("tag:nightly", failed)):
        text = await text_of(app, f"/runs?q={query}")
        assert f'href="/runs/{shown.run_id}"' in text
        assert text.count('<th scope="row"') == 1, query
    assert "No run answers" in await text_of(app, "/runs?q=model:Nothing")
    assert "is not understood" in await text_of(app, "/runs?q=lamp", 422)


async def test_long_lists_have_pages(app: RunningApp) -> None:
    """Fifty on a page, with links that keep the question."""
    runs = await Runs.of(app.services)
    for _ in range(51):
        await runs.start(tags=("a",))
    first = await text_of(app, "/runs?q=tag:a")
    assert "1 to 50 of 51" in first and "/runs?q=tag%3Aa&amp;offset=50" in first
    second = await text_of(app, "/runs?q=tag:a&offset=50")
    assert "51 to 51 of 51" in second and "Newer" in second and "Older" not in second

"""Models as people see them: list, upload, picture, coverage, findings, and the form that starts a run."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from melanzana.access.permissions import Role
from melanzana.graph.formats.text import read_text
from melanzana.users.records import NewUser
from support_app import RunningApp, running_app
from support_executions import MODEL_TEXT
from support_people import OPERATOR, PASSWORD
from support_reports import fails_at
from support_runs import REALM, Runs

pytestmark = pytest.mark.anyio
XSS = "<img src=x onerror=alert(1)>"
EVIL = f"""
model: '{XSS}'
start: Hall
states:
  Hall: {{actions: {{'{XSS}!': {{to: Room, when: 1 == 1}}}}}}
  Room: {{actions: {{leave: exit}}}}
  '{XSS}': {{}}
"""


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


def token_in(text: str) -> str:
    return text.partition('name="csrf_token" value="')[2].partition('"')[0]


async def test_a_model_is_uploaded_shown_and_saved_again(app: RunningApp) -> None:
    """The file comes back as it was; a broken one is refused with its findings, and nothing is kept."""
    first = await text_of(app, "/models")
    assert "No models yet" in first
    token = {"csrf_token": token_in(first)}
    broken = MODEL_TEXT.replace("to: Room", "to: Nowhere")
    for content, word in ((broken, "Nowhere"), ("", "choose a file"), ("[", "not YAML")):
        refused = await app.http.post("/models", data=token, files={"file": ("doors.yaml", content)})
        assert refused.status_code == 422, refused.text
        assert word in refused.text
    assert "No models yet" in await text_of(app, "/models")
    answer = await app.http.post("/models", data=token, files={"file": ("doors.yaml", MODEL_TEXT)})
    assert answer.status_code == 303
    page = await text_of(app, answer.headers["location"])
    assert "The model is kept" in page and "<svg" in page and "through" in page
    assert (await app.http.get(answer.headers["location"].partition("?")[0] + "/file")).text == MODEL_TEXT
    again = await app.http.post("/models", data=token, files={"file": ("doors.yaml", MODEL_TEXT)})
    assert again.headers["location"].endswith("done=kept")
    assert "Doors" in await text_of(app, "/models")
    assert (await app.http.post("/models", files={"file": ("doors.yaml", MODEL_TEXT)})).status_code == 403


async def test_names_are_text_and_findings_are_shown(app: RunningApp) -> None:
    """Also in the picture."""
    version = await app.services.catalog.add_model(REALM, None, None, read_text(EVIL))
    page = await text_of(app, f"/models/{version.model_id}")
    assert XSS not in page and "&lt;img" in page
    assert "state-unreachable" in page
    assert XSS not in await text_of(app, "/models")


async def test_what_runs_have_covered_is_in_the_picture(app: RunningApp) -> None:
    """Counts beside elements, filled where it was, and the newest runs as dots that are links."""
    runs = await Runs.of(app.services)
    before = await text_of(app, f"/models/{runs.model_id}")
    assert "Covered by all runs" not in before and 'class="state normal hit"' not in before
    run = await runs.run(perform=True, path="predefined(open)")
    page = await text_of(app, f"/models/{runs.model_id}")
    assert 'class="state normal hit"' in page and 'class="arrow taken"' in page
    assert f'href="/runs/{run.run_id}"' in page
    assert f'href="/runs/{run.run_id}"' in await text_of(app, "/models")


async def test_a_run_is_started_by_the_form(app: RunningApp) -> None:
    """With path, seed, tags and dry run; what is wrong stands beside its field, and what was written stays."""
    runs = await Runs.of(app.services)
    page = await text_of(app, f"/models/{runs.model_id}")
    token, where = {"csrf_token": token_in(page)}, f"/models/{runs.model_id}/runs"
    answer = await app.http.post(where, data={**token, "path": "random(steps(3))", "seed": "5", "tags": "a, b", "dry": "on"})
    assert answer.status_code == 303, answer.text
    started = await app.services.executions.get(REALM, int(answer.headers["location"].split("/")[2].partition("?")[0]))
    assert (started.path, started.seed, started.tags, started.perform) == ("random(steps(3))", 5, ("a", "b"), False)
    [case] = await app.services.catalog.list_test_cases(REALM, runs.model_id)
    directed = await app.http.post(where, data={**token, "test_case": case.uuid})
    assert directed.status_code == 303, directed.text
    for form, field, message in (
        ({"path": "random(stebs(3))"}, "path", "stebs"),
        ({"path": "random(reached(Nowhere))"}, "path", "Nowhere"),
        ({"seed": "x"}, "seed", "a seed is a whole number"),
        ({"path": "tour()", "test_case": case.uuid}, "path", "not both"),
    ):
        refused = await app.http.post(where, data={**token, **form})
        assert refused.status_code == 422, refused.text
        assert message in refused.text.partition(f'id="field-{field}-error"')[2].partition("</p>")[0]
    assert 'value="random(stebs(3))"' in (await app.http.post(where, data={**token, "path": "random(stebs(3))"})).text


async def test_a_model_that_is_not_there(app: RunningApp) -> None:
    """Not found, or no id at all."""
    await text_of(app, "/models/99", 404)
    await text_of(app, "/models/99/file", 404)
    await text_of(app, "/models/x", 422)


async def test_a_large_model_has_its_outline_alone(app: RunningApp) -> None:
    """And says so."""
    states = "".join(f"  S{number}: {{actions: {{a{number}: S{(number + 1) % 400}}}}}\n" for number in range(400))
    version = await app.services.catalog.add_model(REALM, None, None, read_text(f"model: Ring\nstart: S0\nstates:\n{states}"))
    page = await text_of(app, f"/models/{version.model_id}")
    assert "too large for a picture" in page and "S99" in page


async def test_failures_and_test_cases_stand_on_the_page(app: RunningApp) -> None:
    """What went wrong together, and how test cases fare."""
    runs = await Runs.of(app.services)
    for _ in range(2):
        failed = await runs.run(fails_at("leave", f"expected {XSS}"), perform=True, test_case="through")
    page = await text_of(app, f"/models/{runs.model_id}")
    table = page.partition('id="failures"')[2].partition("</section>")[0]
    assert f'href="/runs/{failed.run_id}"' in table and '<td class="number">2</td>' in table
    assert XSS not in page
    cases = page.partition('id="cases"')[2].partition("</section>")[0]
    assert cases.count('class="dot"') == 2
    assert "Test case" in await text_of(app, f"/runs/{failed.run_id}")

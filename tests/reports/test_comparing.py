"""Two runs side by side: where they part, and what differs besides."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.access.permissions import Role
from melanzana.protocol.events import StepFinished
from melanzana.reports.comparing import first_divergence
from melanzana.users.records import NewUser
from support_app import RunningApp, running_app
from support_people import OPERATOR, PASSWORD
from support_reports import fails_at
from support_runs import REALM, Runs

pytestmark = pytest.mark.anyio


async def _walk(elements: list[str], bad: int = -1) -> AsyncIterator[StepFinished]:
    for number, element in enumerate(elements, 1):
        verdict = "failed" if number == bad else "passed"
        yield StepFinished(
            number=number, iteration=1, kind="action", element_id=element, name=element, verdict=verdict, at_seconds=0.0
        )


@given(shared=st.lists(st.sampled_from("abc")), one=st.lists(st.sampled_from("abc")), other=st.lists(st.sampled_from("abc")))
async def test_walks_part_where_their_elements_do(shared: list[str], one: list[str], other: list[str]) -> None:
    """As far as a plain comparison of the two lists finds; walks that are the same part nowhere."""
    mine, theirs = [*shared, *one], [*shared, *other]
    found = await first_divergence(_walk(mine), _walk(theirs))
    if mine == theirs:
        assert found is None
        return
    expected = next((n for n, (a, b) in enumerate(zip(mine, theirs, strict=False)) if a != b), min(len(mine), len(theirs)))
    assert found is not None
    assert (found.number, found.kind) == (expected + 1, "path")
    ends = [step and step.element_id for step in (found.one, found.other)]
    assert ends == [mine[expected] if expected < len(mine) else None, theirs[expected] if expected < len(theirs) else None]


async def test_another_verdict_of_the_same_step_is_a_parting_too() -> None:
    """What a flaky system does: the same way, another end."""
    found = await first_divergence(_walk(["a", "b"]), _walk(["a", "b"], bad=2))
    assert found is not None and (found.number, found.kind) == (2, "verdict")


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(tmp_path) as opened:
        await opened.sign_in()
        users = opened.services.users
        person = await users.accounts.create(REALM, NewUser(username="grace", role=Role.USER, password=PASSWORD), OPERATOR)
        session = await users.open_session(person, "192.0.2.7", "a browser")
        opened.http.cookies.set("melanzana", session.token)
        yield opened


async def test_two_runs_are_compared_over_rest_and_on_a_page(app: RunningApp) -> None:
    """Where they part, what of plan and end differs, times, and what only one of them covered; with itself, nothing."""
    runs = await Runs.of(app.services)
    passed = await runs.run(perform=True, path="predefined(open, leave)", seed=1, parameters={"tries": 1})
    failed = await runs.run(fails_at("open"), perform=True, path="predefined(open, leave)", seed=2, parameters={"tries": 2})
    found = (await app.http.get(f"/ai/runs/{passed.run_id}/compare/{failed.id}")).json()
    parting = found["divergence"]
    assert (parting["number"], parting["kind"]) == (2, "verdict")
    assert (parting["run"]["verdict"], parting["other"]["message"]) == ("passed", "expected an open door")
    differences = {each["name"]: (each["run"], each["other"]) for each in found["differences"]}
    assert differences["seed"] == (1, 2) and differences["parameter tries"] == (1, 2)
    assert differences["state"] == ("passed", "failed") and "model" not in differences
    assert "action leave" in found["only_run"] and found["only_other"] == []
    assert {each["name"] for each in found["times"]} >= {"Hall", "open", "leave"}
    page = await app.http.get(f"/runs/{passed.run_id}/compare/{failed.run_id}", headers={"Accept": "text/html"})
    assert "step 2 came out otherwise" in page.text and f"/runs/{failed.run_id}/steps/2" in page.text
    chosen = await app.http.get(f"/runs/{passed.run_id}/compare?with={failed.run_id}")
    assert chosen.headers["location"] == f"/runs/{passed.run_id}/compare/{failed.run_id}"
    same = (await app.http.get(f"/ai/runs/{passed.run_id}/compare/{passed.run_id}")).json()
    assert (same["divergence"], same["differences"], same["only_run"], same["only_other"]) == (None, [], [], [])
    assert (await app.http.get(f"/ai/runs/{passed.run_id}/compare/99")).status_code == 404

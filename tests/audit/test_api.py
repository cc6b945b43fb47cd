"""The trail over REST: the own realm's, page by page, and nothing that changes it."""

from pathlib import Path

import pytest

from melanzana.access.records import Actor
from melanzana.audit.records import Action, AuditEntry
from support_app import RunningApp, running_app

pytestmark = pytest.mark.anyio
RECORDS, VERIFICATION = "/audit_service/api/v1/records", "/audit_service/api/v1/verification"
ADA = Actor(kind="user", id="u-1", name="Ada", address="192.0.2.1")


async def _fill(app: RunningApp, realm: str, count: int) -> None:
    for number in range(count):
        await app.services.audit.note(AuditEntry(realm=realm, action=Action.GROUP_CHANGE, actor=ADA, subject=f"{realm} {number}"))


async def test_pages_of_records(tmp_path: Path) -> None:
    """The cursor walks to the end without a gap; filters hold on every page."""
    async with running_app(tmp_path) as app:
        await app.sign_in()
        await _fill(app, "eggplant", 5)
        first = (await app.http.get(RECORDS, params={"action": "group", "limit": 2})).json()
        seen = list(first["records"])
        cursor = first["next"]
        while cursor:
            page = (await app.http.get(RECORDS, params={"action": "group", "limit": 2, "before": cursor})).json()
            seen, cursor = [*seen, *page["records"]], page["next"]
        assert [record["subject"] for record in seen] == [f"eggplant {number}" for number in (4, 3, 2, 1, 0)]
        assert seen[0]["actor"] == {"kind": "user", "id": "u-1", "name": "Ada"}
        assert seen[0]["address"] == "192.0.2.1"


async def test_other_realms_are_not_seen(tmp_path: Path) -> None:
    """Neither records nor their number come from another realm."""
    async with running_app(tmp_path) as app:
        await app.sign_in()
        await _fill(app, "elsewhere", 3)
        found = (await app.http.get(RECORDS, params={"text": "elsewhere"})).json()
        assert found == {"records": [], "next": None}
        own = (await app.http.get(VERIFICATION)).json()
        assert own["records"] == len((await app.http.get(RECORDS)).json()["records"])


async def test_verification(tmp_path: Path) -> None:
    """A whole trail is told with its end; held against that end it stays whole, and against another one it is broken there."""
    async with running_app(tmp_path) as app:
        await app.sign_in()
        await _fill(app, "eggplant", 2)
        found = (await app.http.get(VERIFICATION)).json()
        assert (found["ok"], found["first_broken"]) == (True, None)
        kept = {"number": found["records"], "hash": found["head_hash"]}
        assert (await app.http.get(VERIFICATION, params=kept)).json()["ok"] is True
        other = (await app.http.get(VERIFICATION, params=kept | {"hash": "0" * 64})).json()
        assert (other["ok"], other["first_broken"]) == (False, found["records"])


@pytest.mark.parametrize(
    "query",
    [{"limit": 0}, {"limit": 1_001}, {"before": 0}, {"since": "yesterday"}, {"since": "2026-03-01T12:00"}, {"nothing": "x"}],
)
async def test_wrong_questions(query: dict[str, str], tmp_path: Path) -> None:
    """A parameter that is wrong or unknown is 422."""
    async with running_app(tmp_path) as app:
        await app.sign_in()
        assert (await app.http.get(RECORDS, params=query)).status_code == 422
        assert (await app.http.get(VERIFICATION, params={"number": 1})).status_code == 422


async def test_no_74_an_api_client_cannot_change_the_trail(tmp_path: Path) -> None:
    """No method but GET is known, whatever the client may do otherwise."""
    async with running_app(tmp_path) as app:
        await app.sign_in()
        await _fill(app, "eggplant", 1)
        before = (await app.http.get(RECORDS)).json()
        for path in (RECORDS, f"{RECORDS}/1", VERIFICATION):
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                assert (await app.http.request(method, path, json={})).status_code in {404, 405}
        after = (await app.http.get(RECORDS)).json()
        assert after["records"][-len(before["records"]) :] == before["records"]

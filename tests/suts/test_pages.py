"""System > Systems Under Test, as people see it."""

from pathlib import Path

import pytest

from melanzana.access.permissions import Role
from melanzana.suts.records import SutDraft
from melanzana.users.records import NewUser
from support_app import SOMEBODY, running_app
from support_people import OPERATOR, PASSWORD

PAGE = "/system/suts"
XSS = "<img src=x onerror=alert(1)>"


@pytest.mark.anyio
async def test_the_list_shows_status_and_no_secret(tmp_path: Path) -> None:
    """Whoever is logged in sees what there is, by status; names are text, and a password is nowhere; strangers see the login."""
    async with running_app(tmp_path) as app:
        assert (await app.http.get(PAGE, headers={"Accept": "text/html"})).status_code in {303, 401}
        users, suts = app.services.users, app.services.suts
        new = NewUser(username="grace", role=Role.USER, password=PASSWORD)
        person = await users.accounts.create("eggplant", new, OPERATOR)
        session = await users.open_session(person, "192.0.2.7", "a browser")
        app.http.cookies.set("melanzana", session.token)
        assert "No systems under test" in (await app.http.get(PAGE)).text
        vnc = {"connection_type": "VNC", "host": "till-1", "password": "canary-8812"}
        await suts.create("eggplant", SutDraft(name=XSS, criteria=("till",), connections=(vnc, vnc)), actor=SOMEBODY)
        await suts.create("eggplant", SutDraft(name="broken-one", enabled=False), actor=SOMEBODY)
        text = (await app.http.get(PAGE)).text
        assert "Unlocked (Available)" in text and "broken-one" in text and "<td>VNC</td>" in text
        assert XSS not in text and "&lt;img" in text and "canary" not in text
        disabled = (await app.http.get(PAGE, params={"show": "Disabled"})).text
        assert "broken-one" in disabled and "&lt;img" not in disabled
        assert "None has this status" in (await app.http.get(PAGE, params={"show": "Locked"})).text

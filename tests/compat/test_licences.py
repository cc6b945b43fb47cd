"""What scripts ask of licences."""

from pathlib import Path

import pytest

from support_app import running_app


@pytest.mark.anyio
async def test_nothing_needs_a_licence_and_every_call_says_so(tmp_path: Path) -> None:
    """The list is empty, installing and removing succeed without a trace, and usage is unlimited."""
    async with running_app(tmp_path / "data") as app:
        await app.sign_in()
        assert (await app.http.get("/ai/licenses")).json() == []
        added = await app.http.post("/ai/licenses", json={"license": "AAAA", "serialNumber": "S-1"})
        assert (added.status_code, added.json()["kept"], added.json()["needed"]) == (200, False, False)
        assert (await app.http.get("/ai/licenses/S-1")).json()["serialNumber"] == "S-1"
        assert (await app.http.delete("/ai/licenses/S-1")).status_code == 204
        assert (await app.http.get("/ai/licenses")).json() == []
        assert (await app.http.get("/ai/usage")).json() == {"licensed": False, "unlimited": True, "licenses": []}
        wrong = await app.http.post("/ai/licenses", json={"license": "AAAA"})
        assert (wrong.status_code, wrong.json()["detail"][0]["loc"]) == (422, ["body", "serialNumber"])

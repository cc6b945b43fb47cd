"""Notification profiles and the mail server over HTTP."""

from pathlib import Path

import pytest

from support_app import running_app

PROFILES = "/notification_service/api/v1/profiles"
HOOK = {"name": "chat", "type": "webhook", "url": "https://hooks.example.org/ci", "headers": {"X-Token": "canary-8"}}


@pytest.mark.anyio
async def test_a_profile_and_a_mail_server_are_set_and_show_no_secret(tmp_path: Path) -> None:
    """The secret is in the first answer alone; passwords and values of headers are in none."""
    async with running_app(tmp_path / "data") as app:
        await app.sign_in()
        made = await app.http.post(PROFILES, json=HOOK)
        assert (made.status_code, made.json()["secret"].startswith("whsec_"), made.headers["cache-control"]) == (
            201,
            True,
            "no-store",
        )
        place = made.headers["Location"]
        seen = (await app.http.get(place)).json()
        assert ("secret" in seen, seen["headers"]) == (False, ["X-Token"])
        assert "canary-8" not in (await app.http.get(PROFILES)).text
        changed = await app.http.put(place, json={**HOOK, "headers": {"X-Token": ""}, "always": True})
        assert (changed.status_code, changed.json()["always"]) == (200, True)
        assert (await app.http.post(PROFILES, json=HOOK)).status_code == 409
        wrong = await app.http.post(PROFILES, json={**HOOK, "name": "x", "url": "file:///etc/passwd"})
        assert (wrong.status_code, wrong.json()["detail"][0]["loc"]) == (422, ["body", "url"])
        assert (await app.http.get("/notification_service/api/v1/deliveries")).json() == {"items": [], "total_count": 0}
        assert (await app.http.get("/ai/smtp")).json()["configured"] is False
        mail = {"host": "mail.example.org", "username": "m", "password": "canary-9", "sender": "m@example.org"}
        kept = await app.http.put("/ai/smtp", json=mail)
        assert (kept.status_code, kept.json()["has_password"], "canary-9" in kept.text) == (200, True, False)
        assert (await app.http.get("/ai/smtp")).json() == kept.json()
        assert (await app.http.put("/ai/smtp", json={**mail, "sender": "nobody"})).status_code == 422
        assert (await app.http.delete(place)).status_code == 204
        trail = await app.services.audit.records("eggplant")
        actions = {record.entry.action for record in trail}
        assert {"notification.create", "notification.change", "notification.delete", "mail_server.change"} <= actions
        assert not any("canary" in str(record.entry) for record in trail)

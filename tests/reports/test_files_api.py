"""What runs have attached, and runs as files, over HTTP."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from melanzana.protocol.events import AttachmentStored
from support_app import RunningApp, running_app
from support_reports import fails_at
from support_runs import DOT, Runs

pytestmark = pytest.mark.anyio


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(tmp_path) as opened:
        await opened.sign_in()
        yield opened


async def test_attached_files_are_listed_and_read(app: RunningApp) -> None:
    """In their order, with step and hash; the content comes back byte by byte."""
    runs = await Runs.of(app.services)
    files = [runs.keep("before.png", DOT, "image/png", 2), runs.keep("answer.json", b"{}", "application/json")]
    run = await runs.run(files=files, perform=True)
    listed = (await app.http.get(f"/ai/runs/{run.run_id}/attachments")).json()
    assert [(one["name"], one["media_type"], one["size"], one["step_id"]) for one in listed] == [
        ("before.png", "image/png", len(DOT), 2),
        ("answer.json", "application/json", 2, None),
    ]
    assert [one["image_id"] for one in listed] == [files[0].sha256, None]
    for one, content in zip(listed, (DOT, b"{}"), strict=True):
        answer = await app.http.get(f"/ai/runs/{run.id}/attachments/{one['id']}")
        assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, content, one["media_type"])
    assert (await app.http.get(f"/ai/runs/{run.run_id}/attachments/1")).status_code == 404
    assert (await app.http.get(f"/ai/runs/{run.run_id}/attachments/x")).status_code == 422
    assert (await app.http.get("/ai/runs/99/attachments")).status_code == 404


@pytest.mark.parametrize(
    ("media_type", "shown", "answered"),
    [
        ("image/png", "inline", "image/png"),
        ("text/plain", "inline", "text/plain; charset=utf-8"),
        ("text/html", "attachment", "text/html; charset=utf-8"),
        ("image/svg+xml", "attachment", "image/svg+xml"),
        ("a/b\r\nX-Evil: 1", "attachment", "application/octet-stream"),
        ("", "attachment", "application/octet-stream"),
    ],
)
async def test_untrusted_files_are_never_run(app: RunningApp, media_type: str, shown: str, answered: str) -> None:
    """Only pictures and plain text open in the browser; nothing in them may run, and names cannot break the header."""
    runs = await Runs.of(app.services)
    run = await runs.run(files=[runs.keep('a"; x=\r\n\u00e9.html', b"<script>1</script>", media_type)], perform=True)
    [one] = (await app.http.get(f"/ai/runs/{run.run_id}/attachments")).json()
    given = (await app.http.get(f"/ai/runs/{run.run_id}/attachments/{one['id']}")).headers
    assert given["content-disposition"] == f"{shown}; filename*=UTF-8''a%22%3B%20x%3D%0D%0A%C3%A9.html"
    assert given["content-type"] == answered
    assert "sandbox" in given["content-security-policy"] and given["x-content-type-options"] == "nosniff"
    assert "x-evil" not in given


async def test_a_content_that_is_gone_is_404(app: RunningApp) -> None:
    """The list still names it."""
    runs = await Runs.of(app.services)
    lost = AttachmentStored(name="lost.png", media_type="image/png", sha256="0" * 64, size=9)
    run = await runs.run(files=[lost], perform=True)
    [one] = (await app.http.get(f"/ai/runs/{run.run_id}/attachments")).json()
    assert (await app.http.get(f"/ai/runs/{run.run_id}/attachments/{one['id']}")).status_code == 404


async def test_a_run_is_had_as_files(app: RunningApp) -> None:
    """JUnit XML, CTRF, HTML, JSON and CSV, each with a name to save it under; a run under way has none yet."""
    runs = await Runs.of(app.services)
    run = await runs.run(fails_at("leave"), perform=True)
    answers = {}
    for form, suffix in (("junit", "xml"), ("ctrf", "json"), ("html", "html"), ("json", "json"), ("csv", "csv")):
        answers[form] = answer = await app.http.get(f"/ai/runs/{run.run_id}/report", params={"format": form})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-disposition"] == f'attachment; filename="run-{run.run_id}.{suffix}"'
    assert ElementTree.fromstring(answers["junit"].content).get("failures") == "1"
    assert json.loads(answers["ctrf"].content)["results"]["summary"]["failed"] == 1
    assert "expected an open door" in answers["html"].text
    under_way = await runs.start(perform=True)
    refused = await app.http.get(f"/ai/runs/{under_way.run_id}/report")
    assert (refused.status_code, refused.json()["field"]) == (422, "run")
    assert "has not ended" in refused.text
    assert (await app.http.get(f"/ai/runs/{run.run_id}/report?format=pdf")).status_code == 422

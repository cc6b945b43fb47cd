"""Attachments in a bucket that servers share: kept by one, shown by the other, told plainly when it is silent."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from melanzana.errors import SettingsError
from melanzana.protocol.events import AttachmentStored
from melanzana.protocol.peer import Hello, Lease
from melanzana.realms.master_key import MasterKey
from melanzana.server.services import Services, open_blobs
from melanzana.server.settings import ServerSettings
from support_agents import principal_of
from support_app import running_app
from support_reports import walked
from support_runs import Runs
from support_s3 import BUCKET, S3, s3_server
from support_storage import rows

pytestmark = pytest.mark.anyio
CONTENT = b"what was seen" * 50_000


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    with s3_server() as held:
        for name, value in held.environment().items():
            monkeypatch.setenv(name, value)
        yield held


async def _attach(services: Services, agent_id: int, lease: Lease, session: int) -> str:
    principal = principal_of(agent_id)
    with services.agents.draft() as draft:
        draft.write(CONTENT)
        return await services.agents.store(principal, session, lease.execution_id, lease.attempt, draft)


async def _run_with_file(services: Services) -> int:
    """A run that has ended, with one file, kept by an agent of this server."""
    runs = await Runs.of(services)
    await runs.start()
    agent_id = (await services.agents.list("eggplant"))[0].agent.id
    hello = Hello(capabilities=frozenset({"dry", "python"}))
    session = (await services.agents.register(principal_of(agent_id), hello)).session
    lease = await runs.claim()
    digest = await _attach(services, agent_id, lease, session)
    file = AttachmentStored(name="a.txt", media_type="text/plain", sha256=digest, size=len(CONTENT), step=1)
    events = walked(lease.snapshot)
    await runs.tell(lease, (*events[:-1], file, events[-1]))
    return lease.run_id


async def test_two_servers_share_a_bucket(tmp_path: Path, postgresql: str, s3: S3) -> None:
    """What an agent gave to one server another shows, byte by byte; while the bucket is silent it says 503 and when to come."""
    shared: dict[str, Any] = {"database": postgresql, "attachments": f"s3://{BUCKET}/melanzana"}
    MasterKey.load(tmp_path / "one" / "secrets")
    (tmp_path / "two").symlink_to(tmp_path / "one", target_is_directory=True)
    async with running_app(tmp_path / "one", **shared) as one, running_app(tmp_path / "two", **shared) as two:
        run_id = await _run_with_file(one.services)
        assert not (tmp_path / "one" / "blobs").exists()
        await two.sign_in()
        [file] = (await two.http.get(f"/ai/runs/{run_id}/attachments")).json()
        path = f"/ai/runs/{run_id}/attachments/{file['id']}"
        answer = await two.http.get(path)
        assert (answer.content, answer.headers["content-length"]) == (CONTENT, str(len(CONTENT)))
        s3.answering = False
        refused = await two.http.get(path)
        assert (refused.status_code, refused.headers["retry-after"], refused.json()["code"]) == (503, "5", "unavailable")
        s3.answering = True
        assert (await two.http.get(path)).status_code == 200
        kept = await two.services.database.read(rows("SELECT count(*) FROM execution_attachments"))
        assert kept == [1]


def test_what_is_said_at_the_start(tmp_path: Path, s3: S3, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing bucket stops the start and is named; a silent one is a warning, and neither tells the keys."""
    with pytest.raises(SettingsError, match="s3://missing: there is no such bucket"):
        open_blobs(ServerSettings(data=tmp_path, attachments="s3://missing"))
    s3.answering = False
    open_blobs(ServerSettings(data=tmp_path, attachments=f"s3://{BUCKET}"))
    said = "".join(capsys.readouterr())
    assert "attachments cannot be kept until their store answers" in said
    assert s3.environment()["AWS_SECRET_ACCESS_KEY"] not in said

"""What is over the rules goes, in steps that anybody can take up; what a run came to stays, and so does what another run keeps."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from melanzana.access.permissions import Role
from melanzana.errors import UnavailableError
from melanzana.executions import attached, expiry, retention
from melanzana.executions.records import Attached, ClaimingAgent, Execution
from melanzana.executions.retention import KeepRule, Retention, Rules, Watch
from melanzana.server.services import open_blobs
from melanzana.users.records import NewUser
from support_app import RunningApp, running_app
from support_people import OPERATOR, PASSWORD
from support_reports import Judge, fails_at, passes, walked
from support_runs import REALM, Runs
from support_storage import rows
from support_suites import zipped

pytestmark = pytest.mark.anyio
#: Days that are over at once.
NOW = 1e-9


@pytest.fixture(params=["sqlite", "postgresql"])
async def app(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[RunningApp]:
    """The whole server, over each engine."""
    database = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    async with running_app(tmp_path, database=database) as opened:
        await opened.sign_in()
        yield opened


def _retention(app: RunningApp, contents: Any = None, **rule: Any) -> Retention:
    services = app.services
    watch = Watch(services.database, services.clock, Rules(KeepRule(**rule)))
    return Retention(
        services.database,
        services.clock,
        watch,
        executions=services.executions,
        contents=contents or open_blobs(services.settings),
        summary=services.reports.summary,
    )


async def _run(runs: Runs, content: bytes = b"seen", judge: Judge = passes) -> Execution:
    """A run that has ended and keeps one file."""
    execution = await runs.start(perform=True)
    lease = await runs.claim()
    (agent,) = await runs.services.agents.list(REALM)
    holder = ClaimingAgent(agent_id=agent.agent.id, session=1, realm=REALM)
    file = runs.keep("seen.txt", content, "text/plain", 1)
    await runs.services.executions.keep(holder, lease.execution_id, lease.attempt, Attached(file.sha256, file.size))
    events = walked(lease.snapshot, judge)
    await runs.tell(lease, (*events[:-1], file, events[-1]))
    return await runs.services.executions.get(REALM, execution.run_id)


def _files(app: RunningApp) -> int:
    return sum(len(path.name) == 64 for path in (app.services.settings.data / "blobs").rglob("*"))


async def _told(app: RunningApp, run_id: int, model_id: int) -> list[Any]:
    """All that is said of a run and does not need its steps."""
    coverage = f"/ai/models/{model_id}/coverage"
    paths = (f"/ai/runs/{run_id}", f"/ai/runs/{run_id}/timings", coverage, f"{coverage}?run_id={run_id}")
    answers = [(await app.http.get(path)).raise_for_status().json() for path in paths]
    answers[0] = {name: value for name, value in answers[0].items() if not name.endswith("_removed_at")}
    return answers


async def test_a_log_goes_and_what_the_run_came_to_stays(app: RunningApp) -> None:
    """Figures, coverage, timings and the failing step are as before; the log says what went; steps and files answer 410."""
    runs = await Runs.of(app.services)
    run = await _run(runs, judge=fails_at("leave"))
    path = f"/ai/runs/{run.run_id}"
    before = await _told(app, run.run_id, runs.model_id)
    assert before[0]["failing_step"] is not None
    [file] = (await app.http.get(f"{path}/attachments")).json()
    removing = _retention(app, logs_days=NOW)
    assert await removing.sweep([REALM]) == 2  # the log, and the content that nobody keeps now
    assert await removing.sweep([REALM]) == 0
    app.services.reports._folds.__init__(8)  # type: ignore[misc] # as after a restart: nothing is remembered
    assert await _told(app, run.run_id, runs.model_id) == before
    assert (await app.http.get(path)).json()["log_removed_at"] is not None
    for gone in (f"{path}/recording", f"{path}/report", f"{path}/attachments/{file['id']}"):
        answer = await app.http.get(gone)
        assert (answer.status_code, answer.json()["code"]) == (410, "gone"), gone
    assert (await app.http.get(f"{path}/attachments")).json() == []
    assert _files(app) == 0
    log = (await app.http.get(f"/ai/runlogs/{run.run_id}")).json()["items"]
    assert any("Log removed" in line["message"] for line in log)
    assert not any(line["message_type"] == "step" for line in log)
    assert app.services.retention.removed.total() == 0, "the server itself has no rules"


async def test_runs_go_by_age_and_by_count(app: RunningApp) -> None:
    """The newest of each model stay, and so does everything that has not ended, however old it is."""
    runs = await Runs.of(app.services)
    first, second, third = [await _run(runs) for _ in range(3)]
    waiting = await runs.start()
    assert await _retention(app, runs_count=3).sweep([REALM]) == 1
    left = [run.run_id for run in (await app.services.executions.list(REALM)).items]
    assert left == [waiting.run_id, third.run_id, second.run_id]
    await runs.start()
    held = await runs.claim()
    removing = _retention(app, runs_days=NOW)
    await removing.sweep([REALM])
    left = [run.run_id for run in (await app.services.executions.list(REALM)).items]
    assert held.run_id in left
    assert len(left) == 2
    assert removing.removed[REALM, "runs"] == 2
    assert (await app.http.get(f"/ai/runs/{first.run_id}")).status_code == 404


async def test_a_content_stays_while_a_run_keeps_it(app: RunningApp) -> None:
    """Two runs keep the same content: it goes with the second, and its row with it."""
    runs = await Runs.of(app.services)
    await _run(runs, b"same")
    await _run(runs, b"same")
    assert _files(app) == 1
    await _retention(app, runs_count=1).sweep([REALM])
    assert _files(app) == 1
    await _retention(app, runs_days=NOW).sweep([REALM])
    assert _files(app) == 0
    assert await app.services.database.read(rows("SELECT count(*) FROM attachments")) == [0]


async def test_a_stored_suite_stays_until_it_is_deleted(app: RunningApp) -> None:
    """No sweep takes the content of a suite, though a run kept the same and went; once the suite is deleted, the next one does."""
    content = zipped()
    answer = await app.http.post("/suite_service/api/v1/suites", content=content, params={"name": "shop"})
    assert answer.status_code == 201, answer.text
    await _run(await Runs.of(app.services), content)
    await _retention(app, runs_days=NOW).sweep([REALM])
    assert _files(app) == 1
    assert (await app.http.delete(f"/suite_service/api/v1/suites/{answer.json()['id']}")).status_code == 204
    await _retention(app).sweep([REALM])
    assert _files(app) == 0


async def test_attachments_go_before_the_log(app: RunningApp) -> None:
    """With a shorter time of their own attachments answer 410 while the log is whole, and the page says so."""
    runs = await Runs.of(app.services)
    run = await _run(runs)
    [file] = (await app.http.get(f"/ai/runs/{run.run_id}/attachments")).json()
    removing = _retention(app, attachments_days=NOW)
    await removing.sweep([REALM])
    assert removing.removed == {(REALM, "attachments"): 1}
    assert (await app.http.get(f"/ai/runs/{run.run_id}/attachments/{file['id']}")).status_code == 410
    assert (await app.http.get(f"/ai/runs/{run.run_id}/recording")).status_code == 200
    told = (await app.http.get(f"/ai/runs/{run.run_id}")).json()
    assert told["attachments_removed_at"] is not None
    assert told["log_removed_at"] is None


async def test_a_content_that_is_being_removed_is_not_referred_to(app: RunningApp) -> None:
    """While its place does not answer a content stays marked, who sends it again is told to wait, and a later sweep removes it."""

    class Silent:
        def delete(self, digest: str) -> None:
            raise UnavailableError("no answer")

    runs = await Runs.of(app.services)
    await _run(runs)
    with pytest.raises(UnavailableError):
        await _retention(app, Silent(), runs_days=NOW).sweep([REALM])
    with pytest.raises(UnavailableError, match="being removed"):
        await _run(runs)
    assert await _retention(app).sweep([REALM]) == 0, "somebody has just begun"
    later = app.services.clock.now() + retention._AGAIN * 2
    await app.services.database.write(lambda tx: attached.mark_unused(tx, later, later, 10))
    await app.services.database.write(rows("UPDATE attachments SET removing_at = 0 RETURNING sha256"))
    assert await _retention(app).sweep([REALM]) == 1
    assert _files(app) == 0


async def test_a_removal_that_was_cut_off_is_taken_up(app: RunningApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that dies with half of a log removed leaves figures that are right, and the next sweep ends it."""
    runs = await Runs.of(app.services)
    run = await _run(runs)
    before = await _told(app, run.run_id, runs.model_id)
    monkeypatch.setattr(retention, "LINES", 2)
    summary = await app.services.reports.summary(REALM, run.run_id)
    now = app.services.clock.now()
    await app.services.database.write(lambda tx: expiry.announce(tx, run.run_id, expiry.LOG_REMOVED, summary, now))
    await app.services.database.write(lambda tx: expiry.remove_lines(tx, run.run_id, 2))
    assert await _told(app, run.run_id, runs.model_id) == before
    await _retention(app, logs_days=NOW).sweep([REALM])
    assert await _told(app, run.run_id, runs.model_id) == before
    markers = await app.services.database.read(rows("SELECT count(*) FROM execution_events WHERE type = 'LogRemoved'"))
    assert markers == [1]


async def test_two_servers_may_sweep_at_once(app: RunningApp) -> None:
    """Nothing fails, and each run is removed by one of them."""
    runs = await Runs.of(app.services)
    for number in range(6):
        await _run(runs, bytes([number]))
    one, other = _retention(app, runs_days=NOW), _retention(app, runs_days=NOW)
    await asyncio.gather(one.sweep([REALM]), other.sweep([REALM]))
    assert one.removed[REALM, "runs"] + other.removed[REALM, "runs"] == 6
    assert (await app.services.executions.list(REALM)).total == 0


async def test_the_outlook_changes_nothing(app: RunningApp) -> None:
    """It says what the sweep then removes; rules of one realm are not those of another."""
    runs = await Runs.of(app.services)
    for _ in range(3):
        await _run(runs)
    rules = Rules(KeepRule(), {REALM: KeepRule(runs_count=2, logs_days=NOW)})
    watch = Watch(app.services.database, app.services.clock, rules)
    seen = await watch.outlook(REALM)
    assert (seen.runs, seen.logs, seen.attachments) == (1, 3, 0)
    assert await watch.outlook(REALM) == seen
    other = await watch.outlook("other")
    assert (other.runs, other.logs, other.rule) == (0, 0, KeepRule())
    assert await watch.realms() == (REALM,)


async def test_people_and_prometheus_are_told(app: RunningApp) -> None:
    """The page of the run and its counters say what was removed."""
    runs = await Runs.of(app.services)
    run = await _run(runs)
    removing = app.services.retention
    removing._watch.rules = Rules(KeepRule(logs_days=NOW))
    await removing.sweep([REALM])
    metrics = (await app.http.get("/metrics")).text
    assert 'melanzana_retention_removed_total{what="logs"} 1.0' in metrics
    assert 'melanzana_retention_removed_total{what="runs"} 0.0' in metrics
    users = app.services.users
    person = await users.accounts.create(REALM, NewUser(username="grace", role=Role.USER, password=PASSWORD), OPERATOR)
    app.http.cookies.set("melanzana", (await users.open_session(person, "192.0.2.7", "a browser")).token)
    told = (await app.http.get(f"/runs/{run.run_id}", headers={"Accept": "text/html"})).text
    assert "The log was removed" in told

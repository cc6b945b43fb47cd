"""What Prometheus is told."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from melanzana.version import __version__
from support_app import SOMEBODY, TOKEN_PATH, RunningApp, running_app
from support_runs import Runs

pytestmark = pytest.mark.anyio
PAGE = (Path(__file__).parents[2] / "docs/how-to/monitor.md").read_text("utf-8")


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(tmp_path) as opened:
        await opened.sign_in()
        yield opened


async def told(app: RunningApp) -> dict[tuple[str, str], float]:
    """Value by name and label."""
    answer = await app.http.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    families = text_string_to_metric_families(answer.text)
    return {(one.name, next(iter(one.labels.values()), "")): one.value for family in families for one in family.samples}


async def test_gauges_follow_what_happens(app: RunningApp) -> None:
    """Queued, then held, then gone; the agent that has it is counted."""
    runs = await Runs.of(app.services)
    before = await told(app)
    assert (before["melanzana_executions", "queued"], before["melanzana_queue_oldest_seconds", ""]) == (0, 0)
    assert before["melanzana_build_info", __version__] == 1
    assert before["melanzana_agents", "disconnected"] == 1
    assert before["process_resident_memory_bytes", ""] > 0
    await runs.start(perform=True)
    await runs.start(perform=True)
    waiting = await told(app)
    assert waiting["melanzana_executions", "queued"] == 2
    assert waiting["melanzana_queue_oldest_seconds", ""] > 0
    await runs.claim()
    held = await told(app)
    assert (held["melanzana_executions", "queued"], held["melanzana_executions", "leased"]) == (1, 1)


async def test_another_realm_and_strangers_are_told_nothing(app: RunningApp) -> None:
    """Figures are of the caller's realm; without a token there are none."""
    runs = await Runs.of(app.services)
    await runs.start(perform=True)
    await app.services.realms.ensure_realm("third")
    created = await app.services.clients.create_client("third", "scraper", actor=SOMEBODY)
    form = {"grant_type": "client_credentials", "client_id": created.client_id, "client_secret": created.client_secret}
    token = (await app.http.post(TOKEN_PATH.replace("eggplant", "third"), data=form)).json()["access_token"]
    app.http.headers["Authorization"] = f"Bearer {token}"
    foreign = await told(app)
    assert (foreign["melanzana_executions", "queued"], foreign["melanzana_agents", "disconnected"]) == (0, 0)
    del app.http.headers["Authorization"]
    assert (await app.http.get("/metrics")).status_code == 401


async def test_every_gauge_is_on_the_page(app: RunningApp) -> None:
    """By its name."""
    names = {name for name, _ in await told(app)}
    assert not [name for name in names if not name.startswith("process_") and f"`{name}" not in PAGE]

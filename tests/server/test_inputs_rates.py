"""One client that wants too much is told to wait, and the others do not notice (numbers 25 to 27 of the list of hostile inputs)."""

import asyncio
import configparser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.access.rates import HeldRequests, StartRate
from melanzana.errors import RateLimitedError, TooManyHeldError
from support_app import SOMEBODY, RunningApp, running_app
from support_executions import CLIENT, MODEL_TEXT, ManualClock

STARTS = "/execution_service/api/v1/executions"


async def client_of(app: RunningApp, name: str) -> dict[str, str]:
    made = await app.services.clients.create_client("eggplant", name, actor=SOMEBODY)
    return {"Authorization": f"Bearer {await app.token(made.client_id, made.client_secret)}"}


@pytest.mark.anyio
async def test_input_25_one_client_that_starts_too_much_waits_alone(tmp_path: Path) -> None:
    """Behind its minute's worth a client gets 429 with the time to wait, and another starts as before."""
    async with running_app(tmp_path, starts_per_minute=20) as app:
        greedy, polite = await client_of(app, "greedy"), await client_of(app, "polite")
        model = (await app.http.post("/ai/models", json={"modeljson": MODEL_TEXT}, headers=greedy)).json()
        body = {"model_id": model["modeluuid"]}
        answers = [await app.http.post(STARTS, json=body, headers=greedy) for _ in range(40)]
        refused = [answer for answer in answers if answer.status_code != 201]
        assert {answer.status_code for answer in answers[:20]} == {201}
        assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(429, "rate_limited")}
        assert all(1 <= int(answer.headers["Retry-After"]) <= 3 for answer in refused)
        assert (await app.http.post(STARTS, json=body, headers=polite)).status_code == 201


@pytest.mark.anyio
async def test_input_26_a_full_queue_is_told(tmp_path: Path) -> None:
    """One execution more than may be queued is 429 with a code, at once, and nothing of it is kept."""
    async with running_app(tmp_path, max_queued=3) as app:
        client = await client_of(app, "ci")
        model = (await app.http.post("/ai/models", json={"modeljson": MODEL_TEXT}, headers=client)).json()
        body = {"model_id": model["modeluuid"]}
        answers = [await app.http.post(STARTS, json=body, headers=client) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [201, 201, 201, 429, 429]
        assert (answers[-1].json()["code"], answers[-1].headers["Retry-After"]) == ("queue_full", "5")
        assert (await app.http.get(STARTS, headers=client)).json()["total_count"] == 3


@pytest.mark.anyio
async def test_input_27_polls_of_one_token_are_counted(tmp_path: Path) -> None:
    """An agent that holds as many polls as it may gets 429 for one more, and room again when they end."""
    async with running_app(tmp_path, held_requests=3) as app:
        headers, session = await agent_of(app, "rack-1")
        body = {"session": session, "wait_seconds": 20}
        path = "/agent_service/api/v1/leases"
        held = [asyncio.ensure_future(app.http.post(path, json=body, headers=headers)) for _ in range(3)]
        await until(lambda: app.services.held.count == 3)
        refused = await app.http.post(path, json=body, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_held")
        other, other_session = await agent_of(app, "rack-2")
        quick = {"session": other_session, "wait_seconds": 0}
        assert (await app.http.post(path, json=quick, headers=other)).status_code == 204
        app.services.release_polls()
        assert {(await answer).status_code for answer in held} == {204}
        assert app.services.held.count == 0


async def until(question: Any) -> None:
    async with asyncio.timeout(20):
        while not question():
            await asyncio.sleep(0)


async def agent_of(app: RunningApp, name: str) -> tuple[dict[str, str], int]:
    """The headers of a new agent, and its session."""
    client = await client_of(app, f"maker of {name}")
    agent = (await app.http.post("/ai/agents", json={"name": name}, headers=client)).json()
    made = await app.http.post("/ai/agents/generate_secrets", json={"agent_id": agent["id"]}, headers=client)
    ini = configparser.ConfigParser(interpolation=None)
    ini.read_string(made.text)
    headers = {"Authorization": f"Bearer {await app.token(ini[name]['client_id'], ini[name]['client_secret'])}"}
    hello = {"protocol": 1, "capabilities": ["python"], "host": "rack", "version": "1", "instance": "one"}
    answer = await app.http.post("/agent_service/api/v1/sessions", json=hello, headers=headers)
    assert answer.status_code == 200, answer.text
    return headers, int(answer.json()["session"])


@pytest.mark.anyio
async def test_input_27_a_stream_counts_until_it_ends() -> None:
    """Also one that its reader leaves in the middle."""
    held = HeldRequests(1)

    async def endless() -> Any:
        while True:
            yield 1

    stream = held.through(CLIENT, endless())
    assert await anext(stream) == 1
    with pytest.raises(TooManyHeldError):
        held.check(CLIENT)
    await stream.aclose()  # type: ignore[attr-defined]
    held.check(CLIENT)


@given(st.lists(st.floats(0, 30), max_size=120), st.integers(1, 60))
def test_no_minute_has_more_starts_than_the_bucket_and_its_filling(pauses: list[float], per_minute: int) -> None:
    """In any time, no more starts than the bucket holds and has got since; who waits as long as told may start."""
    clock = ManualClock()
    rate, let_through = StartRate(clock, per_minute), 0
    begun = clock.monotonic()
    for pause in pauses:
        clock.advance(pause)
        try:
            rate.take(CLIENT)
            let_through += 1
        except RateLimitedError as error:
            clock.advance(error.detail["retry_after"])
            rate.take(CLIENT)
            let_through += 1
        assert let_through <= per_minute + (clock.monotonic() - begun) * per_minute / 60 + 1e-6


def test_no_bound_is_no_bound() -> None:
    """0 lets everything through."""
    rate, held = StartRate(ManualClock(), 0), HeldRequests(0)
    for _ in range(10_000):
        rate.take(CLIENT)
    held.check(CLIENT)

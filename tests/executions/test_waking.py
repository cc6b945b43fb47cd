"""Held requests: who is woken, and that nothing is missed."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from melanzana.executions.waking import Waker
from melanzana.storage.bus import LonelyBus
from support_executions import AGENT, REALM
from support_virtual_time import run_virtually

pytestmark = pytest.mark.anyio


async def test_news_before_the_wait_is_not_missed() -> None:
    """Who listens first and looks then hears what happened between."""
    waker = Waker()
    with waker.listen("topic") as signal:
        waker.wake_all("topic")
        assert await signal.wait(0)
        assert not await signal.wait(0)


async def test_one_piece_of_work_wakes_one_waiter() -> None:
    """The longest waiting one whose interest fits; the next piece wakes the next."""
    waker = Waker()
    with waker.listen("queue", "dry") as dry, waker.listen("queue", "python") as first, waker.listen("queue", "python") as second:
        waker.wake_one("queue", lambda interest: interest == "python")
        assert (dry.is_set, first.is_set, second.is_set) == (False, True, False)
        waker.wake_one("queue", lambda interest: interest == "python")
        assert (dry.is_set, second.is_set) == (False, True)
        waker.wake_one("queue", lambda interest: interest == "java")
        waker.wake_one("elsewhere", lambda _interest: True)
        assert not dry.is_set


async def test_who_has_left_is_not_woken() -> None:
    """A waiter that is gone leaves nothing behind."""
    waker = Waker()
    with waker.listen("queue"):
        pass
    with waker.listen("queue") as signal:
        waker.wake_one("queue", lambda _interest: True)
        assert signal.is_set
    assert waker._waiters == {}


def test_a_wait_ends_with_its_time() -> None:
    """Without news the wait lasts as long as it was asked to, and says so."""

    async def waits() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        with Waker().listen("topic") as signal:
            assert not await signal.wait(25)
        return loop.time() - began

    assert run_virtually(waits()) == pytest.approx(25)


async def test_closing_lets_everybody_go() -> None:
    """When the server stops, every waiter is woken and new ones see that it has stopped."""
    waker = Waker()
    with waker.listen("a") as one, waker.listen("b") as two:
        waker.close()
        assert await one.wait(0)
        assert await two.wait(0)
    assert waker.closed


class _Line(LonelyBus):
    """Carries every message to one other server."""

    def __init__(self) -> None:
        self.other: list[Waker] = []

    def tell(self, message: dict[str, Any]) -> None:
        for waker in self.other:
            waker._hear(message)


async def test_a_changed_agent_is_woken_on_every_server_and_nobody_else() -> None:
    """Whatever it waits with, work or leave to work again; another agent of the realm sleeps on."""
    line = _Line()
    here, there = Waker(line), Waker()
    line.other.append(there)
    other = replace(AGENT, agent_id=2)
    with (
        here.listen(("queue", REALM), AGENT) as near,
        there.listen(("queue", REALM), AGENT) as far,
        there.listen(("agent", AGENT.agent_id)) as held,
        there.listen(("queue", REALM), other) as stranger,
    ):
        here.agent_changed(REALM, AGENT.agent_id)
        assert near.is_set and far.is_set and held.is_set
        assert not stranger.is_set

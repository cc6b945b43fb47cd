"""Events on their way: numbered, in order, bounded, sent again from wherever the server wants."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.errors import ConflictError
from melanzana.protocol.events import LogWritten
from melanzana.runner.outbox import Outbox


def line(number: int, size: int = 1) -> LogWritten:
    return LogWritten(message=f"{number} ".ljust(size, "x"))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), max_size=60), st.integers(1, 9))
def test_nothing_is_lost_or_doubled_whatever_the_server_acknowledges(moves: list[tuple[bool, int]], most: int) -> None:
    """A server that stores some prefix of each batch ends up with every event once, in order."""
    stored: list[LogWritten] = []

    async def play() -> None:
        box, made = Outbox(1, 10_000), 0
        for fill, number in [*moves, *[(False, most)] * 400]:
            if fill:
                for _ in range(number):
                    made += 1
                    await box.put(line(made))
                continue
            first, events = box.batch(most, 10_000)
            assert first == len(stored) + 1
            stored.extend(events[:number])
            box.acknowledge(len(stored) + 1)
        assert stored == [line(n) for n in range(1, made + 1)] and len(box) == 0

    asyncio.run(play())


def test_a_batch_keeps_to_its_size_but_always_holds_one() -> None:
    """Large events go in smaller batches; one that is larger than the limit goes alone."""

    async def play() -> list[int]:
        box = Outbox(1, 100)
        for size in (1000, 1000, 9000, 10):
            await box.put(line(1, size))
        sizes = []
        while len(box):
            first, events = box.batch(500, 3000)
            sizes.append(len(events))
            box.acknowledge(first + len(events))
        return sizes

    assert asyncio.run(play()) == [2, 1, 1]


@pytest.mark.parametrize("next_seq", [2, 9])
def test_a_number_that_cannot_be_is_a_conflict(next_seq: int) -> None:
    """A server that forgot what it acknowledged, or never got what it names, speaks of another attempt."""

    async def play() -> None:
        box = Outbox(1, 100)
        for number in range(1, 6):
            await box.put(line(number))
        box.acknowledge(4)
        box.acknowledge(next_seq)

    with pytest.raises(ConflictError):
        asyncio.run(play())


def test_a_full_box_makes_the_worker_wait() -> None:
    """`put` goes on when something was acknowledged."""

    async def play() -> None:
        box = Outbox(1, 2)
        await box.put(line(1))
        await box.put(line(2))
        waiting = asyncio.create_task(box.put(line(3)))
        await asyncio.sleep(0)
        assert not waiting.done()
        box.acknowledge(2)
        await asyncio.wait_for(waiting, 1)
        assert box.next_seq == 4

    asyncio.run(play())

"""A system under test with a fault, walked by an agent in this process, so that searches have something to find."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from melanzana.catalog import intake
from melanzana.generation.step import Step, Verdict
from melanzana.graph.formats.text import read_text
from melanzana.server.services import Services
from melanzana.shrinking.records import Wish
from support_reports import Judge, walked
from support_runs import CI, REALM, Runs

TEXT = """
model: Till
start: Open
states:
  Open:  # customers come and go
    actions:
      add: {to: Open}
      look: {to: Open}
      pay: {to: Paid}
  Paid:
    actions:
      next: {to: Open}
"""
#: Looks and adds before it pays: ten actions, of which two are needed to fail.
LONG = "predefined(look, look, pay, next, look, add, look, look, look, pay)"


def pays_wrongly_after_add() -> Judge:
    """The fault: paying fails once something was added."""
    added = False

    def judge(step: Step) -> tuple[Verdict, str]:
        nonlocal added
        added = added or step.name == "add"
        return (Verdict.FAILED, "the sum is wrong") if step.name == "pay" and added else (Verdict.PASSED, "")

    return judge


async def till(services: Services) -> Runs:
    """The model, uploaded as its author would."""
    runs = await Runs.of(services, read_text(TEXT), TEXT)
    await services.catalog.save(REALM, intake.read_text(TEXT.encode()), "ada")
    return runs


@contextlib.asynccontextmanager
async def agent_at_work(runs: Runs, judge: Callable[[], Judge] = pays_wrongly_after_add) -> AsyncIterator[None]:
    """An agent that performs whatever is queued, with a fresh system under test for each run."""

    async def work() -> None:
        while True:
            lease = await runs.claim_soon()
            if lease is not None:
                await runs.tell(lease, walked(lease.snapshot, judge()))

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def a_search(services: Services, realm: str, run_id: int) -> int:
    """A search of that failed run that was ended before anything was performed; its id."""
    begun = await services.shrinking.begin(realm, run_id, Wish(performances=1), replace(CI, realm=realm))
    await services.shrinking.abort(realm, begun.id)
    while (await services.shrinking.get(realm, begun.id)).is_live:
        await asyncio.sleep(0.01)
    return begun.id

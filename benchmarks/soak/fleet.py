"""The agents of the soak: many in this process, over the product's own agent code, and a few real processes.

An agent of this process is `runner.agent.Agent` with workers that play a script instead of walking. Killing one cancels it and closes
its sockets, so the server sees what it sees of kill -9: no word, and the connections gone.
"""

import asyncio
import contextlib
import random
import subprocess
import time
import uuid
from collections.abc import Awaitable, Callable

from plan import STEPS, TOGETHER, Plan
from watching import Notes, Transport

from melanzana.client.tokens import ClientCredentials
from melanzana.clock import SystemClock
from melanzana.errors import MelanzanaError, UnavailableError
from melanzana.generation.step import EndReason
from melanzana.protocol.events import RunFinished, RunStarted, StepFinished
from melanzana.protocol.peer import Directive, Hello, Lease, Report, Session
from melanzana.runner.agent import Agent
from melanzana.runner.http_peer import HttpPeer
from melanzana.runner.records import AgentSettings
from melanzana.runner.scripted import Cue, Lasts, Script, ScriptedWorker
from melanzana.runner.workers import Job
from support_doors import AgentProcess
from support_server import MELANZANA

Look = Callable[[str], Awaitable[tuple[str, int] | None]]


class NotingPeer:
    """The server as an agent sees it, with every claim and report noted; some reports are sent twice."""

    def __init__(self, url: str, tokens: ClientCredentials, name: str, notes: Notes, chance: random.Random) -> None:
        self._inner = HttpPeer(url, tokens, Transport(notes))
        self._name, self._notes, self._chance = name, notes, chance
        self.twice_part = 0.0
        self.holding: dict[str, int] = {}  #: execution and attempt

    async def register(self, hello: Hello) -> Session:
        return await self._inner.register(hello)

    async def lease(self, session: Session, wait_seconds: float) -> Lease | None:
        call = self._notes.history.invoke("claim", agent=self._name)
        given = await self._inner.lease(session, wait_seconds)
        if given is None:
            call.ok(execution=None)
        else:
            call.ok(execution=given.execution_id, attempt=given.attempt)
            self.holding[given.execution_id] = given.attempt
        return given

    async def report(self, session: Session, report: Report) -> Directive:
        if not report.events:
            return await self._inner.report(session, report)
        call = self._notes.history.invoke("report", execution=report.execution_id, attempt=report.attempt)
        try:
            told = await self._inner.report(session, report)
        except UnavailableError:
            raise
        except MelanzanaError as error:
            call.fail(error.code)
            self.holding.pop(report.execution_id, None)
            raise
        call.ok(next_seq=told.next_seq)
        self._notes.steps += sum(isinstance(event, StepFinished) for event in report.events)
        if told.ended:
            self.holding.pop(report.execution_id, None)
            self._notes.ended(report.execution_id)
        if self._chance.random() < self.twice_part:
            await self._again(session, report, told)
        return told

    async def _again(self, session: Session, report: Report, told: Directive) -> None:
        """The network delivers it a second time: the answer must be the same."""
        with contextlib.suppress(MelanzanaError):
            answer = await self._inner.report(session, report)
            self._notes.reports_twice += 1
            if answer.next_seq < told.next_seq:
                self._notes.broken.append(f"a repeated report of {report.execution_id} went back to {answer.next_seq}")

    async def store(self, session: Session, lease: Lease, content: bytes) -> str:
        return await self._inner.store(session, lease, content)

    async def close(self) -> None:
        await self._inner.close()


class Players:
    """Workers that play the script of the plan."""

    def __init__(self, plan: Plan, name: str) -> None:
        self._plan, self._name = plan, name

    async def start(self, job: Job) -> ScriptedWorker:
        element = next(iter(job.snapshot.model["states"]))
        # Half of the runs touch their system at once, half never: the two policies after a loss.
        performed = job.snapshot.seed % 2 == 0
        cues: list[Cue] = [RunStarted(agent=self._name, version="soak")]
        for number in range(1, STEPS + 1):
            cues.append(
                StepFinished(
                    number=number,
                    iteration=1,
                    kind="state",
                    element_id=element,
                    name="A",
                    verdict="passed",
                    at_seconds=number / 1000,
                    performed=performed,
                )
            )
            if number % TOGETHER == 0:
                cues.append(Lasts(self._plan.report_every))
        cues.append(RunFinished(verdict="passed", reason=EndReason.STOP_CONDITION))
        return ScriptedWorker(job, Script(cues=tuple(cues)))


class Played:
    """One agent of this process, which can be killed and comes back."""

    def __init__(self, url: str, keys: dict[str, str], plan: Plan, notes: Notes, chance: random.Random) -> None:
        self.name = keys["name"]
        self._url, self._keys, self._plan, self._notes, self._chance = url, keys, plan, notes, chance
        self._task: asyncio.Task[None] | None = None
        self.peer: NotingPeer | None = None

    def start(self) -> None:
        tokens = ClientCredentials(self._keys["token_url"], self._keys["client_id"], self._keys["client_secret"])
        self.peer = NotingPeer(self._url, tokens, self.name, self._notes, self._chance)
        settings = AgentSettings(capabilities=frozenset({"python"}), instance=uuid.uuid4().hex, jitter=self._chance.random)
        agent = Agent(self.peer, SystemClock(), Players(self._plan, self.name), settings)
        self._task = asyncio.create_task(self._keep(agent))

    async def _keep(self, agent: Agent) -> None:
        try:
            await agent.run()
        except MelanzanaError as error:
            self._notes.broken.append(f"agent {self.name} gave up: {error}")

    async def kill(self) -> dict[str, int]:
        """End it without a word; what it had in its hands."""
        assert self._task is not None
        assert self.peer is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.peer.close()
        return dict(self.peer.holding)


class Real(AgentProcess):
    """A process of `melanzana agent`, which can be killed and comes back."""

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def again(self) -> None:
        self.process = subprocess.Popen(
            [*MELANZANA, "agent", "--ini", str(self.ini)], stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True
        )


async def seen_lost(look: Look, execution: str, attempt: int, notes: Notes) -> None:
    """Wait until the loss of an attempt shows over REST, and note how long that took.

    A server that starts anew gives every lease a new period: what is lost around then is seen, and not measured.
    """
    killed, servers = time.monotonic(), notes.servers_killed
    while time.monotonic() - killed < 90:
        state = await look(execution)
        if state is not None and (state[1] > attempt or state[0] not in {"leased", "running", "aborting"}):
            if notes.servers_killed == servers:
                notes.lost_seconds.append(time.monotonic() - killed)
            return
        await asyncio.sleep(0.25)
    notes.broken.append(f"the loss of attempt {attempt} of {execution} did not show within 90 s")

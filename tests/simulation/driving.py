"""Who performs what on which system under test, and whether two ever do it at once.

The workers are scripts; what they report, when they are told to stop and how long they take to be gone is drawn. `Driving` is the
oracle of the promise in `docs/explanation/leases.md`: of two attempts only the newer one performs, save that one which was
suspended may let the single action go that was in flight when it wakes.
"""

import asyncio
import random
from collections.abc import Hashable

from melanzana.executions.records import OnAgentLost
from melanzana.protocol.events import Event, RunFinished, RunPaused, RunStarted, StepFinished, StepStarted
from melanzana.runner.scripted import Cue, Dies, Hangs, Lasts, Script, ScriptedWorker
from melanzana.runner.workers import Job
from simulation.scenarios import Scenario
from simulation.watching import Violation

#: Longest time from the end of a worker's lease to the moment nothing that it started is left: on a machine under load, as long as
#: an abort leaves it.
DYING_SECONDS = 5.0


def _now() -> float:
    return asyncio.get_running_loop().time()


class Driving:
    """Every worker by what it has in its hands: an execution (by its seed) and, it may be, a system under test."""

    def __init__(self) -> None:
        self.workers: dict[Hashable, list[TellingWorker]] = {}
        self.failures: list[BaseException] = []  #: what a worker's script met that was no ordinary end

    def begin(self, worker: "TellingWorker") -> None:
        """A worker begins: no other one may be alive that is not asleep or was."""
        for thing in worker.things:
            others = self.workers.setdefault(thing, [])
            if any(other.is_there and not other.was_suspended for other in others):
                raise Violation(f"{thing} is in the hands of two workers at once")
            others.append(worker)
        earlier = self.of_execution(worker.job.snapshot.seed)[:-1]
        if any(other.acted for other in earlier) and worker.job.snapshot.on_agent_lost != OnAgentLost.REQUEUE:
            raise Violation(f"{worker.things} is performed again though an earlier attempt had begun, and nobody asked for that")

    def act(self, worker: "TellingWorker") -> None:
        """It begins an action: only the newest may, and an older one that was suspended may once."""
        worker.acted = True
        if all(self.workers[thing][-1] is worker for thing in worker.things):
            return
        worker.trailing += 1
        if not worker.was_suspended or worker.trailing > 1:
            raise Violation(f"action {worker.trailing} of a lost attempt on {worker.things}, which others have now")

    def of_execution(self, seed: int) -> "list[TellingWorker]":
        return self.workers.get(("execution", seed), [])


class TellingWorker(ScriptedWorker):
    """Remembers what it handed over, and takes a while to be gone."""

    def __init__(self, job: Job, script: Script, life: "Life", dying_seconds: float) -> None:
        self.told: list[Event] = []
        self.was_suspended = self.acted = False
        self.trailing = 0
        sut = () if job.sut is None else (("sut", job.sut["id"]),)
        self.things: tuple[tuple[str, Hashable], ...] = (("execution", job.snapshot.seed), *sut)
        self._life, self._dying_seconds = life, dying_seconds
        self._gone = asyncio.Event()
        self._attempt = life.leased.get(job.snapshot.seed, 0)
        super().__init__(job, script)
        self._task.add_done_callback(self._ended)

    @property
    def is_there(self) -> bool:
        """Whether anything of it may still touch a system under test."""
        return not self._gone.is_set()

    async def receive(self) -> tuple[Event, ...]:
        events = await super().receive()
        if not events:
            await self._gone.wait()
        self.told.extend(events)
        return events

    async def kill(self) -> None:
        await super().kill()
        await self._gone.wait()

    async def _perform(self, cue: Event | Lasts | Hangs) -> None:
        if isinstance(cue, StepStarted):
            self._life.driving.act(self)
            self._was_told_to_stop()
        await super()._perform(cue)

    def _was_told_to_stop(self) -> None:
        """No action begins once the agent knows of the abort; a stubborn one may until it is killed."""
        told_at = self._life.aborts.get((self.job.snapshot.seed, self._attempt))
        allowed = self._life.kill_seconds if self._script.stubborn else 0.0
        if told_at is not None and not self.was_suspended and _now() > told_at + allowed + 0.05:
            raise Violation(f"{self.things} began a step {_now() - told_at:.1f} s after its agent knew of the abort")

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """What has ended by itself is gone; what was killed is gone when the last process it started is."""
        if task.cancelled():
            asyncio.get_running_loop().call_later(self._dying_seconds, self._gone.set)
        else:
            self._gone.set()
            if (error := task.exception()) is not None:
                self._life.driving.failures.append(error)


class Life:
    """One process of one agent: its workers, and what it was told."""

    def __init__(self, machine: str, kill_seconds: float, driving: Driving) -> None:
        self.machine, self.kill_seconds, self.driving = machine, kill_seconds, driving
        self.workers: list[TellingWorker] = []
        self.leased: dict[int, int] = {}  #: attempts by seed of their execution, as leases arrived
        self.aborts: dict[tuple[int, int], float] = {}  #: when an answer told of an abort, by seed and attempt

    def suspended(self) -> None:
        for worker in self.workers:
            worker.was_suspended |= worker.is_there


class Workers:
    """A factory of scripted workers, watched."""

    def __init__(self, chance: random.Random, scenario: Scenario, life: Life, hanging: set[int]) -> None:
        self._chance, self._scenario, self._life, self._hanging = chance, scenario, life, hanging

    async def start(self, job: Job) -> TellingWorker:
        await asyncio.sleep(self._chance.uniform(0, 0.5))
        worker = TellingWorker(job, self._script(job), self._life, self._chance.uniform(0, DYING_SECONDS))
        self._life.workers.append(worker)
        self._life.driving.begin(worker)
        return worker

    def _script(self, job: Job) -> Script:
        """A few steps and an end; everything it tells carries a mark of its own, so that no other worker could have told it."""
        chance, mark = self._chance, f"{self._chance.getrandbits(64):x}"
        cues: list[Cue] = [RunStarted(agent=job.agent_name, version=mark)]
        for number in range(1, chance.randint(*self._scenario.steps)):
            cues += self._step(number, mark, job.snapshot.perform)
        if job.snapshot.seed in self._hanging:
            return Script(cues=(*cues, Hangs()), stubborn=chance.random() < 0.5)
        if chance.random() < 0.1:
            return Script(cues=(*cues, Dies()))
        verdict = chance.choice(["passed", "passed", "failed"])
        return Script(cues=(*cues, RunFinished(verdict=verdict, reason="stop_condition")), stubborn=chance.random() < 0.2)

    def _step(self, number: int, mark: str, performed: bool) -> list[Cue]:
        begun = StepStarted(number=number, kind="action", element_id="a", name=mark, at_seconds=float(number))
        done = StepFinished(
            number=number,
            iteration=1,
            kind="action",
            element_id="a",
            name=mark,
            verdict="passed",
            at_seconds=float(number),
            performed=performed,
        )
        lasts = Lasts(self._chance.uniform(*self._scenario.step_seconds))
        return [*([begun] if performed else []), lasts, done, *([RunPaused(step=number)] if self._chance.random() < 0.05 else [])]

"""The HTTP API against the model of the lifecycle: clients and agents speak to the whole server, time passes, nothing contradicts.

The server is the real one in this process, over a file; agents speak through the agent's own HTTP peer. What is true after every
rule is the table of `docs/explanation/promises.md`: no accepted start is lost (I-1), one end that is never left (I-2), each event
once and in order (I-3), an abort that stays one (I-5), a system under test for one run at a time (I-6).
"""

import asyncio
import contextlib
import tempfile
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, precondition, rule

from melanzana.access.records import Actor, PrincipalKind
from melanzana.client.tokens import ClientCredentials
from melanzana.errors import SessionReplacedError, StaleAttemptError
from melanzana.protocol.events import Event, RunFinished
from melanzana.protocol.peer import Hello, Lease, Session
from melanzana.runner.http_peer import HttpPeer
from melanzana.server.app import create_app
from melanzana.server.services import Services, open_services
from melanzana.server.settings import ServerSettings
from support_app import TOKEN_PATH
from support_executions import MODEL_TEXT, STARTED, STEP, ManualClock, report
from support_lifecycle import HELD, TERMINAL, Expected, Lifecycle, Told

T = TypeVar("T")
URL = "http://server"
EXECUTIONS, SUTS = "/execution_service/api/v1/executions", "/sut_service/api/v1/suts"
WHO = Actor(kind="command_line", id="tests", name="tests")
AGENTS = 2


@dataclass
class House:
    """One server for all examples; each example has agents, systems under test and a word of its own."""

    runner: asyncio.Runner = field(default_factory=asyncio.Runner)
    stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)
    clock: ManualClock = field(default_factory=ManualClock)
    examples: int = 0

    def do(self, verb: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(verb)

    async def open(self, folder: Path) -> None:
        configured = ServerSettings(data=folder, public_url=URL)
        self.services: Services = await self.stack.enter_async_context(open_services(configured, self.clock))
        self.transport = httpx.ASGITransport(create_app(configured, self.services), client=("127.0.0.1", 1))
        self.http = await self.stack.enter_async_context(httpx.AsyncClient(transport=self.transport, base_url=URL))
        self.tokens = await self.credentials("tests")
        self.model = (await self.call("POST", "/ai/models", 201, json={"modeljson": MODEL_TEXT}))["modeluuid"]
        await self.services.executions.release_expired()

    async def credentials(self, name: str, agent_id: int | None = None) -> ClientCredentials:
        kind = PrincipalKind.API_CLIENT if agent_id is None else PrincipalKind.AGENT
        made = await self.services.clients.create_client("eggplant", name, actor=WHO, kind=kind, agent_id=agent_id)
        return ClientCredentials(URL + TOKEN_PATH, made.client_id, made.client_secret, self.clock)

    async def call(self, method: str, path: str, expect: int = 200, headers: dict[str, str] | None = None, **options: Any) -> Any:
        token = await self.tokens.token(self.http)
        answer = await self.http.request(method, path, headers={"Authorization": f"Bearer {token}", **(headers or {})}, **options)
        assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def agent(self, name: str) -> tuple[int, HttpPeer]:
        agent_id = (await self.call("POST", "/ai/agents", 201, json={"name": name}))["id"]
        return agent_id, HttpPeer(URL, await self.credentials(name, agent_id), self.transport)


class HttpExecutions(RuleBasedStateMachine):
    """Requests as rules; after each, every execution and every system under test is what the model says."""

    house: ClassVar[House]
    executions = Bundle("executions")
    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.house.examples += 1
        self.word = f"example-{self.house.examples}"
        self.model, self.keys = Lifecycle(), dict[str, tuple[int, dict[str, Any]]]()
        self.ids: dict[int, str] = {}
        self.ended: dict[int, str] = {}
        self.do(self.set_up())

    def do(self, verb: Coroutine[Any, Any, T]) -> T:
        return self.house.do(verb)

    async def set_up(self) -> None:
        self.sut = (await self.house.call("POST", SUTS, 201, json={"name": self.word, "criteria": [self.word]}))["id"]
        self.peers = [(await self.house.agent(f"{self.word}-{number}"))[1] for number in range(AGENTS)]
        self.sessions = [await self.register_at(number, "first") for number in range(AGENTS)]

    async def register_at(self, number: int, instance: str) -> Session:
        hello = Hello(capabilities=frozenset({"python", "dry", self.word}), instance=f"{self.word}-{number}-{instance}")
        return await self.peers[number].register(hello)

    def teardown(self) -> None:
        self.do(self.clear())

    async def clear(self) -> None:
        """Nothing of this example is left to the next one."""
        for run_id, expected in self.model.executions.items():
            if expected.state not in TERMINAL:
                await self.house.call("DELETE", f"{EXECUTIONS}/{self.ids[run_id]}", 204)
        await self.pass_seconds(65)  # also when the sweep holds back at first
        for peer in self.peers:
            await peer.close()

    async def pass_seconds(self, seconds: int) -> None:
        for _ in range(seconds):
            self.house.clock.advance(1.0)
            await self.house.services.executions.release_expired()
            self.model.second()

    @initialize(target=leases)
    def begin(self) -> Any:
        """Work to do and two agents that do it: the interesting part comes after that."""
        for with_sut, policy in ((True, None), (False, "requeue"), (True, "requeue")):
            self.start(True, with_sut, policy, None)
        return multiple(self.leased(0), self.leased(1))

    # --- clients ------------------------------------------------------------

    @rule(
        target=executions,
        performs=st.booleans(),
        with_sut=st.booleans(),
        policy=st.sampled_from([None, None, "requeue", "error"]),
        key=st.sampled_from([None, None, "a", "b"]),
    )
    def start(self, performs: bool, with_sut: bool, policy: str | None, key: str | None) -> int:
        body = {
            "model_id": self.house.model,
            "perform": performs,
            "on_agent_lost": policy,
            "labels": [self.word],
            "tags": [self.word],
        }
        if performs and with_sut:
            body["sut"] = {"sut_id": self.sut}
        earlier = self.keys.get(key or "")
        headers = {} if key is None else {"Idempotency-Key": f"{self.word}-{key}"}
        if earlier is not None and earlier[1] != body:
            problem = self.do(self.house.call("POST", EXECUTIONS, 409, headers, json=body))
            assert problem["code"] == "key_reused"
            return earlier[0]
        started = self.do(self.house.call("POST", EXECUTIONS, 201, headers, json=body))
        run_id = int(started["run_id"])
        if earlier is not None:
            assert run_id == earlier[0]
            return run_id
        self.ids[run_id] = started["execution_id"]
        sut = self.sut if "sut" in body else None
        self.model.start(run_id, Expected(performs=performs, on_agent_lost=policy, sut=sut))
        if key is not None:
            self.keys[key] = (run_id, body)
        return run_id

    @rule(held=leases)
    def abort_what_is_held(self, held: tuple[int, Session, Lease]) -> None:
        self.abort(held[2].run_id)

    @rule(run_id=executions)
    def abort(self, run_id: int) -> None:
        late = self.model.abort(run_id) is None
        self.do(self.house.call("DELETE", f"{EXECUTIONS}/{self.ids[run_id]}", 409 if late else 204))

    # --- agents ------------------------------------------------------------

    @precondition(lambda self: self.model.held < 3 and self.model.next_to_claim() is not None)
    @rule(target=leases, number=st.integers(0, AGENTS - 1))
    def lease(self, number: int) -> Any:
        return self.leased(number)

    @precondition(lambda self: self.model.held < 3 and self.model.next_to_claim() is None)
    @rule(number=st.integers(0, AGENTS - 1))
    def ask_in_vain(self, number: int) -> None:
        self.leased(number)

    def leased(self, number: int) -> Any:
        """What an agent that asks for work is given."""
        session = self.sessions[number]
        lease = self.do(self.peers[number].lease(session, 0.0))
        assert (None if lease is None else lease.run_id) == self.model.next_to_claim()
        if lease is None:
            return multiple()
        expected = self.model.executions[lease.run_id]
        assert (None if lease.sut is None else lease.sut["id"]) == expected.sut
        assert lease.attempt == self.model.claim(lease.run_id, (number, session.session))
        return number, session, lease

    @rule(held=leases, first=st.integers(1, 5), count=st.integers(0, 3))
    def tell(self, held: tuple[int, Session, Lease], first: int, count: int) -> None:
        """News, repetitions, gaps; by whoever once had the lease."""
        self.report(*held, first, [STEP] * count)

    @rule(held=leases, verdict=st.sampled_from(["passed", "failed", "error"]))
    def finish(self, held: tuple[int, Session, Lease], verdict: str) -> None:
        first = self.model.executions[held[2].run_id].stored + 1
        self.report(*held, first, [STARTED, RunFinished(verdict=verdict, reason="exit")], verdict)

    def report(  # noqa: PLR0917 - the words of a report
        self, number: int, session: Session, lease: Lease, first: int, events: list[Event], verdict: str | None = None
    ) -> None:
        speaking = self.peers[number].report(session, report(lease, first, events))
        if session.session != self.sessions[number].session:
            with pytest.raises(SessionReplacedError):
                self.do(speaking)
            return
        told = self.model.report(lease.run_id, lease.attempt, (number, session.session), first, len(events), verdict)
        try:
            directive = self.do(speaking)
        except StaleAttemptError:
            assert told is None
            return
        assert Told(directive.next_seq, directive.abort_requested, directive.ended) == told

    @rule(held=leases, count=st.integers(1, 3))
    def tell_what_is_new(self, held: tuple[int, Session, Lease], count: int) -> None:
        self.report(*held, self.model.executions[held[2].run_id].stored + 1, [STEP] * count)

    @rule(number=st.integers(0, AGENTS - 1), again=st.booleans())
    def register(self, number: int, again: bool) -> None:
        """Another process takes the agent's place; the same one may ask twice and keeps its session."""
        before = self.sessions[number]
        self.registered = getattr(self, "registered", 0) + (not again)
        instance = "first" if self.registered == 0 else str(self.registered)
        self.sessions[number] = self.do(self.register_at(number, instance))
        assert self.sessions[number].session >= before.session

    @rule(held=consumes(leases))
    def forget(self, held: tuple[int, Session, Lease]) -> None:
        """The agent crashes: its lease is never used again."""

    @precondition(lambda self: self.model.held)
    @rule(seconds=st.sampled_from([1, 10, 31]))
    def let_time_pass(self, seconds: int) -> None:
        self.do(self.pass_seconds(seconds))

    # --- what is always true ------------------------------------------------------------

    @invariant()
    def every_execution_is_as_expected(self) -> None:
        page = self.do(self.house.call("GET", EXECUTIONS, params={"tag": self.word, "limit": 200}))
        found = {item["run_id"]: (item["state"], item["attempt"]) for item in page["items"]}
        assert found == {run_id: (one.state, one.attempt) for run_id, one in self.model.executions.items()}
        for run_id, (state, _) in found.items():
            if state in TERMINAL:
                assert self.ended.setdefault(run_id, state) == state

    @invariant()
    def its_system_under_test_is_locked_by_whom_it_should(self) -> None:
        shown = self.do(self.house.call("GET", f"{SUTS}/{self.sut}"))
        holder = self.model.holder_of(self.sut)
        assert shown["status"] == ("Unlocked" if holder is None else "Locked")

    @invariant()
    def every_log_is_whole(self) -> None:
        for run_id, expected in self.model.executions.items():
            log = self.do(self.house.services.executions.events("eggplant", run_id))
            assert [line.seq for line in log] == list(range(1, len(log) + 1))
            own = [line.agent_seq for line in log if line.agent_seq is not None and line.attempt == expected.attempt]
            if expected.state in HELD:
                assert own == list(range(1, expected.stored + 1))


@pytest.fixture(autouse=True, scope="module")
def house() -> Iterator[None]:
    """The one server, closed after the last example."""
    with tempfile.TemporaryDirectory() as folder:
        running = HttpExecutions.house = House()
        running.do(running.open(Path(folder)))
        yield
        running.do(running.stack.aclose())
        running.runner.close()


@pytest.mark.slow
class TestHttpExecutions(HttpExecutions.TestCase):
    """Collected as one test."""


TestHttpExecutions.settings = settings(
    max_examples=15, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)

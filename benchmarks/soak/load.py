"""What a script asks of the server during the soak: starts at the plan's pace, some aborts, and looks at what became of them."""

import asyncio
import contextlib
import random
import time
import uuid
from typing import Any

import httpx
from plan import MOST_STARTS, Phase, Plan
from watching import Notes, Transport

from melanzana.client.tokens import ClientCredentials
from melanzana.errors import MelanzanaError
from support_server import Credentials

EXECUTIONS = "/execution_service/api/v1/executions"
MODEL = {
    "model": "Soak",
    "start": "A",
    "states": {"A": {"check": "soak_steps.look", "actions": {"go": "B"}}, "B": {"actions": {"back": "A"}}},
}


class Load:
    """One API client."""

    def __init__(self, url: str, keys: Credentials, plan: Plan, notes: Notes, chance: random.Random) -> None:
        path = keys.token_url.split("/", 3)[3]
        self._tokens = ClientCredentials(f"{url}/{path}", keys.client_id, keys.client_secret)
        self._plan, self._notes, self._chance = plan, notes, chance
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=20)
        self._http = httpx.AsyncClient(base_url=url, timeout=20, transport=Transport(notes), limits=limits, trust_env=False)
        self.model, self.suite = 0, ""
        self.phase: Phase | None = None
        self.executions: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.aclose()

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response | None:
        """The answer; None when none came."""
        try:
            token = await self._tokens.token(self._http)
            headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
            answer = await self._http.request(method, path, headers=headers, **options)
        except (httpx.TransportError, MelanzanaError):
            return None
        if answer.status_code == 401:
            self._tokens.reject(token)
        return answer

    async def go_on(self) -> None:
        """Starts, and a look now and then, until cancelled. A burst that a slow answer holds up is not made up for."""
        due = time.monotonic()
        while True:
            phase = self.phase
            pace = self._plan.starts_per_second * (phase.load if phase is not None else 0)
            if pace and self._notes.starts < MOST_STARTS:
                self._notes.starts += 1
                self._beside(self._start(phase))
            if self.executions and self._chance.random() < 0.5:
                self._beside(self._look_at(self._chance.choice(self.executions[-2_000:])))
            due = max(due + 1 / (pace or 2.0), time.monotonic())
            await asyncio.sleep(due - time.monotonic())

    def _beside(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _start(self, phase: Phase | None) -> None:
        """With one key until it is answered: what an honest script does."""
        key, tries = uuid.uuid4().hex, 0
        body = {
            "model_id": self.model,
            "path": "random(actions(49))",
            "agent": {"agent_id": "any"},
            "asset": {"asset_path": self.suite},
        }
        while tries < 200:
            tries += 1
            call, asked = self._notes.history.invoke("start", key=key), time.monotonic()
            answer = await self.ask("POST", EXECUTIONS, json=body, headers={"Idempotency-Key": key})
            if answer is not None and answer.status_code == 201:
                name = answer.json()["execution_id"]
                call.ok(execution=name)
                if tries == 1:
                    self._notes.start_seconds.append(time.monotonic() - asked)
                self.executions.append(name)
                if phase is not None and self._chance.random() < phase.abort_part * self._plan.more:
                    await self._abort(name)
                return
            call.unknown()
            if answer is not None and answer.status_code not in {401, 429, 500, 503}:
                self._notes.broken.append(f"a start was answered {answer.status_code}: {answer.text[:200]}")
                return
            await asyncio.sleep(float(answer.headers.get("Retry-After", 1)) if answer is not None else 0.5)

    async def _abort(self, name: str) -> None:
        await asyncio.sleep(self._chance.uniform(0.5, 2.0 * self._plan.report_every))
        for _ in range(100):
            call = self._notes.history.invoke("abort", execution=name)
            answer = await self.ask("DELETE", f"{EXECUTIONS}/{name}")
            if answer is not None and answer.status_code == 204:
                call.ok()
                self._notes.aborted_at[name] = time.monotonic()
                return
            if answer is not None and answer.status_code == 409:
                call.fail("conflict", state=answer.json().get("state"))
                return
            call.unknown()
            await asyncio.sleep(0.5)

    async def _look_at(self, name: str) -> None:
        await self.look(name)

    async def look(self, name: str) -> tuple[str, int] | None:
        """State and attempt; None when no answer came."""
        call = self._notes.history.invoke("look", execution=name)
        answer = await self.ask("GET", f"{EXECUTIONS}/{name}")
        if answer is None or answer.status_code != 200:
            call.unknown()
            return None
        told = answer.json()
        call.ok(state=told["state"], attempt=told["attempt"])
        return told["state"], told["attempt"]

    async def under_way(self) -> int | None:
        """How many have not ended; None when no answer came."""
        states = [("state", state) for state in ("queued", "leased", "running", "aborting")]
        answer = await self.ask("GET", EXECUTIONS, params=[*states, ("limit", "1")])
        with contextlib.suppress(ValueError, KeyError):
            return None if answer is None or answer.status_code != 200 else int(answer.json()["total_count"])
        return None

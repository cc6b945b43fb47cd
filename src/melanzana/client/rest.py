"""The REST API as methods: what scripts, the command line and the demo ask of a server.

    async with Credentials.from_csv("ci.csv").client() as client:
        saved = await client.import_model(Path("shop.yaml").read_text())
        started = await client.start_execution(StartOptions(model_id=saved["modeluuid"]))
        ended = await client.wait(started["execution_id"])

Answers are the server's JSON as it is; `docs/reference/rest-api.md` describes the fields. Errors are those of `melanzana.errors`.
"""

import asyncio
import ssl
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self
from urllib.parse import quote

import httpx

from melanzana.client.following import RunEvent, follow
from melanzana.client.http import Call, Connection, Patience
from melanzana.client.tokens import TokenSource

Json = dict[str, Any]
_EXECUTIONS = "/execution_service/api/v1/executions"
_CONFIGURATIONS = "/test_config_service/api/v1/test_configurations"
_TASKS = "/task_scheduler_service/api/v1/task_instances"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartOptions:
    """What to execute; what is None is left to the server. Field by field the body of the start call."""

    model_id: str | int | None = None  #: uuid of the model, or its integer id
    test_case_id: int | None = None
    agent: Mapping[str, Any] | None = None  #: `{"agent_id": "1"}`
    asset: Mapping[str, Any] | None = None  #: `{"asset_path": …}`, the suite's folder on the agent; None = dry run
    rerun_id: int | None = None
    step_pause_time: float | None = None  #: seconds after each step
    extras: Mapping[str, Any] | None = None  #: further fields of the body, as they are

    def body(self) -> Json:
        named = {name: value for name, value in asdict(self).items() if value is not None and name != "extras"}
        return {"execution_type": "executing", **named, **(self.extras or {})}


class RestClient:
    """One server, as one API client sees it."""

    def __init__(
        self,
        base_url: str,
        token_source: TokenSource,
        transport: httpx.AsyncBaseTransport | None = None,
        patience: Patience | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._connection = Connection(base_url, token_source, transport, patience, trust)

    async def import_model(self, model: str | Mapping[str, Any], name: str | None = None, group: str | None = None) -> Json:
        """Save a model: our text, or the object of any format that the server reads. A known uuid gets a new version."""
        body = {"modeljson": model, "name": name, "group": group}
        sent = {key: value for key, value in body.items() if value is not None}
        return await self._object(Call(method="POST", path="/ai/models", json=sent))

    async def models(self) -> list[Json]:
        return await self._list(Call(method="GET", path="/ai/models"))

    async def test_cases(self, model: int | str) -> list[Json]:
        return await self._list(Call(method="GET", path=f"/ai/models/{_part(model)}/testcases"))

    async def start_execution(self, options: StartOptions, idempotency_key: str | None = None) -> Json:
        """Start; safe to repeat: the same key starts one execution. A key is made up when none is given."""
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        return await self._object(Call(method="POST", path=_EXECUTIONS, json=options.body(), headers=headers, repeatable=True))

    async def get_execution(self, execution_id: str) -> Json:
        return await self._object(Call(method="GET", path=f"{_EXECUTIONS}/{_part(execution_id)}"))

    def events(self, execution_id: str, after: int = 0) -> AsyncIterator[RunEvent]:
        """What happens in an execution, from line `after` on and as it happens, to its end; a lost connection is taken up again."""
        return follow(self._connection, f"{_EXECUTIONS}/{_part(execution_id)}/events", after)

    async def wait(self, execution_id: str, timeout_seconds: float | None = None) -> Json:
        """The execution at its end. Raises TimeoutError; the execution then goes on, and `abort` ends it."""
        async with asyncio.timeout(timeout_seconds):
            async for _ in self.events(execution_id):
                pass
        return await self.get_execution(execution_id)

    async def abort(self, execution_id: str) -> None:
        """Ask the execution to stop; it has stopped when `get_execution` says so."""
        await self._connection.send(Call(method="DELETE", path=f"{_EXECUTIONS}/{_part(execution_id)}"))

    async def recording(self, run: int | str) -> Json:
        """What was meant and what happened: the document that `melanzana run --save` writes."""
        return await self._object(Call(method="GET", path=f"/ai/runs/{_part(run)}/recording"))

    async def run(self, run: int | str) -> Json:
        return await self._object(Call(method="GET", path=f"/ai/runs/{_part(run)}"))

    async def attachments(self, run: int | str) -> list[Json]:
        return await self._list(Call(method="GET", path=f"/ai/runs/{_part(run)}/attachments"))

    async def attachment(self, run: int | str, attachment_id: int) -> bytes:
        """The content of one of them."""
        call = Call(method="GET", path=f"/ai/runs/{_part(run)}/attachments/{attachment_id}", headers={"Accept": "*/*"})
        return (await self._connection.send(call)).content

    async def runlog(self, run_id: int) -> Json:
        """`{"items": […], "total_count": n, "date_as_of": …}`"""
        return await self._object(Call(method="GET", path=f"/ai/runlogs/{run_id}"))

    async def coverage(self, model: int | str) -> Json:
        return await self._object(Call(method="GET", path=f"/ai/models/{_part(model)}/coverage"))

    async def agents(self) -> list[Json]:
        return await self._list(Call(method="GET", path="/ai/agents"))

    async def test_configurations(self, name: str | None = None) -> list[Json]:
        """All of them, or the one of this name."""
        query = None if name is None else {"name": name}
        answer = await self._object(Call(method="GET", path=_CONFIGURATIONS, query=query))
        return list(answer["items"])

    async def start_configuration(self, test_config_id: str, body: Json, idempotency_key: str | None = None) -> Json:
        """Start; safe to repeat: the same key starts one task instance. A key is made up when none is given."""
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        path = f"{_TASKS}/{_part(test_config_id)}"
        return await self._object(Call(method="POST", path=path, json=body, headers=headers, repeatable=True))

    async def wait_task(self, task_instance_id: str, timeout_seconds: float | None = None, poll_seconds: float = 2.0) -> Json:
        """The task instance at its end. Raises TimeoutError; the task then goes on, and `abort_task` ends it."""
        async with asyncio.timeout(timeout_seconds):
            while (task := await self.task(task_instance_id))["status"] == "Running":
                await self._connection.patience.sleep(poll_seconds)
        return task

    async def task(self, task_instance_id: str) -> Json:
        return await self._object(Call(method="GET", path=f"{_TASKS}/{_part(task_instance_id)}"))

    async def abort_task(self, task_instance_id: str) -> None:
        """Ask everything of it to stop; it has stopped when `task` says so."""
        await self._connection.send(Call(method="DELETE", path=f"{_TASKS}/{_part(task_instance_id)}"))

    async def task_junit(self, task_instance_id: str) -> bytes:
        """The task instance as JUnit XML."""
        path = f"/api/v2/test_config_results/{_part(task_instance_id)}/junit"
        return (await self._connection.send(Call(method="GET", path=path, headers={"Accept": "application/xml"}))).content

    async def close(self) -> None:
        await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _object(self, call: Call) -> Json:
        body: Json = (await self._connection.send(call)).json()
        return body

    async def _list(self, call: Call) -> list[Json]:
        body: list[Json] = (await self._connection.send(call)).json()
        return body


def _part(value: int | str) -> str:
    """One segment of a path, whatever is in it."""
    return quote(str(value), safe="")

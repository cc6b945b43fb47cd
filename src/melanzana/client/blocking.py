"""The REST client for code without `async`: each method is that of `RestClient` with its name, carried out on a thread of its own.

    with Credentials.from_csv("ci.csv").blocking_client() as client:
        started = client.start_execution(StartOptions(model_id=7))
        for event in client.events(started["execution_id"]):
            print(event.type)

Nothing is written twice: retries, tokens and streams are those of the asynchronous client.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from typing import Any, Self, TypeVar

from melanzana.client.following import RunEvent
from melanzana.client.rest import Json, RestClient, StartOptions

T = TypeVar("T")


class BlockingClient:
    """One server, as one API client sees it; may be used from several threads."""

    def __init__(self, make: Callable[[], RestClient]) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="melanzana-client", daemon=True)
        self._thread.start()
        self._client = make()

    def import_model(self, model: str | Mapping[str, Any], name: str | None = None, group: str | None = None) -> Json:
        return self._run(self._client.import_model(model, name, group))

    def models(self) -> list[Json]:
        return self._run(self._client.models())

    def test_cases(self, model: int | str) -> list[Json]:
        return self._run(self._client.test_cases(model))

    def start_execution(self, options: StartOptions, idempotency_key: str | None = None) -> Json:
        return self._run(self._client.start_execution(options, idempotency_key))

    def get_execution(self, execution_id: str) -> Json:
        return self._run(self._client.get_execution(execution_id))

    def events(self, execution_id: str, after: int = 0) -> Iterator[RunEvent]:
        """As `RestClient.events`; blocks until the next one comes."""
        events = self._client.events(execution_id, after)
        while (event := self._run(_next(events))) is not None:
            yield event

    def wait(self, execution_id: str, timeout_seconds: float | None = None) -> Json:
        return self._run(self._client.wait(execution_id, timeout_seconds))

    def abort(self, execution_id: str) -> None:
        self._run(self._client.abort(execution_id))

    def run(self, run: int | str) -> Json:
        return self._run(self._client.run(run))

    def runlog(self, run_id: int) -> Json:
        return self._run(self._client.runlog(run_id))

    def attachments(self, run: int | str) -> list[Json]:
        return self._run(self._client.attachments(run))

    def attachment(self, run: int | str, attachment_id: int) -> bytes:
        return self._run(self._client.attachment(run, attachment_id))

    def recording(self, run: int | str) -> Json:
        return self._run(self._client.recording(run))

    def coverage(self, model: int | str) -> Json:
        return self._run(self._client.coverage(model))

    def agents(self) -> list[Json]:
        return self._run(self._client.agents())

    def test_configurations(self, name: str | None = None) -> list[Json]:
        return self._run(self._client.test_configurations(name))

    def start_configuration(self, test_config_id: str, body: Json, idempotency_key: str | None = None) -> Json:
        return self._run(self._client.start_configuration(test_config_id, body, idempotency_key))

    def task(self, task_instance_id: str) -> Json:
        return self._run(self._client.task(task_instance_id))

    def wait_task(self, task_instance_id: str, timeout_seconds: float | None = None, poll_seconds: float = 2.0) -> Json:
        return self._run(self._client.wait_task(task_instance_id, timeout_seconds, poll_seconds))

    def abort_task(self, task_instance_id: str) -> None:
        self._run(self._client.abort_task(task_instance_id))

    def task_junit(self, task_instance_id: str) -> bytes:
        return self._run(self._client.task_junit(task_instance_id))

    def close(self) -> None:
        """Let go of the connections and of the thread."""
        if self._loop.is_running():
            self._run(self._client.close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, call: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(call, self._loop)
        try:
            return future.result()
        except BaseException:  # Ctrl-C, too: the request is not left behind
            future.cancel()
            raise


async def _next(events: AsyncIterator[RunEvent]) -> RunEvent | None:
    return await anext(events, None)

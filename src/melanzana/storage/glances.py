"""Questions of a single statement to a database server: asked without a transaction, one round trip each.

`postgresql.py` uses it for the checks of every request. A thread of its own waits for the answers, never the event loop; questions
that come while others are under way share the next visit to that thread.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from melanzana.storage.failures import is_infrastructure, unavailable

T = TypeVar("T")


class Glances:
    """Questions of one statement: those that come while others are under way share the next visit to a thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="melanzana-glances")
        self._waiting: deque[tuple[Callable[[Connection], Any], asyncio.Future[Any]]] = deque()
        self._visit: asyncio.Task[None] | None = None

    async def ask(self, question: Callable[[Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._waiting.append((question, answer))
        if self._visit is None or self._visit.done():
            self._visit = loop.create_task(self._visiting())
        return await answer

    async def _visiting(self) -> None:
        while self._waiting:
            batch = list(self._waiting)
            self._waiting.clear()
            questions = [question for question, _ in batch]
            results = await asyncio.get_running_loop().run_in_executor(self._thread, self._answers, questions)
            for (_, answer), result in zip(batch, results, strict=True):
                if answer.done():
                    continue
                if isinstance(result, BaseException):
                    answer.set_exception(result)
                else:
                    answer.set_result(result)

    def _answers(self, questions: list[Callable[[Connection], Any]]) -> list[Any]:
        return [self._answer(question) for question in questions]

    def _answer(self, question: Callable[[Connection], Any]) -> Any:
        """The answer or the error; a connection that was lost meanwhile is replaced without a word, once."""
        for last in (False, True):
            try:
                if self._connection is None:
                    self._connection = self._engine.connect()
                return question(self._connection)
            except Exception as error:
                if not is_infrastructure(error):
                    return error
                self._drop()
                if last:
                    return unavailable(error)
        return None

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.close()

    def close(self) -> None:
        self._thread.shutdown()
        self._drop()

"""What tests of stored things share."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, text


def statement(sql: str, **values: Any) -> Callable[[Connection], None]:
    """A change that runs one statement."""

    def change(tx: Connection) -> None:
        tx.execute(text(sql), values)

    return change


def rows(sql: str, **values: Any) -> Callable[[Connection], list[Any]]:
    """A question that gives the first column of every row."""

    def question(tx: Connection) -> list[Any]:
        return list(tx.execute(text(sql), values).scalars())

    return question

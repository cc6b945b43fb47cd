"""News between the servers that share one database: short, quick, and allowed to get lost.

A message says only that something happened; whoever hears it looks into the database. So a bus may lose, repeat or reorder
messages, and the slow poll of `executions/waking.py` is the net under all of them. After a break in the line a bus says
`EVERYTHING`, since nobody knows what was missed. Three ways, one conformance suite: nothing to tell anybody (one server),
PostgreSQL's NOTIFY (`notify.py`), NATS (`nats_bus.py`) for large fleets and for databases without NOTIFY.
"""

import json
import secrets
from collections.abc import Callable
from typing import Any, Protocol

#: One message as JSON, in bytes: what NOTIFY carries.
LONGEST_MESSAGE = 7_900
#: What is heard when messages may have been missed.
EVERYTHING: dict[str, Any] = {"about": "everything"}

Hear = Callable[[dict[str, Any]], None]


class Bus(Protocol):
    """All calls from the server's event loop."""

    async def open(self, hear: Hear) -> None:
        """Begin to listen: `hear` is called for every message of another server. Raises SettingsError when nobody answers."""
        ...

    def tell(self, message: dict[str, Any]) -> None:
        """Tell the other servers, soon. Never waits, never raises; a message that is too long or finds no line is dropped."""
        ...

    async def close(self) -> None: ...


class LonelyBus:
    """Of a server that is alone."""

    async def open(self, hear: Hear) -> None:
        pass

    def tell(self, message: dict[str, Any]) -> None:
        pass

    async def close(self) -> None:
        pass


class Envelope:
    """Message to text and back; what a server told itself is not heard."""

    def __init__(self) -> None:
        self._sender = secrets.token_hex(8)

    def seal(self, message: dict[str, Any]) -> str | None:
        """None: too long to send."""
        text = json.dumps({"from": self._sender, **message}, separators=(",", ":"))
        return text if len(text) <= LONGEST_MESSAGE else None

    def open(self, text: str | bytes) -> dict[str, Any] | None:
        """None: our own, or not a message at all."""
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if not isinstance(message, dict) or message.pop("from", self._sender) == self._sender:
            return None
        return message

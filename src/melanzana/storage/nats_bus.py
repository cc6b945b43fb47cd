"""The bus over NATS: for fleets whose news would weigh on the database, and for databases without NOTIFY.

NATS core, without persistence: at most once is all that a bus promises. The client lays a broken line again by itself.
"""

import asyncio
from typing import Any

import structlog

from melanzana.errors import SettingsError
from melanzana.storage.bus import EVERYTHING, Envelope, Hear

_SUBJECT = "melanzana.news"
_CONNECT_SECONDS, _AGAIN_SECONDS = 5, 1
_log = structlog.get_logger(__name__)


class NatsBus:
    """One server's ear and mouth."""

    def __init__(self, address: str) -> None:
        """`address`: `nats://host:4222`, several of them separated by commas."""
        self._addresses = address.split(",")
        self._envelope = Envelope()
        self._connection: Any = None
        self._telling: set[asyncio.Task[None]] = set()

    async def open(self, hear: Hear) -> None:
        """Raises SettingsError when nobody answers, or the client is not installed."""
        try:
            import nats  # noqa: PLC0415 - an extra
            from nats.errors import Error  # noqa: PLC0415
        except ImportError:
            raise SettingsError("bus: NATS needs its client; install melanzana[nats]", field="bus") from None

        async def heard(notice: Any) -> None:
            message = self._envelope.open(notice.data)
            if message is not None:
                hear(message)

        async def again() -> None:
            hear(EVERYTHING)

        try:
            self._connection = await asyncio.wait_for(
                nats.connect(
                    self._addresses,
                    name="melanzana",
                    connect_timeout=_CONNECT_SECONDS,
                    reconnect_time_wait=_AGAIN_SECONDS,
                    max_reconnect_attempts=-1,
                    error_cb=_report,
                    reconnected_cb=again,
                ),
                _CONNECT_SECONDS,
            )
        except (Error, OSError, TimeoutError) as error:
            raise SettingsError(f"bus: {_shown(self._addresses)} does not answer: {error}", field="bus") from None
        await self._connection.subscribe(_SUBJECT, cb=heard)
        await self._connection.flush()

    def tell(self, message: dict[str, Any]) -> None:
        text = self._envelope.seal(message)
        if text is None or self._connection is None or not self._connection.is_connected:
            return
        telling = asyncio.create_task(self._connection.publish(_SUBJECT, text.encode()))
        self._telling.add(telling)
        telling.add_done_callback(self._told)

    def _told(self, telling: "asyncio.Task[None]") -> None:
        self._telling.discard(telling)
        if not telling.cancelled() and telling.exception() is not None:
            _log.warning("news for other servers got lost", cause=repr(telling.exception()))

    async def close(self) -> None:
        if self._connection is not None:
            await asyncio.gather(*self._telling, return_exceptions=True)
            await self._connection.close()


async def _report(error: Exception) -> None:
    _log.warning("news from other servers interrupted", cause=repr(error))


def _shown(addresses: list[str]) -> str:
    """Without users and passwords."""
    return ", ".join(address.rpartition("@")[2].removeprefix("nats://") for address in addresses)

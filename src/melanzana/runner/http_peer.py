"""The server over HTTP, as an agent sees it: each verb of `protocol/peer.py` as one request.

Nothing is repeated here: the agent knows until when asking again makes sense. Paths and bodies are those of `agents/api.py`, JSON
forms those of `protocol/wire.py`.
"""

from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import structlog

from melanzana.client.http import Call, Connection, Patience
from melanzana.client.tokens import TokenSource
from melanzana.clock import Clock, SystemClock
from melanzana.errors import UnavailableError
from melanzana.protocol import wire
from melanzana.protocol.peer import Directive, Hello, Lease, Report, Session

_log = structlog.get_logger("melanzana.agent")
_ROOT = "/agent_service/api/v1"
#: Clocks that are further apart than this are told, in seconds.
_CLOCK_SECONDS = 60.0
#: How much longer than asked for an answer may take, in seconds.
_SLACK_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Draining:
    """How far a process is on its way out."""

    agent_name: str
    status: str  #: as the server's pages show it; `Disconnected` once it has ended
    session: int


class HttpPeer:
    """Speaks to one server as one agent."""

    def __init__(
        self,
        base_url: str,
        tokens: TokenSource,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._connection = Connection(base_url, tokens, transport, Patience(attempts=1))
        self._clock = clock or SystemClock()

    async def register(self, hello: Hello) -> Session:
        answer = await self._post("/sessions", wire.hello_to_json(hello))
        self._compare_clocks(answer)
        return wire.session_from_json(_json(answer))

    async def lease(self, session: Session, wait_seconds: float) -> Lease | None:
        body = {"session": session.session, "wait_seconds": wait_seconds}
        answer = await self._post("/leases", body, wait_seconds)
        return None if answer.status_code == 204 else wire.lease_from_json(_json(answer))

    async def report(self, session: Session, report: Report) -> Directive:
        body = {"session": session.session, **wire.report_to_json(report)}
        answer = await self._post("/reports", body, report.wait_seconds)
        return wire.directive_from_json(_json(answer))

    async def leave(self, session: Session, *, gone: bool) -> None:
        await self._post("/departures", {"session": session.session, "gone": gone})

    async def drain(self, session: int | None = None) -> Draining:
        """Ask the process of this session, None: whichever works as this agent, to end with its last run.

        Raises SessionReplacedError when another process has taken its place.
        """
        answer = _json(await self._post("/departures", {} if session is None else {"session": session}))
        try:
            return Draining(str(answer["agent_name"]), str(answer["status"]), int(answer["session"]))
        except (TypeError, KeyError, ValueError):
            raise UnavailableError("the server's answer to a departure is not complete") from None

    async def store(self, session: Session, lease: Lease, content: bytes) -> str:
        headers = {
            "Content-Type": "application/octet-stream",
            "Melanzana-Session": str(session.session),
            "Melanzana-Execution": lease.execution_id,
            "Melanzana-Attempt": str(lease.attempt),
        }
        call = Call(method="POST", path=f"{_ROOT}/attachments", content=content, headers=headers)
        answer = _json(await self._connection.send(call))
        try:
            return str(answer["sha256"])
        except (TypeError, KeyError):
            raise UnavailableError("the server's answer to an attachment has no sha256") from None

    async def suite(self, session: Session, lease: Lease) -> bytes:
        body = {"session": session.session, "execution_id": lease.execution_id, "attempt": lease.attempt}
        return (await self._post("/suites", body, session.lease_seconds)).content

    async def close(self) -> None:
        await self._connection.close()

    def _compare_clocks(self, answer: httpx.Response) -> None:
        """A wrong clock does no harm to leases, which count no wall clock; but the times in logs and files are wrong."""
        with suppress(KeyError, ValueError, TypeError):
            ahead = (self._clock.now() - parsedate_to_datetime(answer.headers["date"])).total_seconds()
            if abs(ahead) > _CLOCK_SECONDS:
                side = "ahead of" if ahead > 0 else "behind"
                _log.warning(
                    f"this machine's clock is {abs(ahead):.0f} s {side} the server's: set it, or times in its logs are wrong"
                )

    async def _post(self, path: str, body: dict[str, Any], wait_seconds: float = 0.0) -> httpx.Response:
        call = Call(method="POST", path=_ROOT + path, json=body, timeout_seconds=wait_seconds + _SLACK_SECONDS)
        return await self._connection.send(call)


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        raise UnavailableError(f"the server answered {answer.status_code} with something that is no JSON") from None

"""The server over HTTP, as an agent sees it: each verb of `protocol/peer.py` as one request.

Nothing is repeated here: the agent knows until when asking again makes sense. Paths and bodies are those of `agents/api.py`, JSON
forms those of `protocol/wire.py`.
"""

from typing import Any

import httpx

from melanzana.client.http import Call, Connection, Patience
from melanzana.client.tokens import TokenSource
from melanzana.errors import UnavailableError
from melanzana.protocol import wire
from melanzana.protocol.peer import Directive, Hello, Lease, Report, Session

_ROOT = "/agent_service/api/v1"
#: How much longer than asked for an answer may take, in seconds.
_SLACK_SECONDS = 8.0


class HttpPeer:
    """Speaks to one server as one agent."""

    def __init__(self, base_url: str, tokens: TokenSource, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._connection = Connection(base_url, tokens, transport, Patience(attempts=1))

    async def register(self, hello: Hello) -> Session:
        answer = await self._post("/sessions", wire.hello_to_json(hello))
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

    async def drain(self) -> tuple[str, str]:
        """Ask whichever process works as this agent to end with its last run; the agent's name and its status now."""
        answer = _json(await self._post("/departures", {}))
        try:
            return str(answer["agent_name"]), str(answer["status"])
        except (TypeError, KeyError):
            raise UnavailableError("the server's answer to a departure has no status") from None

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

    async def close(self) -> None:
        await self._connection.close()

    async def _post(self, path: str, body: dict[str, Any], wait_seconds: float = 0.0) -> httpx.Response:
        call = Call(method="POST", path=_ROOT + path, json=body, timeout_seconds=wait_seconds + _SLACK_SECONDS)
        return await self._connection.send(call)


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        raise UnavailableError(f"the server answered {answer.status_code} with something that is no JSON") from None

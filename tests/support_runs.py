"""Runs on the whole server without an agent process: claimed, told and ended through the services."""

from collections.abc import Sequence
from typing import Any

from melanzana.access.permissions import SCOPES_OF
from melanzana.access.records import Principal, PrincipalKind
from melanzana.executions.records import ClaimingAgent, Execution, StartRequest
from melanzana.graph.model import Model
from melanzana.protocol.events import AttachmentStored, Event, RunFinished
from melanzana.protocol.peer import Lease, Report
from melanzana.server.services import Services
from melanzana.storage.blob_places import in_folder
from melanzana.storage.blobs import BlobStore
from support_executions import MODEL_TEXT, doors
from support_reports import Judge, passes, walked

REALM = "eggplant"
CI = Principal(
    realm=REALM,
    kind=PrincipalKind.API_CLIENT,
    client_id="client:dai:nightly",
    subject="2f6e1a9e-6b0b-4f86-9d4c-6b5fd1f4a001",
    name="nightly",
    scopes=SCOPES_OF[PrincipalKind.API_CLIENT],
)
#: A picture of one dot.
DOT = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cf500f0003860180"
    "5a347d6b0000000049454e44ae426082"
)


class Runs:
    """Starts and ends runs of one model."""

    def __init__(self, services: Services, model_id: int, agent: ClaimingAgent) -> None:
        self.services, self.model_id, self.agent = services, model_id, agent

    @classmethod
    async def of(cls, services: Services, model: Model | None = None, text: str = MODEL_TEXT) -> "Runs":
        """Of the doors model when no other is given."""
        version = await services.catalog.add_model(REALM, None, None, model or doors(), text)
        view = await services.agents.create(REALM, f"rack-{version.model_id}")
        agent = ClaimingAgent(
            agent_id=view.agent.id, session=1, realm=REALM, capabilities=frozenset({"python", "dry"}), name=view.agent.name
        )
        return cls(services, version.model_id, agent)

    async def start(self, **fields: Any) -> Execution:
        return await self.services.executions.start(StartRequest(model=self.model_id, **fields), CI)

    async def claim(self) -> Lease:
        lease = await self.services.executions.claim(self.agent)
        assert lease is not None
        return lease

    async def claim_soon(self, wait_seconds: float = 1.0) -> Lease | None:
        """What comes within that time."""
        return await self.services.executions.claim(self.agent, wait_seconds)

    async def tell(self, lease: Lease, events: Sequence[Event], first_seq: int = 1) -> None:
        await self.services.executions.report(
            self.agent, Report(execution_id=lease.execution_id, attempt=lease.attempt, first_seq=first_seq, events=tuple(events))
        )

    async def run(self, judge: Judge = passes, files: Sequence[AttachmentStored] = (), **fields: Any) -> Execution:
        """From start to end, with these attachments before the end."""
        execution = await self.start(**fields)
        lease = await self.claim()
        events = walked(lease.snapshot, judge)
        assert isinstance(events[-1], RunFinished)
        await self.tell(lease, (*events[:-1], *files, events[-1]))
        return await self.services.executions.get(REALM, execution.run_id)

    def keep(self, name: str, content: bytes, media_type: str, step: int | None = None) -> AttachmentStored:
        """The event of a file whose content the server has."""
        return keep(self.services, name, content, media_type, step)


def keep(services: Services, name: str, content: bytes, media_type: str, step: int | None = None) -> AttachmentStored:
    """The same, for runs of any realm."""
    digest = BlobStore(in_folder(services.settings.data / "blobs")).put(content)
    return AttachmentStored(name=name, media_type=media_type, sha256=digest, size=len(content), step=step)

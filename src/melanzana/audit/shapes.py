"""What the REST API of the audit trail takes and gives."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from melanzana.audit.export import as_dict
from melanzana.audit.records import AuditFilter, AuditRecord, Head, Verification
from melanzana.errors import RequestError
from melanzana.web.inputs import Instant

_Word = Annotated[str, Field(max_length=300)]
_LARGEST = 2**53


class RecordsQuery(BaseModel):
    """Which records to list."""

    model_config = ConfigDict(extra="forbid")

    action: _Word = Field("", description="`client.create`, or `client` for every action on clients.")
    actor: _Word = Field("", description="Id or name of who did it.")
    subject: _Word = Field("", description="Id of what it was done to.")
    outcome: _Word = Field("", description="`success` or `failure`.")
    text: _Word = Field("", description="Found anywhere in actor, address, subject or detail, in any case.")
    since: Instant | None = Field(None, description="From this instant on.")
    until: Instant | None = Field(None, description="Before this instant.")
    before: int | None = Field(None, ge=1, le=_LARGEST, description="Only smaller numbers: `next` of the page before.")
    limit: int = Field(100, ge=1, le=1_000, description="Records on a page.")

    def filter(self) -> AuditFilter:
        return AuditFilter(**self.model_dump(exclude={"before", "limit"}))


class VerificationQuery(BaseModel):
    """A record whose hash was kept elsewhere."""

    model_config = ConfigDict(extra="forbid")

    number: int | None = Field(None, ge=1, le=_LARGEST, description="Number of a record whose hash was kept elsewhere.")
    hash: str | None = Field(None, pattern="^[0-9a-f]{64}$", description="The hash that was kept.")

    def kept(self) -> Head | None:
        """Errors: RequestError when only one of both is given."""
        if (self.number is None) != (self.hash is None):
            raise RequestError("number and hash go together: of the record that was kept", field="hash")
        return None if self.number is None or self.hash is None else Head(number=self.number, hash=self.hash)


class ActorItem(BaseModel):
    """Who did it."""

    kind: str = Field(description="`user`, `api_client`, `agent`, `command_line`, `server`, or `nobody` who was let in.")
    id: str
    name: str


class RecordItem(BaseModel):
    """One record."""

    number: int = Field(description="From 1, without a gap, in the realm.")
    at: datetime
    action: str
    outcome: str
    actor: ActorItem
    address: str = Field(description="Where the request came from; empty on the server's own machine.")
    subject: str = Field(description="Id of what it was done to.")
    detail: dict[str, str]
    previous_hash: str = Field(description="Hash of the record before; 64 zeros for the first.")
    hash: str = Field(description="SHA-256 over this record and `previous_hash`.")


class RecordsAnswer(BaseModel):
    """A page of records, the newest first."""

    records: list[RecordItem]
    next: int | None = Field(description="`before` of the next page; null at the end.")


class VerificationAnswer(BaseModel):
    """What a look at every record of the realm found."""

    records: int
    ok: bool = Field(description="Whether every record is there and as it was written.")
    first_broken: int | None = Field(description="Number of the first record that is not.")
    head_hash: str = Field(description="Hash of the last record. Kept elsewhere, it can be held against the trail later.")


def records_answer(found: list[AuditRecord], limit: int) -> RecordsAnswer:
    """A full page may have another after it."""
    following = found[-1].number if len(found) == limit and found[-1].number > 1 else None
    return RecordsAnswer(records=[RecordItem.model_validate(as_dict(record)) for record in found], next=following)


def verification_answer(found: Verification) -> VerificationAnswer:
    return VerificationAnswer(records=found.records, ok=found.ok, first_broken=found.first_broken, head_hash=found.head_hash)

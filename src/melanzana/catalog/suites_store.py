"""The SQL of stored suites: rows in, records out. `suites_service.py` opens it, and `service.py` for the start of a run."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, Table, Text, UniqueConstraint, column, insert, select, table
from sqlalchemy import delete as delete_rows

from melanzana.errors import NotFoundError, UnavailableError
from melanzana.storage.schema import metadata
from melanzana.storage.types import Instant

suite_versions = Table(
    "suite_versions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("realm", Text, nullable=False),
    Column("suite_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("files", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    UniqueConstraint("realm", "name", "version"),
    Index("ix_suite_versions_sha256", "sha256"),
)
#: Contents that the sweep of retention may remove; named here without its room, which is higher up.
_contents = table("attachments", column("sha256"), column("size"), column("kept_at", Instant), column("removing_at"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteVersion:
    """One state of a suite's code, named by its content."""

    id: str  #: uuid
    realm: str
    suite_id: str  #: uuid, the same for every version
    name: str
    version: int  #: from 1
    sha256: str  #: of the zip file
    size: int  #: bytes of the zip file
    files: int
    created_at: datetime
    created_by: str


def versions(tx: Connection, realm: str, **wanted: str) -> tuple[SuiteVersion, ...]:
    """Those whose columns are so, newest first within each name."""
    same = [suite_versions.c[name] == value for name, value in wanted.items()]
    question = select(suite_versions).where(suite_versions.c.realm == realm, *same)
    ordered = question.order_by(suite_versions.c.name, suite_versions.c.version.desc())
    return tuple(SuiteVersion(**row) for row in tx.execute(ordered).mappings())


def resolved(tx: Connection, realm: str, ref: str) -> SuiteVersion:
    """The version with this id, or the newest of the suite with this id or name. Raises NotFoundError."""
    for name in ("id", "suite_id", "name"):
        if found := versions(tx, realm, **{name: ref}):
            return found[0]
    raise NotFoundError(f"there is no stored suite, and no version of one, called {ref!r}", field="asset.asset_version_id")


def add(tx: Connection, version: SuiteVersion) -> None:
    """From here on the sweep leaves the content alone. Raises UnavailableError while it is just being removed."""
    row = tx.execute(select(_contents.c.removing_at).where(_contents.c.sha256 == version.sha256)).first()
    if row is not None and row.removing_at is not None:
        raise UnavailableError("the same content is just being removed; send it again", retry_after=1)
    tx.execute(insert(suite_versions).values(asdict(version)))


def remove(tx: Connection, gone: tuple[SuiteVersion, ...], at: datetime) -> None:
    """Forget these versions; their contents go with the next sweep, unless somebody else keeps them."""
    tx.execute(delete_rows(suite_versions).where(suite_versions.c.id.in_([one.id for one in gone])))
    for sha256, size in {one.sha256: one.size for one in gone}.items():
        if tx.execute(select(_contents.c.sha256).where(_contents.c.sha256 == sha256)).first() is None:
            values: dict[str, Any] = {"sha256": sha256, "size": size, "kept_at": at}
            tx.execute(insert(_contents).values(values))

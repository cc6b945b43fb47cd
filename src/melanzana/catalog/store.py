"""The SQL of the catalog: rows in, records out. Only `catalog/service.py` opens it.

Nothing is ever removed: a deleted model keeps its row, its versions and its test case ids, so that old runs stay readable and a
second import of the same uuid continues where the first one stopped.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Integer,
    Select,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    func,
    insert,
    select,
    update,
)

from melanzana.catalog.records import ModelEntry, ModelFilter, ModelVersion, VersionSummary
from melanzana.graph.model import TestCase
from melanzana.storage.prepared import Prepared
from melanzana.storage.schema import metadata
from melanzana.storage.types import Instant, JsonText, RowId

models = Table(
    "models",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("realm", Text, nullable=False),
    Column("uuid", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("group_name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("updated_by", Text, nullable=False),
    Column("deleted_at", Instant),
    UniqueConstraint("realm", "uuid"),
)

model_versions = Table(
    "model_versions",
    metadata,
    Column("model_id", RowId, ForeignKey("models.id"), primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("model_hash", Text, nullable=False),
    Column("document", JsonText, nullable=False),
    Column("source", Text),
    Column("source_format", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
)

test_cases = Table(
    "test_cases",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("model_id", RowId, ForeignKey("models.id"), nullable=False),
    Column("realm", Text, nullable=False),
    Column("uuid", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("model_id", "uuid"),
)

_SUMMARY = [column for column in model_versions.c if column.name not in {"model_id", "document", "source"}]

#: Asked at every start: put together once, since that costs more than carrying them out.
_BY_ID = Prepared(select(models).where(models.c.realm == bindparam("of_realm"), models.c.id == bindparam("ref")))
_BY_UUID = Prepared(select(models).where(models.c.realm == bindparam("of_realm"), models.c.uuid == bindparam("ref")))
_VERSION = Prepared(
    select(model_versions).where(
        model_versions.c.model_id == bindparam("of_model"), model_versions.c.version == bindparam("of_number")
    )
)


def find_model(tx: Connection, realm: str, ref: int | str, *, deleted: bool = False) -> ModelEntry | None:
    """The model with this integer id or uuid; a deleted one only when asked for."""
    question = _BY_ID if isinstance(ref, int) else _BY_UUID
    row = question.first(tx, {"of_realm": realm, "ref": ref if isinstance(ref, int) else ref.lower()})
    return None if row is None or (row["deleted_at"] is not None and not deleted) else _entry(row)


def list_models(tx: Connection, realm: str, wanted: ModelFilter) -> tuple[tuple[ModelEntry, ...], int]:
    """One page of the models that are not deleted, and how many there are on all pages."""
    question = select(models).where(models.c.realm == realm, models.c.deleted_at.is_(None))
    if wanted.name is not None:
        question = question.where(models.c.name == wanted.name)
    if wanted.group is not None:
        question = question.where(models.c.group_name == wanted.group)
    total = tx.execute(select(func.count()).select_from(question.subquery())).scalar_one()
    page = question.order_by(models.c.id).offset(wanted.offset).limit(wanted.limit)
    return tuple(_entry(row) for row in tx.execute(page).mappings()), total


def ids_of(tx: Connection, realm: str, uuids: Sequence[str]) -> dict[str, int]:
    """Integer ids by uuid, deleted models too; a uuid that is not known is left out."""
    question: Select[Any] = select(models.c.uuid, models.c.id).where(models.c.realm == realm, models.c.uuid.in_(uuids))
    return {row.uuid: row.id for row in tx.execute(question)}


def insert_model(tx: Connection, entry: ModelEntry) -> ModelEntry:
    """Keep a new model; its id is given by the database."""
    values = _columns(entry)
    del values["id"]
    row = tx.execute(insert(models).values(values).returning(models)).mappings().one()
    return _entry(row)


def update_model(tx: Connection, entry: ModelEntry, seen_revision: int) -> bool:
    """Write every column of the model, unless somebody else changed it since `seen_revision`; False: somebody did."""
    change = update(models).where(models.c.id == entry.id, models.c.revision == seen_revision).values(_columns(entry))
    return tx.execute(change).rowcount == 1


def insert_version(tx: Connection, version: ModelVersion) -> None:
    tx.execute(insert(model_versions).values(_version_columns(version)))


def update_version(tx: Connection, version: ModelVersion) -> None:
    """Write layout and source text anew; the logic is the same by its hash."""
    own = (model_versions.c.model_id == version.model_id, model_versions.c.version == version.version)
    fields = {"document": dict(version.document), "source": version.source, "source_format": version.source_format}
    tx.execute(update(model_versions).where(*own).values(fields))


def find_version(tx: Connection, entry: ModelEntry, version: int) -> ModelVersion | None:
    row = _VERSION.first(tx, {"of_model": entry.id, "of_number": version})
    return None if row is None else ModelVersion(uuid=entry.uuid, **row)


def list_versions(tx: Connection, model_id: int) -> tuple[VersionSummary, ...]:
    """Newest first."""
    question = select(*_SUMMARY).where(model_versions.c.model_id == model_id).order_by(model_versions.c.version.desc())
    return tuple(VersionSummary(**row) for row in tx.execute(question).mappings())


def number_test_cases(tx: Connection, entry: ModelEntry, cases: Sequence[TestCase]) -> None:
    """Give every test case its integer id; one that was there before, in any version, keeps it."""
    known = {row.uuid: row.name for row in tx.execute(select(test_cases).where(test_cases.c.model_id == entry.id))}
    fresh = [
        {"model_id": entry.id, "realm": entry.realm, "uuid": case.id, "name": case.name, "created_at": entry.updated_at}
        for case in cases
        if case.id not in known
    ]
    if fresh:
        tx.execute(insert(test_cases), fresh)
    for case in cases:
        if known.get(case.id, case.name) != case.name:
            own = (test_cases.c.model_id == entry.id, test_cases.c.uuid == case.id)
            tx.execute(update(test_cases).where(*own).values(name=case.name))


def test_case_ids(tx: Connection, model_id: int) -> dict[str, int]:
    """Integer ids of every test case the model ever had, by its id in the model."""
    rows = tx.execute(select(test_cases.c.uuid, test_cases.c.id).where(test_cases.c.model_id == model_id))
    return {row.uuid: row.id for row in rows}


def case_place(tx: Connection, realm: str, test_case_id: int) -> tuple[int, str] | None:
    """The model of a test case and its id in there, whatever became of it."""
    question = select(test_cases.c.model_id, test_cases.c.uuid).where(test_cases.c.realm == realm, test_cases.c.id == test_case_id)
    row = tx.execute(question).first()
    return None if row is None else (row.model_id, row.uuid)


def case_uuid_of(tx: Connection, realm: str, test_case_id: int) -> str | None:
    question = select(test_cases.c.uuid).where(test_cases.c.realm == realm, test_cases.c.id == test_case_id)
    return tx.execute(question).scalar_one_or_none()


def _entry(row: Mapping[Any, Any]) -> ModelEntry:
    return ModelEntry(group=row["group_name"], **{name: value for name, value in row.items() if name != "group_name"})


def _columns(entry: ModelEntry) -> dict[str, Any]:
    values = {name: getattr(entry, name) for name in ModelEntry.__dataclass_fields__}
    values["group_name"] = values.pop("group")
    return values


def _version_columns(version: ModelVersion) -> dict[str, Any]:
    values = {name: getattr(version, name) for name in ModelVersion.__dataclass_fields__ if name != "uuid"}
    values["document"] = dict(version.document)
    return values

"""The catalog's door: models come in, get versions, and are handed to whoever executes or reports.

A version is a state of the model's logic. Uploading a model whose logic is that of the newest version makes no new version: when
only its layout or source text changed, these are written over in place (coverage and history refer to logic); when nothing
changed, nothing is written. A model is known by its uuid within its realm: importing the same uuid again continues the same
model, even a deleted one. Another realm's model is not found, exactly as one that does not exist.

Callers: `catalog/api.py`, `executions/service.py` (freezes a version into a snapshot), `reports/service.py`. Reading and checking a
document is work for a thread and happens before (`catalog/intake.py`); what comes here as an `Upload` is valid.
"""

import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from melanzana.catalog import store, suites_store
from melanzana.catalog.checking import checked
from melanzana.catalog.records import ModelEntry, ModelFilter, ModelVersion, Saved, TestCaseEntry, Upload, VersionSummary
from melanzana.clock import Clock
from melanzana.errors import ConflictError, NotFoundError
from melanzana.graph.formats.document import from_document
from melanzana.graph.model import Model
from melanzana.storage.database import Database

_DOCUMENTS = 32  #: kept in memory
#: How a model may be named: its integer id or its uuid.
ModelRef = int | str


class CatalogService:
    """Models, versions and test cases, by realm."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        #: By model, version and revision: whatever changes a model or its newest version raises the revision.
        self._documents: OrderedDict[tuple[int, int, int], ModelVersion] = OrderedDict()

    async def add_model(
        self,
        realm: str,
        name: str | None,
        group: str | None,
        model: Model,
        source: str | None = None,
        *,
        created_by: str = "",
    ) -> ModelVersion:
        """Check `model`, keep it under `name` (None: its own) and return the version that now is the newest.

        Raises InvalidModelError. `save` does the same for a document that was read before.
        """
        upload = checked(model if name is None else replace(model, name=name))
        saved = await self.save(realm, replace(upload, group=group, source=source), created_by)
        return saved.version

    async def save(self, realm: str, upload: Upload, by: str, expected_revision: int | None = None) -> Saved:
        """Keep the upload as the newest version of the model with its uuid, making the model when it is new.

        Raises ConflictError when `expected_revision` is given and is not the model's revision.
        """
        return await self._database.write(lambda tx: self.save_within(tx, realm, upload, by, expected_revision))

    async def get(self, realm: str, ref: ModelRef) -> ModelEntry:
        """Raises NotFoundError."""
        return await self._database.read(lambda tx: _existing(tx, realm, ref))

    async def version(self, realm: str, ref: ModelRef, version: int | None = None) -> ModelVersion:
        """This version, or the newest, with its document. Raises NotFoundError."""
        return (await self.current(realm, ref, version))[1]

    async def current(self, realm: str, ref: ModelRef, version: int | None = None) -> tuple[ModelEntry, ModelVersion]:
        """The model and one of its versions, read at one moment; documents that were read last are not read again.

        Raises NotFoundError.
        """
        entry = await self._database.glance(lambda tx: _existing(tx, realm, ref))
        known = self._documents.get(_place(entry, version))
        if known is not None:
            return entry, known
        entry, found = await self._database.read(lambda tx: _current(tx, realm, ref, version))
        self._documents[_place(entry, version)] = found
        if len(self._documents) > _DOCUMENTS:
            self._documents.popitem(last=False)
        return entry, found

    async def suite_version(self, realm: str, ref: str) -> suites_store.SuiteVersion:
        """A version of a stored suite by its id, or the newest by the suite's id or name. Raises NotFoundError."""
        return await self._database.read(lambda tx: suites_store.resolved(tx, realm, ref))

    async def list_models(self, realm: str, wanted: ModelFilter | None = None) -> tuple[tuple[ModelEntry, ...], int]:
        """One page of models, and how many there are on all pages."""
        return await self._database.read(lambda tx: store.list_models(tx, realm, wanted or ModelFilter()))

    async def list_versions(self, realm: str, ref: ModelRef) -> tuple[VersionSummary, ...]:
        """Newest first. Raises NotFoundError."""
        return await self._database.read(lambda tx: store.list_versions(tx, _existing(tx, realm, ref).id))

    async def ids_of(self, realm: str, uuids: Sequence[str]) -> dict[str, int]:
        """Integer ids of models by uuid, deleted ones too."""
        return await self._database.read(lambda tx: store.ids_of(tx, realm, uuids))

    async def uuid_of(self, realm: str, ref: ModelRef) -> str | None:
        """The uuid of a model, a deleted one too; None when there never was one."""
        entry = await self._database.read(lambda tx: store.find_model(tx, realm, ref, deleted=True))
        return None if entry is None else entry.uuid

    async def case_uuid_of(self, realm: str, test_case_id: int) -> str | None:
        """The id in its model of the test case with this integer id, whatever became of it; None when there never was one."""
        return await self._database.read(lambda tx: store.case_uuid_of(tx, realm, test_case_id))

    async def delete(self, realm: str, ref: ModelRef, by: str, expected_revision: int | None = None) -> None:
        """Take the model out of every list; its runs stay readable. Raises NotFoundError, ConflictError."""
        await self._database.write(lambda tx: self._delete(tx, realm, ref, by, expected_revision))

    async def list_test_cases(self, realm: str, ref: ModelRef, version: int | None = None) -> tuple[TestCaseEntry, ...]:
        """The test cases of a version, in the order of its document. Raises NotFoundError."""
        return await self._database.read(lambda tx: _test_cases(tx, realm, ref, version))

    async def test_case(self, realm: str, model_ref: ModelRef, ref: int | str, version: int | None = None) -> TestCaseEntry:
        """The test case with this integer id (also as digits), id in the model, or name. Raises NotFoundError."""
        entries = await self.list_test_cases(realm, model_ref, version)
        found = _pick(entries, ref)
        if found is None:
            raise NotFoundError(f"model {model_ref} has no test case {ref!r}", field="test_case_id")
        return found

    async def case_by_number(self, realm: str, test_case_id: int) -> tuple[ModelEntry, TestCaseEntry]:
        """A test case of the newest version of whichever model, by its integer id. Raises NotFoundError."""
        place = await self._database.read(lambda tx: store.case_place(tx, realm, test_case_id))
        if place is None:
            raise NotFoundError(f"there is no test case {test_case_id}", field="test_case_id")
        return await self.get(realm, place[0]), await self.test_case(realm, place[0], place[1])

    def save_within(self, tx: Connection, realm: str, upload: Upload, by: str, expected: int | None) -> Saved:
        """The same inside a transaction that changes something else of the catalog, too."""
        before = store.find_model(tx, realm, upload.model.id, deleted=True)
        if before is None:
            return self._first(tx, realm, upload, by)
        _expect(before, expected)
        latest = store.find_version(tx, before, before.version)
        assert latest is not None
        if latest.model_hash != upload.model_hash:
            return self._next(tx, before, upload, by)
        if _same(before, latest, upload):
            return Saved(entry=before, version=latest, created=False, findings=upload.findings)
        return self._refresh(tx, before, latest, upload, by)

    def version_within(self, tx: Connection, entry: ModelEntry) -> ModelVersion:
        """The newest version, seen inside a transaction."""
        return _current(tx, entry.realm, entry.id, None)[1]

    def _first(self, tx: Connection, realm: str, upload: Upload, by: str) -> Saved:
        now = self._clock.now()
        entry = ModelEntry(
            id=0,
            realm=realm,
            uuid=upload.model.id,
            name=upload.model.name,
            group=upload.group or "",
            version=1,
            revision=1,
            created_at=now,
            created_by=by,
            updated_at=now,
            updated_by=by,
        )
        return self._add_version(tx, store.insert_model(tx, entry), upload)

    def _next(self, tx: Connection, before: ModelEntry, upload: Upload, by: str) -> Saved:
        entry = replace(self._touched(before, upload, by), version=before.version + 1)
        _written(store.update_model(tx, entry, before.revision), before)
        return self._add_version(tx, entry, upload)

    def _refresh(self, tx: Connection, before: ModelEntry, latest: ModelVersion, upload: Upload, by: str) -> Saved:
        entry = self._touched(before, upload, by)
        _written(store.update_model(tx, entry, before.revision), before)
        version = replace(latest, document=upload.document, source=upload.source, source_format=upload.source_format)
        store.update_version(tx, version)
        return Saved(entry=entry, version=version, created=False, findings=upload.findings)

    def _add_version(self, tx: Connection, entry: ModelEntry, upload: Upload) -> Saved:
        version = ModelVersion(
            model_id=entry.id,
            uuid=entry.uuid,
            version=entry.version,
            name=entry.name,
            model_hash=upload.model_hash,
            document=upload.document,
            source=upload.source,
            source_format=upload.source_format,
            created_at=entry.updated_at,
            created_by=entry.updated_by,
        )
        store.insert_version(tx, version)
        store.number_test_cases(tx, entry, upload.model.test_cases)
        return Saved(entry=entry, version=version, created=True, findings=upload.findings)

    def _touched(self, before: ModelEntry, upload: Upload, by: str) -> ModelEntry:
        return replace(
            before,
            name=upload.model.name,
            group=before.group if upload.group is None else upload.group,
            revision=before.revision + 1,
            updated_at=self._clock.now(),
            updated_by=by,
            deleted_at=None,
        )

    def _delete(self, tx: Connection, realm: str, ref: ModelRef, by: str, expected: int | None) -> None:
        before = _existing(tx, realm, ref)
        _expect(before, expected)
        now = self._clock.now()
        gone = replace(before, deleted_at=now, updated_at=now, updated_by=by, revision=before.revision + 1)
        _written(store.update_model(tx, gone, before.revision), before)


def _place(entry: ModelEntry, version: int | None) -> tuple[int, int, int]:
    return entry.id, entry.version if version is None else version, entry.revision


def _existing(tx: Connection, realm: str, ref: ModelRef) -> ModelEntry:
    entry = store.find_model(tx, realm, ref)
    if entry is None:
        raise NotFoundError(f"there is no model {ref}", field="model_id")
    return entry


def _current(tx: Connection, realm: str, ref: ModelRef, version: int | None) -> tuple[ModelEntry, ModelVersion]:
    entry = _existing(tx, realm, ref)
    found = store.find_version(tx, entry, entry.version if version is None else version)
    if found is None:
        raise NotFoundError(f"model {ref} has no version {version}; the newest is {entry.version}", field="version")
    return entry, found


def _test_cases(tx: Connection, realm: str, ref: ModelRef, version: int | None) -> tuple[TestCaseEntry, ...]:
    entry, found = _current(tx, realm, ref, version)
    ids = store.test_case_ids(tx, entry.id)
    cases = from_document(found.document).test_cases
    return tuple(TestCaseEntry(id=ids[case.id], model_id=entry.id, uuid=case.id, name=case.name, case=case) for case in cases)


def _pick(entries: Sequence[TestCaseEntry], ref: int | str) -> TestCaseEntry | None:
    """An id in the model is asked first, then the integer id, then the name: a name never hides an id."""
    text = str(ref)
    for key in ("uuid", "id", "name"):
        for entry in entries:
            if str(getattr(entry, key)) == text:
                return entry
    return None


def _expect(before: ModelEntry, revision: int | None) -> None:
    if revision is not None and revision != before.revision:
        raise _changed(before)


def _written(done: bool, before: ModelEntry) -> None:
    if not done:
        raise _changed(before)


def _changed(before: ModelEntry) -> ConflictError:
    message = f"model {before.id} was changed meanwhile; read it again and repeat the change on what it is now"
    return ConflictError(message, field="If-Match", state=before.revision)


def _same(before: ModelEntry, latest: ModelVersion, upload: Upload) -> bool:
    return (
        (latest.source, latest.source_format) == (upload.source, upload.source_format)
        and json.dumps(latest.document) == json.dumps(upload.document)
        and before.deleted_at is None
        and upload.group in {None, before.group}
    )

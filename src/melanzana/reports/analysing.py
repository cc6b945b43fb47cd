"""Answers what many runs say together: failures, test cases, parts of a model that fail; from what is kept, never from logs.

`analysis_api.py` and the pages ask. `analysis.py` has the sums themselves.
"""

import asyncio

from melanzana.catalog.records import ModelEntry, TestCaseEntry
from melanzana.catalog.service import CatalogService, ModelRef
from melanzana.graph.formats.document import from_document
from melanzana.reports import store
from melanzana.reports.analysis import CaseAnalysis, Defect, ElementFailures, Explored, case_analysis, defects, failing_elements
from melanzana.reports.digesting import Digests
from melanzana.reports.outcomes import CASES, ELEMENTS, PASSED
from melanzana.reports.sums import RunSum
from melanzana.storage.database import Database

#: Newest failures that are put together, and newest runs that a test case is judged by.
LOOKED_AT, LOOKED_AT_CASE = 2_000, 1_000
_Found = tuple[tuple[TestCaseEntry, CaseAnalysis], ...]


class Analyses:
    """Questions about the runs of a model, or of a realm."""

    def __init__(self, database: Database, catalog: CatalogService, digests: Digests) -> None:
        self._database, self._catalog, self._digests = database, catalog, digests

    async def defects(self, realm: str, model: ModelRef | None = None) -> tuple[Defect, ...]:
        """The newest `LOOKED_AT` failures, those that are the same one together. Raises NotFoundError."""
        if model is None:
            await self._digests.settle(realm, None)
        uuid = None if model is None else (await self._settled(realm, model)).uuid
        found, passed = await self._database.read(lambda tx: store.failures(tx, realm, uuid, LOOKED_AT))
        return await asyncio.to_thread(defects, found, passed)

    async def cases(self, realm: str, model: ModelRef) -> _Found:
        """Each test case of the newest version with its directed and exploring runs. Raises NotFoundError."""
        entry = await self._settled(realm, model)
        return tuple([(case, await self._case(entry, case)) for case in await self._catalog.list_test_cases(realm, model)])

    async def case(self, realm: str, model: ModelRef, ref: str) -> tuple[ModelEntry, TestCaseEntry, CaseAnalysis]:
        """One of them. Raises NotFoundError."""
        entry = await self._settled(realm, model)
        case = await self._catalog.test_case(realm, model, ref)
        return entry, case, await self._case(entry, case)

    async def failing_elements(self, realm: str, model: ModelRef) -> tuple[ElementFailures, ...]:
        """States and actions of the newest version that failed, the most often failing first. Raises NotFoundError."""
        entry, version = await self._catalog.current(realm, model)
        await self._digests.settle(realm, entry.uuid, version=version.version)
        found, _ = await self._database.read(lambda tx: store.failures(tx, realm, entry.uuid, LOOKED_AT))
        hits = await self._digests.sum(store.Scope(realm, entry.uuid, version.version, ELEMENTS), lambda runs: runs.tally().hits)
        mine = [one for one in found if one.model_version == version.version]
        return await asyncio.to_thread(lambda: failing_elements(from_document(version.document), mine, hits))

    async def _settled(self, realm: str, model: ModelRef) -> ModelEntry:
        entry = await self._catalog.get(realm, model)
        await self._digests.settle(realm, entry.uuid)
        return entry

    async def _case(self, entry: ModelEntry, case: TestCaseEntry) -> CaseAnalysis:
        runs = await self._database.read(lambda tx: store.directed(tx, entry.realm, entry.uuid, case.uuid, LOOKED_AT_CASE))
        scope = store.Scope(entry.realm, entry.uuid, entry.version, CASES)
        explored = await self._digests.sum(scope, lambda found: _explored(found, case.uuid))
        return case_analysis(case.uuid, runs, explored)


def _explored(found: RunSum, case: str) -> Explored:
    hit, passed = found.seen.get(case), found.seen.get((case, PASSED))
    return Explored(hits=hit.hits if hit else 0, passes=passed.hits if passed else 0, runs=hit.runs if hit else 0)

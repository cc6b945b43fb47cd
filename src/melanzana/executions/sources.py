"""Which model a request means: a version from the catalog, or the one frozen into an earlier run. Called by `service.start`."""

from dataclasses import replace

from melanzana.catalog.service import CatalogService
from melanzana.errors import RequestError
from melanzana.executions.planning import Plannable
from melanzana.executions.records import StartRequest
from melanzana.protocol.snapshot import Snapshot


async def find_source(catalog: CatalogService, realm: str, request: StartRequest, original: Snapshot | None) -> Plannable:
    """What the plan is made from; `original` is the snapshot of the run to repeat.

    Raises NotFoundError for an unknown model, version or test case, RequestError when the run to repeat is of another model.
    """
    source = await _from_catalog(catalog, realm, request) if original is None else await _again(catalog, realm, request, original)
    if request.test_case is None:
        return source
    case = await catalog.test_case(realm, source.model_id, request.test_case, source.model_version)
    return replace(source, test_case=case.uuid)


async def _from_catalog(catalog: CatalogService, realm: str, request: StartRequest) -> Plannable:
    assert request.model is not None
    found = await catalog.version(realm, request.model, request.model_version)
    return Plannable(document=found.document, model_id=found.uuid, model_version=found.version, model_hash=found.model_hash)


async def _again(catalog: CatalogService, realm: str, request: StartRequest, original: Snapshot) -> Plannable:
    if request.model is not None and (await catalog.get(realm, request.model)).uuid != original.model_id:
        raise RequestError("rerun_id names a run of another model; leave out model_id", field="model_id")
    return Plannable(
        document=original.model,
        model_id=original.model_id,
        model_version=original.model_version,
        model_hash=original.model_hash,
        original=original,
    )

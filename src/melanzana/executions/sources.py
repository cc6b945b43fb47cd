"""Which model a request means: a version from the catalog, or the one frozen into an earlier run. Called by `service.start`."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from melanzana.catalog.records import ModelFilter, ModelVersion
from melanzana.catalog.service import CatalogService
from melanzana.errors import NotFoundError, RequestError
from melanzana.executions.by_identity import ByIdentity
from melanzana.executions.planning import Plannable
from melanzana.executions.records import StartRequest
from melanzana.generation.sub_models import calling, find_in, needed
from melanzana.graph.formats.document import from_document
from melanzana.graph.model import Model
from melanzana.protocol.snapshot import Snapshot
from melanzana.protocol.suite_archive import inner_folder

#: Whether a document speaks of sub-models.
_contains = ByIdentity(lambda document: "sub models" in json.dumps(document), 32)


async def find_source(catalog: CatalogService, realm: str, request: StartRequest, original: Snapshot | None) -> Plannable:
    """What the plan is made from; `original` is the snapshot of the run to repeat.

    Raises NotFoundError for an unknown model, version or test case, RequestError when the run to repeat is of another model.
    """
    source = await _from_catalog(catalog, realm, request) if original is None else await _again(catalog, realm, request, original)
    if request.suite_version is not None:
        source = replace(source, stored_suite=await _stored_suite(catalog, realm, request.suite_version, request.suite))
    if request.test_case is None:
        return source
    case = await catalog.test_case(realm, source.model_id, request.test_case, source.model_version)
    return replace(source, test_case=case.uuid)


async def _stored_suite(catalog: CatalogService, realm: str, ref: str, folder: str | None) -> dict[str, Any]:
    found = await catalog.suite_version(realm, ref)
    return {
        "suite": found.name,
        "suite_id": found.suite_id,
        "version": found.version,
        "version_id": found.id,
        "sha256": found.sha256,
        "folder": inner_folder(folder),
    }


async def _from_catalog(catalog: CatalogService, realm: str, request: StartRequest) -> Plannable:
    assert request.model is not None
    found = await catalog.version(realm, request.model, request.model_version)
    return Plannable(
        document=found.document,
        model_id=found.uuid,
        model_version=found.version,
        model_hash=found.model_hash,
        sub_models=await _sub_models(catalog, realm, found.document),
    )


async def _sub_models(catalog: CatalogService, realm: str, document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The newest version of every model that is walked inside an action, at any depth, by uuid.

    Raises RequestError naming the action and the model that is missing, InvalidModelError when they contain each other.
    """
    if not _contains.of(document):  # most models: then nothing is read twice
        return {}
    outermost = from_document(document)
    known: dict[str, ModelVersion] = {}
    models: dict[str, Model] = {}
    waiting = [outermost]
    while waiting:
        for name in [name for action in calling(waiting.pop()).values() for name in action.sub_models]:
            found = await _named(catalog, realm, name)
            if found is not None and found.uuid not in known:
                known[found.uuid] = found
                models[found.uuid] = replace(from_document(found.document), id=found.uuid)
                waiting.append(models[found.uuid])
    inside = needed(outermost, find_in(models.values()))
    return {uuid: known[uuid].document for uuid in inside}


async def _named(catalog: CatalogService, realm: str, name: str) -> ModelVersion | None:
    """A model of the realm by uuid, or else the first of this name; None when there is none."""
    try:
        return await catalog.version(realm, name)
    except NotFoundError:
        found, _ = await catalog.list_models(realm, ModelFilter(name=name, limit=1))
        return await catalog.version(realm, found[0].uuid) if found else None


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

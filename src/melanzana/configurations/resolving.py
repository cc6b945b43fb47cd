"""What the steps of a configuration refer to: models and test cases of the catalog, by whatever name a client knows them.

`service.py` calls it when a configuration is saved (a reference that leads nowhere is refused, naming the step) and again at every
start (the newest version of each model counts).
"""

import re
from collections.abc import AsyncIterator
from dataclasses import replace

from melanzana.catalog.records import ModelFilter, ModelVersion
from melanzana.catalog.service import CatalogService
from melanzana.configurations.planning import Target, request_for
from melanzana.configurations.records import ConfigurationStep, Draft, PlannedStep, StepKind
from melanzana.errors import ConflictError, MelanzanaError, NotFoundError, RequestError
from melanzana.executions.planning import Plannable, check_request, make_plan
from melanzana.graph.formats.document import from_document

_DIGITS = re.compile(r"[1-9][0-9]{0,17}")


class Resolver:
    """Reads each model of one configuration once."""

    def __init__(self, catalog: CatalogService, realm: str) -> None:
        self._catalog, self._realm = catalog, realm
        self._versions: dict[str, ModelVersion] = {}

    async def settled(self, draft: Draft) -> Draft:
        """The draft with the ids of what its steps name. Raises RequestError naming the step and its field."""
        return replace(draft, steps=tuple([step async for step in self._settled(draft)]))

    async def target(self, step: ConfigurationStep) -> Target:
        """What the step refers to now. Raises NotFoundError."""
        if step.model is None:
            return Target()
        version = await self._version(step.model)
        case = None
        if step.test_case is not None:
            case = (await self._catalog.test_case(self._realm, version.uuid, step.test_case, version.version)).case
        return Target(model=from_document(version.document), version=version.version, case=case)

    def check(self, plan: PlannedStep, draft: Draft) -> None:
        """An execution of the step could be planned. Raises what the start of it would raise."""
        request = request_for(plan, draft, "", 0)
        check_request(request)
        if plan.step.model is None:
            return
        version = self._versions[plan.step.model]
        source = Plannable(
            document=version.document,
            model_id=version.uuid,
            model_version=version.version,
            model_hash=version.model_hash,
            test_case=plan.step.test_case,
        )
        make_plan(request, source, from_document(version.document), drawn_seed=1)

    async def _settled(self, draft: Draft) -> AsyncIterator[ConfigurationStep]:
        for number, step in enumerate(draft.steps):
            try:
                yield await self._step(step)
            except NotFoundError as error:
                raise at_step(number, error) from None

    async def _step(self, step: ConfigurationStep) -> ConfigurationStep:
        if step.kind is StepKind.SCRIPT:
            return replace(step, name=step.name or (step.script or "")[:100])
        version = await self._version(step.model or "")
        if step.test_case is None:
            return replace(step, model=version.uuid, name=step.name or version.name[:100])
        entry = await self._catalog.test_case(self._realm, version.uuid, step.test_case, version.version)
        return replace(step, model=version.uuid, test_case=entry.uuid, name=step.name or entry.name[:100])

    async def _version(self, ref: str) -> ModelVersion:
        if ref not in self._versions:
            found = await self._find(ref)
            self._versions[ref] = self._versions[found.uuid] = found
        return self._versions[ref]

    async def _find(self, ref: str) -> ModelVersion:
        """By integer id or uuid, or else by name. Raises NotFoundError, also when several models have the name."""
        try:
            return await self._catalog.version(self._realm, int(ref) if _DIGITS.fullmatch(ref) else ref)
        except NotFoundError:
            found, total = await self._catalog.list_models(self._realm, ModelFilter(name=ref, limit=1))
        if total != 1:
            how_many = f"there are {total} models" if total else "there is no model"
            raise NotFoundError(f"{how_many} named {ref!r}; give the model's id", field="model_id")
        return await self._catalog.version(self._realm, found[0].uuid)


def at_step(number: int, error: MelanzanaError) -> RequestError:
    """The error as one of the step with this number, from 0."""
    field = error.detail.get("field")
    where = f"steps.{number}" if field is None else f"steps.{number}.{field}"
    if isinstance(error, ConflictError):
        return ConflictError(f"step {number + 1}: {error.message}", field=where)
    return RequestError(f"step {number + 1}: {error.message}", field=where)

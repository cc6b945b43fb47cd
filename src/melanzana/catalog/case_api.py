"""`/ai/models/{id}/testcases`: add, change and delete test cases over the REST API, as the original product does.

Test cases are part of a model's logic: each change makes the newest version's successor (ADR 0041). Reading them is `api.py`'s.
"""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.catalog import shapes
from melanzana.catalog.draft_shapes import CaseBody
from melanzana.catalog.drafts import DraftService
from melanzana.catalog.records import ModelVersion
from melanzana.catalog.service import CatalogService, ModelRef
from melanzana.errors import RequestError
from melanzana.graph.editing.case_text import read_case
from melanzana.graph.editing.edits import Edit, Op
from melanzana.graph.formats.document import from_document
from melanzana.web.answers import answers


def router(catalog: CatalogService, drafts: DraftService, gate: Gate) -> APIRouter:
    """The routes over both services."""
    routes = APIRouter(prefix="/ai/models/{model_id}/testcases", tags=["Models"])
    may_write = Annotated[Principal, Depends(gate.requires(Scope.MODELS_WRITE))]
    wrong = answers(400, 401, 403, 404, 409, 413, 415, 422, 503)

    async def answered(realm: str, ref: ModelRef, case_id: str) -> shapes.TestCaseItem:
        version = await catalog.version(realm, ref)
        entry = await catalog.test_case(realm, ref, case_id)
        return shapes.case_items([entry], from_document(version.document))[0]

    @routes.post("", status_code=201, responses=wrong)
    async def add_test_case(principal: may_write, model_id: shapes.ModelRefPath, body: CaseBody) -> shapes.TestCaseItem:
        """Add a test case. Its steps stand in `testcase` or in `steps`."""
        realm, ref = principal.realm, shapes.model_ref(model_id)
        if not body.called:
            raise RequestError("testcaseName is missing: say what the test case is called", field="testcaseName")
        fields = await asyncio.to_thread(_fields, body, await catalog.version(realm, ref))
        if not fields.get("steps"):
            raise RequestError("the test case has no steps: write them into testcase or into steps", field="testcase")
        edit = Edit(op=Op.ADD_CASE, name=body.called, fields=fields)
        _, case_id = await drafts.edit_newest(realm, ref, [edit], principal.client_id)
        return await answered(realm, ref, case_id)

    @routes.put("/{test_case_id}", responses=wrong)
    async def change_test_case(
        principal: may_write, model_id: shapes.ModelRefPath, test_case_id: shapes.TestCaseRefPath, body: CaseBody
    ) -> shapes.TestCaseItem:
        """Change a test case; what is left out stays."""
        realm, ref = principal.realm, shapes.model_ref(model_id)
        case_id = (await catalog.test_case(realm, ref, test_case_id)).uuid
        fields = await asyncio.to_thread(_fields, body, await catalog.version(realm, ref))
        edits = [Edit(op=Op.CHANGE, element=case_id, fields=fields)] if fields else []
        if body.called is not None:
            edits.append(Edit(op=Op.RENAME, element=case_id, name=body.called))
        if edits:
            _, case_id = await drafts.edit_newest(realm, ref, edits, principal.client_id)
        return await answered(realm, ref, case_id)

    @routes.delete("/{test_case_id}", status_code=204, responses=wrong)
    async def delete_test_case(principal: may_write, model_id: shapes.ModelRefPath, test_case_id: shapes.TestCaseRefPath) -> None:
        """Delete a test case. Runs of it stay readable."""
        case = await catalog.test_case(principal.realm, shapes.model_ref(model_id), test_case_id)
        edit = Edit(op=Op.DELETE, element=case.uuid)
        await drafts.edit_newest(principal.realm, shapes.model_ref(model_id), [edit], principal.client_id)

    return routes


def _fields(body: CaseBody, version: ModelVersion) -> dict[str, Any]:
    """What the body says, in words of the text format. Errors: RequestError."""
    fields: dict[str, Any] = {}
    if body.testcase is not None and body.steps is not None:
        raise RequestError("write the steps into testcase or into steps, not both", field="testcase")
    if body.testcase is not None:
        actions = read_case(body.testcase, from_document(version.document))
        fields["steps"] = [f"#{action}" for action in actions]
    if body.steps is not None:
        fields["steps"] = body.steps
    said = {
        "description": body.description,
        "tags": body.tag_list(),
        "origin": body.origin,
        "external id": body.external_id,
        "with": body.parameters,
    }
    return fields | {key: value for key, value in said.items() if value is not None}

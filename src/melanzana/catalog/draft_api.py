"""`/ai/models/{id}/draft` and `/layout`: edit a model gesture by gesture, take gestures back, publish a version.

Every change names by If-Match the state that it was made from: without it the answer is 428, with a state that is no more 412 with
who changed it and when.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import JSONResponse

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.catalog import draft_shapes, shapes
from melanzana.catalog.draft_reading import ANY
from melanzana.catalog.draft_records import Draft
from melanzana.catalog.drafts import DraftService
from melanzana.catalog.service import ModelRef
from melanzana.catalog.shapes import model_ref
from melanzana.errors import ConditionMissingError, RequestError, TooLargeError
from melanzana.graph.editing.edits import edit_from_json
from melanzana.graph.formats.reading import read_model
from melanzana.graph.limits import MAX_BYTES
from melanzana.graph.model import Model
from melanzana.graph.validation import validate
from melanzana.web.answers import answers

_TAG = re.compile(r'"([0-9]{1,9}\.[0-9]{1,9})"')
_IfMatch = Annotated[str | None, Header(description="The `ETag` of the draft as it was read, or `*` for whatever it is by now.")]
_ETAG = {"ETag": {"description": "Changes with every change of the draft; for `If-Match`.", "schema": {"type": "string"}}}
_READ = {200: {"headers": _ETAG}, **answers(401, 403, 404, 422, 503)}
_CHANGED: dict[int | str, dict[str, Any]] = {
    200: {"headers": _ETAG},
    **answers(400, 401, 403, 404, 409, 412, 413, 415, 422, 428, 503),
}
_MODEL_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "object", "description": "The JSON form of the text format, or any that is read."}
            },
            "application/yaml": {"schema": {"type": "string", "description": "A model in our YAML text."}},
        },
    }
}


def router(service: DraftService, gate: Gate) -> APIRouter:
    """The routes over `service`."""
    routes = APIRouter(prefix="/ai/models/{model_id}", tags=["Models"])
    may_read = Annotated[Principal, Depends(gate.requires(Scope.MODELS_READ))]
    may_write = Annotated[Principal, Depends(gate.requires(Scope.MODELS_WRITE))]

    @routes.get("/draft", response_model=draft_shapes.DraftAnswer, responses=_READ)
    async def get_draft(principal: may_read, model_id: shapes.ModelRefPath) -> Response:
        """The model as it is edited, or its newest version while nothing was."""
        return await _told(await service.read(principal.realm, model_ref(model_id)))

    @routes.put("/draft", response_model=draft_shapes.DraftAnswer, responses=_CHANGED, openapi_extra=_MODEL_BODY)
    async def put_draft(
        principal: may_write, model_id: shapes.ModelRefPath, request: Request, if_match: _IfMatch = None
    ) -> Response:
        """The whole model at once. It may break rules that a version must keep; the answer says which."""
        seen, model = _seen(if_match), await _model(request)
        return await _told(await service.replace_model(principal.realm, model_ref(model_id), model, principal.client_id, seen))

    @routes.delete("/draft", status_code=204, responses=answers(401, 403, 404, 412, 422, 428, 503))
    async def discard_draft(principal: may_write, model_id: shapes.ModelRefPath, if_match: _IfMatch = None) -> None:
        """Forget what was edited: the newest version is what there is."""
        await service.discard(principal.realm, model_ref(model_id), principal.client_id, _seen(if_match))

    @routes.post("/draft/edits", response_model=draft_shapes.DraftAnswer, responses=_CHANGED)
    async def edit_draft(
        principal: may_write, model_id: shapes.ModelRefPath, body: draft_shapes.EditsBody, if_match: _IfMatch = None
    ) -> Response:
        """Edit: all of the edits or none, as one gesture that can be taken back."""
        seen, edits = _seen(if_match), [edit_from_json(item.model_dump()) for item in body.edits]
        return await _told(await service.edit(principal.realm, model_ref(model_id), edits, principal.client_id, seen))

    @routes.get("/layout", response_model=draft_shapes.LayoutItem, responses=_READ)
    async def get_layout(principal: may_read, model_id: shapes.ModelRefPath) -> Response:
        """Where the cards of the picture lie; states without a place lie where the picture arranges them."""
        draft = await service.read(principal.realm, model_ref(model_id))
        return JSONResponse(draft_shapes.layout_item(draft).model_dump(), headers=_etag(draft))

    @routes.put("/layout", response_model=draft_shapes.LayoutItem, responses=_CHANGED)
    async def put_layout(
        principal: may_write, model_id: shapes.ModelRefPath, body: draft_shapes.LayoutItem, if_match: _IfMatch = None
    ) -> Response:
        """Draw the cards here. No part of the model: no version is made, and it can be taken back like any gesture."""
        seen, ref = _seen(if_match), model_ref(model_id)
        boxes = draft_shapes.boxes_of(body, (await service.read(principal.realm, ref)).model)
        draft = await service.move(principal.realm, ref, boxes, principal.client_id, seen)
        return JSONResponse(draft_shapes.layout_item(draft).model_dump(), headers=_etag(draft))

    _add_steps(routes, service, may_write)
    return routes


def _add_steps(routes: APIRouter, service: DraftService, may_write: Any) -> None:
    """Undo, redo, publish."""

    def add(word: str, verb: Callable[[str, ModelRef, str, str], Awaitable[Draft]], summary: str) -> None:
        @routes.post(f"/draft/{word}", name=f"{word}_draft", response_model=draft_shapes.DraftAnswer, responses=_CHANGED)
        async def step(principal: may_write, model_id: shapes.ModelRefPath, if_match: _IfMatch = None) -> Response:
            return await _told(await verb(principal.realm, model_ref(model_id), principal.client_id, _seen(if_match)))

        routes.routes[-1].description = summary  # type: ignore[attr-defined]

    add("undo", service.undo, "Take the last gesture back: exactly what was before it.")
    add("redo", service.redo, "Do again what the last undo took back.")

    @routes.post("/draft/publish", response_model=draft_shapes.DraftAnswer, responses=_CHANGED)
    async def publish_draft(
        principal: may_write,
        model_id: shapes.ModelRefPath,
        body: draft_shapes.PublishBody | None = None,
        if_match: _IfMatch = None,
    ) -> Response:
        """Make the draft the newest version. A model with errors is refused; one that says what the newest does makes none."""
        over = body is not None and body.overwrite
        published = await service.publish(principal.realm, model_ref(model_id), principal.client_id, _seen(if_match), over=over)
        return await _told(published.draft)


def _seen(if_match: str | None) -> str:
    if if_match is None:
        raise ConditionMissingError(
            "send If-Match with the ETag of the draft that the change was made from, or *", field="If-Match"
        )
    if if_match.strip() == ANY:
        return ANY
    found = _TAG.fullmatch(if_match.strip())
    if found is None:
        raise RequestError("If-Match must be one ETag as a GET of this draft gave it, in its quotes", field="If-Match")
    return found.group(1)


async def _model(request: Request) -> Model:
    """The model of a body in any format that is read."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > MAX_BYTES:
            raise TooLargeError(f"the body is larger than {MAX_BYTES:,} bytes", maximum=MAX_BYTES)
    return (await asyncio.to_thread(read_model, bytes(received))).model


async def _told(draft: Draft) -> Response:
    findings = await asyncio.to_thread(validate, draft.model)
    return JSONResponse(draft_shapes.draft_answer(draft, findings).model_dump(mode="json"), headers=_etag(draft))


def _etag(draft: Draft) -> dict[str, str]:
    return {"ETag": f'"{draft.tag}"'}

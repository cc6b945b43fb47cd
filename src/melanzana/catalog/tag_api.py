"""`/ai/models/{id}/tags`: words that a model is marked with, as the original's Python client reads, adds and renames them.

Tags are part of a model; each change makes the newest version's successor, as one of a test case does (`case_api.py`). A tag is
numbered by its place, which stays as long as nobody uploads the model with other tags: the client cannot delete any.
"""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.catalog import shapes
from melanzana.catalog.drafts import DraftService
from melanzana.catalog.service import CatalogService, ModelRef
from melanzana.errors import ConflictError, NotFoundError
from melanzana.graph.editing.edits import Edit, Op
from melanzana.graph.formats.document import from_document
from melanzana.web.answers import answers

_TagId = Annotated[int, Path(ge=1, le=2**31 - 1, description="`id` of the tag.")]


class TagBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    tag: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f,]+$", description="Without comma.")


class TagItem(BaseModel):
    id: int = Field(description="Its place among the model's tags, from 1.")
    tag: str


def router(catalog: CatalogService, drafts: DraftService, gate: Gate) -> APIRouter:
    """The routes over both services."""
    routes = APIRouter(prefix="/ai/models/{model_id}/tags", tags=["Models"])
    may_read = Annotated[Principal, Depends(gate.requires(Scope.MODELS_READ))]
    may_write = Annotated[Principal, Depends(gate.requires(Scope.MODELS_WRITE))]
    wrong = answers(400, 401, 403, 404, 409, 413, 415, 422, 503)

    async def tags_of(realm: str, ref: ModelRef) -> tuple[tuple[str, ...], int]:
        """The tags, and the revision of the model that has them."""
        entry, version = await catalog.current(realm, ref)
        return from_document(version.document).tags, entry.revision

    async def write(principal: Principal, ref: ModelRef, tags: Sequence[str], revision: int) -> None:
        edit = Edit(op=Op.CHANGE, fields={"tags": list(tags)})
        await drafts.edit_newest(principal.realm, ref, [edit], principal.client_id, revision)

    @routes.get("", responses=answers(401, 403, 404, 422, 503))
    async def list_tags(principal: may_read, model_id: shapes.ModelRefPath) -> list[TagItem]:
        """The tags of the newest version."""
        found, _ = await tags_of(principal.realm, shapes.model_ref(model_id))
        return [TagItem(id=place, tag=tag) for place, tag in enumerate(found, 1)]

    @routes.post("", status_code=201, responses=wrong)
    async def add_tag(principal: may_write, model_id: shapes.ModelRefPath, body: TagBody) -> TagItem:
        """Mark the model with one more."""
        ref = shapes.model_ref(model_id)
        tags, revision = await tags_of(principal.realm, ref)
        _require_new(body.tag, tags)
        await write(principal, ref, (*tags, body.tag), revision)
        return TagItem(id=len(tags) + 1, tag=body.tag)

    @routes.put("/{tag_id}", responses=wrong)
    async def rename_tag(principal: may_write, model_id: shapes.ModelRefPath, tag_id: _TagId, body: TagBody) -> TagItem:
        """Give one another name."""
        ref = shapes.model_ref(model_id)
        found, revision = await tags_of(principal.realm, ref)
        tags = list(found)
        if tag_id > len(tags):
            raise NotFoundError(f"model {model_id} has no tag {tag_id}", field="tag_id")
        if tags[tag_id - 1] != body.tag:
            _require_new(body.tag, tags)
            tags[tag_id - 1] = body.tag
            await write(principal, ref, tags, revision)
        return TagItem(id=tag_id, tag=body.tag)

    return routes


def _require_new(tag: str, tags: Sequence[str]) -> None:
    if tag in tags:
        raise ConflictError(f"the model has the tag {tag!r} already", field="tag", state=tag)

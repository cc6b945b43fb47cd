"""Draw and edit a model: as cards, near one state, or as an outline; every gesture is a form that saves at once.

The page works without script and without a mouse; `editor.js` sends the same forms when somebody drags and puts the part of the
answer that changed in place of the old one. What is chosen, and how it is looked at, stands in the address. A form names the state
of the draft that it was made from; when somebody changed the draft meanwhile the page answers 412 and offers the difference (ADR
0041, ADR 0042). `edit_view.py` says what the page shows, `edit_forms.py` what a form means.
"""

import asyncio
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Visitor
from melanzana.catalog.checking import checked
from melanzana.catalog.draft_reading import is_unchanged
from melanzana.catalog.draft_records import Draft
from melanzana.catalog.drafts import DraftService
from melanzana.catalog.service import CatalogService
from melanzana.errors import MelanzanaError, NotFoundError, RequestError
from melanzana.graph.difference import difference
from melanzana.graph.editing.edits import Op
from melanzana.graph.editing.finding import find
from melanzana.graph.editing.structure import empty_model
from melanzana.graph.formats.document import from_document
from melanzana.graph.formats.text import write_text
from melanzana.graph.model import Box
from melanzana.reports import edit_forms, shapes
from melanzana.reports.drawing import Viewing, draw_view
from melanzana.reports.edit_view import MODELS, Look, Wrong, shown
from melanzana.reports.placing import ANYWHERE
from melanzana.web.pages import Pages

View = Literal["cards", "near", "outline", ""]
_FAR = 1_000_000
_DONE = {"discard": "discarded", "undo": "undone", "redo": "redone"}


class EditRooms(NamedTuple):
    """What these pages ask."""

    catalog: CatalogService
    drafts: DraftService


def router(rooms: EditRooms, gate: Gate, pages: Pages) -> APIRouter:
    """The page, its forms, a new model, and what a draft changes."""
    routes = APIRouter(include_in_schema=False)
    may_write = Annotated[Visitor, Depends(gate.page(Scope.MODELS_WRITE))]

    @routes.get(MODELS + "/new", response_class=HTMLResponse)
    async def new_model(request: Request, visitor: may_write) -> Response:
        return pages.render(request, "reports/new_model.html", visitor=visitor, name="", first="Start", wrong={})

    @routes.post(MODELS + "/new", response_class=HTMLResponse)
    async def add_model(
        request: Request, visitor: may_write, name: Annotated[str, Form()] = "", first: Annotated[str, Form()] = ""
    ) -> Response:
        try:
            model_id = await _added(rooms, visitor, name, first)
        except MelanzanaError as error:
            wrong = {str(error.detail.get("field", "name")): error.message}
            return pages.render(request, "reports/new_model.html", visitor=visitor, status=422, name=name, first=first, wrong=wrong)
        return RedirectResponse(f"{MODELS}/{model_id}/edit?done=begun", 303)

    @routes.get(MODELS + "/{model_id}/edit", response_class=HTMLResponse)
    async def editor(
        request: Request,
        visitor: may_write,
        model_id: shapes.ModelRefPath,  # noqa: ARG001 - checked here, read by `_page`
        view: View = "",
        select: Annotated[str, Query(max_length=600)] = "",
    ) -> Response:
        return await _page(rooms, pages, request, visitor, Look(view, select))

    @routes.post(MODELS + "/{model_id}/edit", response_class=HTMLResponse)
    async def edit(request: Request, visitor: may_write, model_id: shapes.ModelRefPath) -> Response:
        form = await request.form()
        look = Look(_word(form, "view"), _word(form, "select"))
        try:
            chosen, done = await _carry_out(rooms, visitor, model_id, form)
        except MelanzanaError as error:
            return await _page(rooms, pages, request, visitor, look, wrong=Wrong(error, form))
        if done == "published":
            return RedirectResponse(f"{MODELS}/{model_id}?done={done}", 303)
        return RedirectResponse(Look(look.view, look.select if chosen is None else chosen).address(model_id, done), 303)

    _add_reading(routes, rooms, gate, pages)
    return routes


def _add_reading(routes: APIRouter, rooms: EditRooms, gate: Gate, pages: Pages) -> None:
    """The draft as text, and what it changes."""
    may_read = Annotated[Visitor, Depends(gate.page(Scope.MODELS_READ))]

    @routes.get(MODELS + "/{model_id}/edit/file")
    async def file(visitor: may_read, model_id: shapes.ModelRefPath) -> Response:
        draft = await rooms.drafts.read(visitor.principal.realm, shapes.run_ref(model_id))
        text = await asyncio.to_thread(write_text, draft.model)
        headers = {"Content-Disposition": f'attachment; filename="model-{draft.entry.id}.yaml"', "Cache-Control": "no-store"}
        return Response(text, media_type="application/yaml", headers=headers)

    @routes.get(MODELS + "/{model_id}/edit/changes", response_class=HTMLResponse)
    async def changes(
        request: Request,
        visitor: may_read,
        model_id: shapes.ModelRefPath,
        since: Annotated[int | None, Query(ge=0, le=2**31 - 1)] = None,
    ) -> Response:
        realm, ref = visitor.principal.realm, shapes.run_ref(model_id)
        draft = await rooms.drafts.read(realm, ref)
        before = await rooms.drafts.at(realm, ref, since) if since else None
        base = await rooms.catalog.version(realm, ref, draft.base_version)
        old = before if before is not None else await asyncio.to_thread(from_document, base.document)
        found = await asyncio.to_thread(difference, old, draft.model)
        told = "you saw it" if before is not None else f"version {draft.base_version}"
        return pages.render(request, "reports/draft_changes.html", visitor=visitor, draft=draft, found=found, told=told)


async def _added(rooms: EditRooms, visitor: Visitor, name: str, first: str) -> int:
    """A model of one state. Errors: RequestError when there is a model of that name."""
    realm = visitor.principal.realm
    model = empty_model(name, first.strip() or "Start")
    try:
        entry = await rooms.catalog.get(realm, model.id)
    except NotFoundError:
        saved = await rooms.catalog.save(realm, await asyncio.to_thread(checked, model), visitor.principal.name)
        return saved.entry.id
    raise RequestError(f"there is a model '{entry.name}' already: choose another name", field="name")


# ---- forms


async def _carry_out(rooms: EditRooms, visitor: Visitor, model_id: str, form: FormData) -> tuple[str | None, str]:
    """What to choose now (None: what was chosen), and the word that the page tells."""
    realm, ref, by = visitor.principal.realm, shapes.run_ref(model_id), visitor.principal.name
    word, seen = _word(form, "op"), _word(form, "seen")
    drafts = rooms.drafts
    if word == "publish":
        published = await drafts.publish(realm, ref, by, seen, over=bool(form.get("over")))
        return None, "published" if published.saved is not None else "same"
    if word in ("undo", "redo", "discard"):
        step = {"undo": drafts.undo, "redo": drafts.redo, "discard": drafts.discard}[word]
        return (await step(realm, ref, by, seen)).element, _DONE[word]
    if word == "tidy":
        await drafts.tidy(realm, ref, by, seen)
        return None, "saved"
    draft = await drafts.read(realm, ref)
    placed = await asyncio.to_thread(_placed, draft)
    if word == "move":
        moved = await drafts.move(realm, ref, placed | {_card(form, draft): _box(form)}, by, seen)
        return moved.element or None, "saved"
    wanted = edit_forms.edits(_op(word), form, draft.model, find(draft.model, _element(form)))
    at = _box(form) if form.get("x") else None
    edited = await drafts.edit(realm, ref, wanted, by, seen, boxes=placed, at=at)
    return edited.element, "saved"


def _op(word: str) -> Op | None:
    """None: the whole form of an element. Errors: RequestError."""
    if word in ("save", ""):
        return None
    if word not in set(Op):
        raise RequestError(f"there is no operation {word[:80]!r}", field="op")
    return Op(word)


def _word(form: FormData, name: str) -> str:
    return str(form.get(name) or "").strip()


def _element(form: FormData) -> str:
    element = _word(form, "element")
    return "" if element == ANYWHERE else element


def _card(form: FormData, draft: Draft) -> str:
    card = _word(form, "element")
    if card != ANYWHERE and all(state.id != card for state in draft.model.states):
        raise NotFoundError("this card is gone: somebody deleted or renamed its state", field="element")
    return card


def _box(form: FormData) -> Box:
    try:
        x, y = (float(_word(form, name)) for name in ("x", "y"))
    except ValueError:
        raise RequestError("x and y are numbers", field="x") from None
    if not all(-_FAR <= figure <= _FAR for figure in (x, y)):
        raise RequestError(f"a card lies at most {_FAR:,} from the middle", field="x")
    return Box(x=round(x), y=round(y))


def _placed(draft: Draft) -> dict[str, Box]:
    """Where every card lies in the eyes of the editor: it stays there while others move."""
    picture = draw_view(draft.model, Viewing(boxes=draft.boxes))
    return {card.id: Box(x=card.x, y=card.y) for card in picture.cards} if picture is not None else {}


# ---- the page


async def _page(
    rooms: EditRooms, pages: Pages, request: Request, visitor: Visitor, look: Look, *, wrong: Wrong | None = None
) -> Response:
    realm, ref = visitor.principal.realm, shapes.run_ref(request.path_params["model_id"])
    draft = await rooms.drafts.read(realm, ref)
    version = await rooms.catalog.version(realm, ref, draft.base_version)
    values = await asyncio.to_thread(shown, draft, look, wrong)
    return pages.render(
        request,
        "reports/edit.html",
        visitor=visitor,
        status=wrong.status if wrong else 200,
        draft=draft,
        unchanged=await asyncio.to_thread(is_unchanged, draft, version),
        has_comments=version.source_format == "text" and "#" in (version.source or ""),
        wrong=wrong,
        **values,
    )

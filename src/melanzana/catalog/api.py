"""`/ai/models`: upload, read, change and delete models; read their versions and test cases.

Bodies are read here and understood in a thread (`catalog/intake.py`), one at a time, so that a large model does not stop other
requests. The server's middleware refuses oversized bodies before this file sees them; the same limit holds without it.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.catalog import intake, shapes
from melanzana.catalog.records import ModelEntry, ModelFilter, ModelVersion, Upload
from melanzana.catalog.service import CatalogService
from melanzana.errors import ConflictError, RequestError, TooLargeError
from melanzana.graph.formats.document import from_document
from melanzana.graph.formats.text import write_text
from melanzana.graph.limits import MAX_BYTES
from melanzana.web.answers import answers, problem

T = TypeVar("T")

#: In bytes. A model may travel as a string inside JSON, where quotes and line breaks take two bytes.
MAX_BODY = 2 * MAX_BYTES
TEXT_MEDIA_TYPE = "application/yaml"
_TEXT_MEDIA_TYPES = (TEXT_MEDIA_TYPE, "application/x-yaml", "text/yaml", "text/x-yaml")
_ETAG = re.compile(r'"([1-9][0-9]{0,17})"')

_IfMatch = Annotated[
    str | None, Header(description="The `ETag` of the model as it was read, or `*`; 409 when it has changed since.")
]
_ETAG_HEADER = {"ETag": {"description": "Changes with every change of the model; for `If-Match`.", "schema": {"type": "string"}}}
_COUNT_HEADER = {"X-Total-Count": {"description": "How many there are on all pages.", "schema": {"type": "integer"}}}
_MODEL = {
    "description": "A model: a DAI export or bare definition, a GraphWalker file, or our own document form; or a string that holds "
    "any of these or our YAML text.",
    "anyOf": [{"type": "object"}, {"type": "string"}],
}


def _upload_body(*required: str) -> dict[str, Any]:
    fields = {
        "name": {"type": "string", "description": "Instead of the name in the model."},
        "group": {"type": "string", "description": "A label to find models by; kept when left out."},
        "modeljson": _MODEL,
    }
    schema = {"type": "object", "properties": fields} | ({"required": list(required)} if required else {})
    text = {"schema": {"type": "string", "description": "A model in our YAML text."}}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}, TEXT_MEDIA_TYPE: text}}}


_Reader = Callable[[bytes], Upload]


def router(service: CatalogService, gate: Gate) -> APIRouter:
    """The routes over `service`; every one of them needs a token with `models:read` or `models:write`."""
    routes = APIRouter(prefix="/ai/models", tags=["Models"])
    threads = _OneAtATime()
    may_read = Annotated[Principal, Depends(gate.requires(Scope.MODELS_READ))]
    may_write = Annotated[Principal, Depends(gate.requires(Scope.MODELS_WRITE))]

    @routes.get("", responses={200: {"headers": _COUNT_HEADER}, **answers(401, 403, 422, 503)})
    async def list_models(
        principal: may_read, response: Response, query: Annotated[shapes.ModelListQuery, Query()]
    ) -> list[shapes.ModelItem]:
        """Every model of the realm, oldest first."""
        entries, total = await service.list_models(principal.realm, ModelFilter(**query.model_dump()))
        response.headers["X-Total-Count"] = str(total)
        return [shapes.model_item(entry) for entry in entries]

    @routes.post(
        "",
        status_code=201,
        response_model=shapes.SavedAnswer,
        responses={
            200: {
                "description": "The newest version has this logic already.",
                "model": shapes.SavedAnswer,
                "headers": _ETAG_HEADER,
            },
            201: {"headers": _ETAG_HEADER},
            **answers(400, 401, 403, 409, 413, 415, 422, 503),
        },
        openapi_extra=_upload_body("modeljson"),
    )
    async def add_model(principal: may_write, request: Request) -> Response:
        """Add a model. One whose uuid is known becomes the next version of that model."""
        read = _reader(request, intake.read_new, intake.read_text)
        if isinstance(read, Response):
            return read
        upload = await threads.run(read, await _body(request))
        saved = await service.save(principal.realm, upload, principal.client_id)
        answer = shapes.saved_answer(saved).model_dump(mode="json", exclude_none=True)
        return JSONResponse(answer, 201 if saved.created else 200, _etag(saved.entry))

    @routes.get(
        "/{model_id}",
        response_model=shapes.ModelAnswer,
        responses={
            200: {"headers": _ETAG_HEADER, "content": {TEXT_MEDIA_TYPE: {"schema": {"type": "string"}}}},
            **answers(401, 403, 404, 422, 503),
        },
    )
    async def get_model(
        principal: may_read, model_id: shapes.ModelRefPath, query: Annotated[shapes.ModelQuery, Query()]
    ) -> Response:
        """A model with one of its versions, in the forms asked for."""
        entry, version = await service.current(principal.realm, shapes.model_ref(model_id), query.version)
        if query.format is shapes.ModelFormat.TEXT:
            return Response(await threads.run(_text, version), headers=_etag(entry), media_type=TEXT_MEDIA_TYPE)
        return await threads.run(_answer, entry, version, query.format)

    @routes.put(
        "/{model_id}",
        response_model=shapes.SavedAnswer,
        responses={200: {"headers": _ETAG_HEADER}, **answers(400, 401, 403, 404, 409, 413, 415, 422, 503)},
        openapi_extra=_upload_body(),
    )
    async def change_model(
        principal: may_write, model_id: shapes.ModelRefPath, request: Request, if_match: _IfMatch = None
    ) -> Response:
        """Change a model; fields that are left out stay. Changed logic, of which the name is a part, is a new version."""
        entry, version = await service.current(principal.realm, shapes.model_ref(model_id))
        _require_match(if_match, entry)
        shown = shapes.model_head(entry, version).model_dump(mode="json")
        current = intake.Current(entry=entry, version=version, shown=shown)
        read = _reader(request, lambda body: intake.read_change(body, current), lambda body: intake.read_text_change(body, current))
        if isinstance(read, Response):
            return read
        upload = await threads.run(read, await _body(request))
        saved = await service.save(principal.realm, upload, principal.client_id, expected_revision=entry.revision)
        answer = shapes.saved_answer(saved).model_dump(mode="json", exclude_none=True)
        return JSONResponse(answer, 200, _etag(saved.entry))

    @routes.delete("/{model_id}", status_code=204, responses=answers(401, 403, 404, 409, 422, 503))
    async def delete_model(principal: may_write, model_id: shapes.ModelRefPath, if_match: _IfMatch = None) -> None:
        """Take a model out of the catalog. Its runs stay readable; adding the same uuid again brings it back."""
        entry = await service.get(principal.realm, shapes.model_ref(model_id))
        _require_match(if_match, entry)
        expected = None if if_match in {None, "*"} else entry.revision
        await service.delete(principal.realm, entry.id, principal.client_id, expected)

    @routes.get("/{model_id}/versions", responses=answers(401, 403, 404, 422, 503))
    async def list_versions(principal: may_read, model_id: shapes.ModelRefPath) -> list[shapes.VersionItem]:
        """The versions of a model, newest first."""
        versions = await service.list_versions(principal.realm, shapes.model_ref(model_id))
        return [shapes.version_item(version) for version in versions]

    @routes.get("/{model_id}/testcases", responses=answers(401, 403, 404, 422, 503))
    async def list_test_cases(
        principal: may_read, model_id: shapes.ModelRefPath, query: Annotated[shapes.VersionQuery, Query()]
    ) -> list[shapes.TestCaseItem]:
        """The test cases of a version, in the order of the model."""
        _, version = await service.current(principal.realm, shapes.model_ref(model_id), query.version)
        entries = await service.list_test_cases(principal.realm, version.model_id, version.version)
        model = await threads.run(from_document, version.document)
        return shapes.case_items(entries, model)

    @routes.get("/{model_id}/testcases/{test_case_id}", responses=answers(401, 403, 404, 422, 503))
    async def get_test_case(
        principal: may_read,
        model_id: shapes.ModelRefPath,
        test_case_id: shapes.TestCaseRefPath,
        query: Annotated[shapes.VersionQuery, Query()],
    ) -> shapes.TestCaseItem:
        """One test case of a version."""
        _, version = await service.current(principal.realm, shapes.model_ref(model_id), query.version)
        entry = await service.test_case(principal.realm, version.model_id, test_case_id, version.version)
        return shapes.case_items([entry], await threads.run(from_document, version.document))[0]

    return routes


class _OneAtATime:
    """Runs slow pure work in a thread, and no two at once: they would only take the interpreter from each other and from us."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        async with self._turn:
            return await asyncio.to_thread(work, *arguments)


def _reader(request: Request, of_json: _Reader, of_text: _Reader) -> _Reader | Response:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type in _TEXT_MEDIA_TYPES:
        return of_text
    if media_type == "application/json" or media_type.endswith("+json"):
        return of_json
    return problem(415, "media_type", f"Send the model as application/json or {TEXT_MEDIA_TYPE}.")


async def _body(request: Request) -> bytes:
    received = bytearray()
    async for chunk in _chunks(request):
        received += chunk
        if len(received) > MAX_BODY:
            raise TooLargeError(f"the body is larger than {MAX_BODY:,} bytes; a model may have {MAX_BYTES:,}", maximum=MAX_BODY)
    return bytes(received)


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes. A client that goes away, or is sent away by a limit around us, ends the request."""
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect:
        raise RequestError("the body did not arrive whole") from None


def _etag(entry: ModelEntry) -> dict[str, str]:
    return {"ETag": f'"{entry.revision}"'}


def _require_match(if_match: str | None, entry: ModelEntry) -> None:
    if if_match is None or if_match.strip() == "*":
        return
    found = _ETAG.fullmatch(if_match.strip())
    if found is None:
        raise RequestError("If-Match must be one ETag as a GET of this model gave it, in its quotes", field="If-Match")
    if int(found.group(1)) != entry.revision:
        message = f'model {entry.id} was changed meanwhile: its ETag is "{entry.revision}"; read it again and repeat the change'
        raise ConflictError(message, field="If-Match", state=entry.revision)


def _text(version: ModelVersion) -> str:
    kept = version.source if version.source_format == "text" else None
    return kept if kept is not None else write_text(from_document(version.document))


def _answer(entry: ModelEntry, version: ModelVersion, form: shapes.ModelFormat | None) -> Response:
    answer = shapes.model_head(entry, version).model_dump(mode="json")
    if form is not shapes.ModelFormat.DOCUMENT:
        answer["modeljson"] = intake.dai_form(version)
    if form is not shapes.ModelFormat.DAI:
        answer["document"] = version.document
    return JSONResponse(answer, headers=_etag(entry))

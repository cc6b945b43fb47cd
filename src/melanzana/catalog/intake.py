"""From a request body to an `Upload` that may be saved: read, named, checked. Pure, and slow for large models.

`catalog/api.py` calls these in a thread. Every document passes `graph`'s limits before
anything is built from it, and every broken rule is reported at once.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from melanzana.catalog.checking import checked
from melanzana.catalog.records import ModelEntry, ModelVersion, Upload
from melanzana.errors import ConflictError, FormatError, InvalidModelError, ModelError, RequestError
from melanzana.graph.findings import Finding
from melanzana.graph.formats.dai import write_dai
from melanzana.graph.formats.document import from_document
from melanzana.graph.formats.json_source import parse_json
from melanzana.graph.formats.reading import ReadResult, read_model
from melanzana.graph.formats.source import decode
from melanzana.graph.limits import MAX_NAME
from melanzana.graph.model import Model

#: What a client may say about a model; everything else in an answer is ours.
_FIELDS = ("name", "group", "modeljson")


@dataclass(frozen=True, slots=True, kw_only=True)
class Current:
    """A model as it is, and as a client saw it: what a PUT is compared with. `shown` is the answer to a GET, without the model."""

    entry: ModelEntry
    version: ModelVersion
    shown: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    """A request in our words. `located`: the positions in `result` are places in what the client wrote."""

    name: str | None = None
    group: str | None = None
    result: ReadResult | None = None
    source: str | None = None
    located: bool = True


def read_new(body: bytes) -> Upload:
    """The model in `{"name"?, "group"?, "modeljson"}`.

    Errors: FormatError, LimitError and InvalidModelError about the document, RequestError about the fields around it.
    """
    fields = _fields(body)
    _refuse_unknown(fields, _FIELDS)
    if fields.get("modeljson") is None:
        raise RequestError("modeljson is missing: send the model as an object or as a string", field="modeljson")
    return _upload(_read_fields(fields))


def read_text(body: bytes) -> Upload:
    """The model in a body that is nothing but the model: our text format, or any other that is read. Errors: as `read_new`."""
    return _upload(_Body(result=read_model(body), source=decode(body)))


def read_change(body: bytes, current: Current) -> Upload:
    """The model that a PUT leaves behind: fields that are missing stay as they are, the model's id always does.

    A client may send back everything a GET gave it; what it cannot change must be unchanged.
    Errors: as `read_new`; ConflictError when the body was made from another version.
    """
    fields = _fields(body)
    _refuse_unknown(fields, (*_FIELDS, *current.shown, "document"))
    _refuse_edited(fields, current)
    model = fields.get("modeljson")
    if isinstance(model, dict) and "definition" in model and model == dai_form(current.version):
        del fields["modeljson"]  # as a GET gave it: the text it was made from says more
    return _changed(_read_fields(fields), current)


def read_text_change(body: bytes, current: Current) -> Upload:
    """The same for a body that is nothing but the model."""
    return _changed(_Body(result=read_model(body), source=decode(body)), current)


def _upload(body: _Body, model_id: str | None = None) -> Upload:
    """The source is kept only while it says what the document says: a new name or id makes it stale."""
    assert body.result is not None
    read = body.result.model
    upload = _checked(replace(read, name=body.name or read.name, id=model_id or read.id), body)
    says_the_same = (upload.model.name, upload.model.id) == (read.name, read.id)
    is_document = body.result.format == "text" and (body.source or "{").lstrip().startswith("{")
    return replace(
        upload,
        group=body.group,
        source=body.source if says_the_same and not is_document else None,
        source_format="document" if is_document else body.result.format,
        findings=_placed(body, (*body.result.notes, *upload.findings)),
    )


def _checked(model: Model, body: _Body) -> Upload:
    try:
        return checked(model)
    except InvalidModelError as error:
        raise InvalidModelError(error.message, findings=_placed(body, error.findings)) from None


def _placed(body: _Body, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    assert body.result is not None
    if body.located:
        return body.result.locate(findings)
    return tuple(replace(finding, line=None, column=None) for finding in findings)


def _changed(body: _Body, current: Current) -> Upload:
    if body.result is not None:
        return _upload(body, current.entry.uuid)
    version = current.version
    result = ReadResult(model=from_document(version.document), format=version.source_format)
    upload = _upload(replace(body, result=result, source=version.source, located=False), current.entry.uuid)
    return replace(upload, source_format=version.source_format)


def _fields(body: bytes) -> dict[str, Any]:
    value = parse_json(_text(body)).document
    if not isinstance(value, dict):
        raise RequestError("the body must be a JSON object")
    for name in ("name", "group"):
        _require_label(name, value.get(name))
    return value


def _text(body: bytes) -> str:
    """The text of a JSON body; the model in it has a limit of its own."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"the body is not UTF-8: byte 0x{body[error.start]:02x} at offset {error.start:,}") from None


def _require_label(name: str, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, str) or len(value) > MAX_NAME or not value.isprintable():
        raise RequestError(f"{name} must be one line of text of at most {MAX_NAME} characters", field=name)
    if name == "name" and not value.strip():
        raise RequestError("name must not be empty", field=name)


def _refuse_unknown(fields: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in fields:
        if name not in known:
            raise RequestError(f"unknown field {name[:80]!r}; known are {', '.join(_FIELDS)}", field=name[:80])


def _refuse_edited(fields: Mapping[str, Any], current: Current) -> None:
    seen = {**current.shown, "document": current.version.document}
    for name in ("version", "updated_at"):
        if name in fields and fields[name] != seen[name]:
            raise ConflictError(
                f"this change was made from another state of the model: its {name} is {seen[name]} by now; read it again",
                field=name,
                state=seen[name],
            )
    for name, value in fields.items():
        if name not in _FIELDS and value != seen[name]:
            raise RequestError(
                f"{name} cannot be changed: leave it out, or send it as it was; a model goes into modeljson", field=name
            )


def _read_fields(fields: Mapping[str, Any]) -> _Body:
    body = _Body(name=fields.get("name"), group=fields.get("group"))
    model = fields.get("modeljson")
    if model is None:
        return body
    if isinstance(model, str):
        return replace(body, result=read_model(model.encode()), source=model)
    if isinstance(model, dict):
        text = json.dumps(model, ensure_ascii=False, separators=(",", ":"))
        return replace(body, result=_read_object(text), source=text, located=False)
    raise RequestError("modeljson must be an object, or a string that holds a model", field="modeljson")


def _read_object(text: str) -> ReadResult:
    """An error in an object tells its place by path: the client wrote no such line."""
    try:
        return read_model(text.encode())
    except ModelError as error:
        for name in ("line", "column"):
            error.detail.pop(name, None)
        raise


def dai_form(version: ModelVersion) -> dict[str, Any]:
    """The version as a DAI export envelope."""
    return write_dai(from_document(version.document))

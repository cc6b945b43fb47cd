"""Only valid models enter the catalog: checked, identified and frozen into a document. Pure, and slow for large models."""

import uuid
from dataclasses import replace

from melanzana.catalog.records import Upload
from melanzana.graph.findings import has_errors
from melanzana.graph.formats.document import logic_hash, to_document
from melanzana.graph.model import Model, derived_id
from melanzana.graph.validation import require_valid, validate


def checked(model: Model) -> Upload:
    """`model` frozen, with its warnings. Raises InvalidModelError with every error when a rule is broken."""
    findings = validate(model)
    if has_errors(findings):
        require_valid(model)
    model = replace(model, id=_uuid(model.id))
    return Upload(model=model, document=to_document(model), model_hash=logic_hash(model), findings=findings)


def _uuid(text: str) -> str:
    """The uuid of a model, in lower case; a file's own id of another shape stands for the uuid derived from it."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return derived_id("model", text)

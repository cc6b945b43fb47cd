"""A walk that was found, as a test case of the model's newest version. Pure; `service.keep` saves what this gives."""

from dataclasses import replace

from melanzana.catalog.records import ModelVersion, Upload
from melanzana.errors import ConflictError
from melanzana.generation.recorded import Recorded
from melanzana.generation.shrinking.searching import case_of
from melanzana.generation.signature import Signature
from melanzana.graph.formats.adding import add_test_case
from melanzana.graph.formats.addresses import Addresses
from melanzana.graph.formats.case_document import write_test_cases
from melanzana.graph.formats.document import from_document, logic_hash, to_document
from melanzana.graph.formats.emitter import emit
from melanzana.graph.formats.text import read_text
from melanzana.graph.model import Model, TestCase


def with_case(version: ModelVersion, recorded: Recorded, signature: Signature, name: str | None) -> tuple[Upload, str]:
    """What is to be saved, and the test case's name. A text keeps its other lines, comments and all.

    Errors: ConflictError when the model has lost a state or action of the walk.
    """
    model = from_document(version.document)
    known = {state.id for state in model.states} | {action.id for _, action in model.actions()}
    lost = next((step.name or step.element for step in recorded.steps if step.element not in known), None)
    if lost is not None:
        raise ConflictError(
            f"version {version.version} of the model has no {lost} any more: shrink a run of that version", field="name"
        )
    case = case_of(model, recorded, signature, name)
    if version.source is not None and version.source_format == "text":
        source = add_test_case(version.source, _block(model, case))
        grown = replace(read_text(source), id=model.id)
        return _upload(grown, version, source), case.name
    return _upload(replace(model, test_cases=(*model.test_cases, case)), version, None), case.name


def _upload(model: Model, version: ModelVersion, source: str | None) -> Upload:
    return Upload(
        model=model,
        document=to_document(model),
        model_hash=logic_hash(model),
        source=source,
        source_format="document" if source is None else version.source_format,
    )


def _block(model: Model, case: TestCase) -> str:
    """The entry of `test cases:`, indented as it stands there."""
    addresses = Addresses(model.states, model.global_actions)
    return emit({"test cases": write_test_cases((case,), model.name, addresses)}, {"test cases": 2})

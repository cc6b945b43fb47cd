"""What the editing page shows of a draft: the picture or the outline, and the form of what is chosen."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from starlette.datastructures import FormData

from melanzana.catalog.draft_records import Draft
from melanzana.errors import InvalidModelError, MelanzanaError, NotFoundError, RequestError, StaleEditError
from melanzana.graph.editing.finding import Place, find
from melanzana.graph.findings import Finding, Severity
from melanzana.graph.model import Model
from melanzana.graph.validation import validate
from melanzana.reports import edit_forms
from melanzana.reports.drawing import MOST_STATES, Viewing, draw_view
from melanzana.reports.placing import ANYWHERE

MODELS = "/models"
MARKS = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.INFO: "off"}


class Look(NamedTuple):
    """What is chosen and how it is looked at; the address of the page."""

    view: str = ""
    select: str = ""

    def address(self, model_id: str, done: str = "") -> str:
        said = {key: value for key, value in (("view", self.view), ("select", self.select), ("done", done)) if value}
        return f"{MODELS}/{model_id}/edit" + (f"?{urlencode(said)}" if said else "")


class Wrong(NamedTuple):
    """A form that was not carried out."""

    error: MelanzanaError
    form: FormData

    @property
    def status(self) -> int:
        return 412 if isinstance(self.error, StaleEditError) else 404 if isinstance(self.error, NotFoundError) else 422

    @property
    def field(self) -> str:
        """The field that is to be mended; empty when it is about more than one."""
        if isinstance(self.error, StaleEditError | InvalidModelError):
            return ""
        return str(self.error.detail.get("field", ""))


def shown(draft: Draft, look: Look, wrong: Wrong | None) -> dict[str, Any]:
    """What the template wants. A choice that is gone is the model."""
    model = draft.model
    place = _chosen(model, look.select)
    anywhere = look.select == ANYWHERE
    view = look.view or ("near" if len(model.states) > MOST_STATES else "cards")
    findings = validate(model)
    return {
        "model": model,
        "place": place,
        "anywhere": anywhere,
        "chosen": ANYWHERE if anywhere else place.id,
        "view": view,
        "look": look,
        "picture": None if view == "outline" else draw_view(model, Viewing(boxes=draft.boxes, near=_near(model, place, view))),
        "names": {state.id: state.name for state in model.states} | {action.id: action.name for _, action in model.actions()},
        "findings": [(MARKS[one.severity], one) for one in findings],
        "errors": sum(one.severity is Severity.ERROR for one in findings),
        "owned": [(state.name, state.id, state.kind, state.actions) for state in model.states]
        + [("Anywhere", ANYWHERE, "anywhere", model.global_actions)],
        **_form(model, place, findings, wrong),
    }


def _form(model: Model, place: Place, findings: Sequence[Finding], wrong: Wrong | None) -> dict[str, Any]:
    """The form of what is chosen, with what was sent when that was refused."""
    texts = edit_forms.shown(model, place) if place.kind in edit_forms.FIRST else {}
    name = place.name or model.name
    if wrong is not None and wrong.form.get("op") in ("save", "") and wrong.form.get("element", "") == place.id:
        texts = {key: str(wrong.form.get(key, "")) for key in texts}
        name = str(wrong.form.get("name", ""))
    return {
        "first": edit_forms.FIRST.get(place.kind, ()),
        "more": edit_forms.MORE.get(place.kind, ()),
        "texts": texts,
        "own_name": name,
        "targets": edit_forms.target_choices(model, place),
        "own_findings": _by_field(findings, place.id),
        "error_field": wrong.field if wrong is not None else "",
    }


def _chosen(model: Model, text: str) -> Place:
    try:
        return Place() if text == ANYWHERE else find(model, text)
    except (NotFoundError, RequestError):
        return Place()


def _near(model: Model, place: Place, view: str) -> str:
    """The card in the middle; empty for the whole picture."""
    if view != "near":
        return ""
    if place.state is not None:
        return place.state.id
    return ANYWHERE if place.action is not None else next(state.id for state in model.states if state.kind == "start")


def _by_field(findings: Sequence[Finding], element: str) -> dict[str, str]:
    """What the checker says of the chosen element, by field; under the empty field what is about the whole of it."""
    found: dict[str, str] = {}
    for one in findings:
        if one.element_id == element and element:
            field = (one.field or "").partition("/")[0]
            found[field] = f"{found[field]}; {one.message}" if field in found else one.message
    return found

"""The forms of the editing page: what their fields show, and the edits that they ask for.

Fields are those of the text format. Most are a line of text; `with`, `save`, `variables` and several snippets are YAML as in a
file, so that everything can be edited here. `edit_pages.py` asks both ways.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from starlette.datastructures import FormData

from melanzana.errors import FormatError, ModelError, RequestError
from melanzana.graph.editing.edits import Edit, Op
from melanzana.graph.editing.fields import fields_of
from melanzana.graph.editing.finding import Place
from melanzana.graph.expressions import print_name
from melanzana.graph.formats.emitter import emit_value
from melanzana.graph.formats.keys import SPECIAL_STATES
from melanzana.graph.formats.yaml_source import parse_yaml
from melanzana.graph.model import ActionKind, Model

PREFIX = "field-"  #: what the names of inputs begin with that are fields of the element


class Input(NamedTuple):
    """One field of a form."""

    key: str  #: in the text format
    label: str
    hint: str = ""
    form: str = "line"  #: line, lines, list, yaml, calls, number, yes

    @property
    def name(self) -> str:
        return PREFIX + self.key.replace(" ", "_")


_CHECK = Input("check", "Check", "Action code that looks whether the system is here: module:function.", "calls")
_DO = Input("do", "Do", "Action code: module:function. Several as a YAML list.", "calls")
_WITH = Input("with", "With", "Inputs, one a line: name: expression.", "yaml")
_SAVE = Input("save", "Save", "The variable that takes the result, or result: variable, one a line.", "yaml")
_VARIABLES = Input("variables", "Variables", "One a line: basket: {type: integer, initial: 0, range: [0, 5]}.", "yaml")
_TRACES = (
    Input("requirements", "Requirements", "With commas between.", "list"),
    Input("tags", "Tags", "With commas between.", "list"),
    Input("description", "Description", "", "lines"),
)
#: The fields that a form of each kind shows first, and those behind "More".
FIRST: dict[str, tuple[Input, ...]] = {
    "model": (Input("description", "Description", "", "lines"), _VARIABLES),
    "state": (_CHECK, Input("description", "Description", "", "lines")),
    "action": (
        Input("when", "When", "Offered only if this holds, such as basket < 5."),
        Input("set", "Set", "Afterwards, such as basket = basket + 1; paid = false."),
        _DO,
        _WITH,
    ),
}
MORE: dict[str, tuple[Input, ...]] = {
    "model": (
        Input("suite", "Suite", "Where the action code is."),
        Input("tags", "Tags", "With commas between.", "list"),
        Input("run cleanup after abort", "Enter the Cleanup state after an abort, too", "", "yes"),
        Input("global actions in start", "Offer global actions in the start state", "", "yes"),
    ),
    "state": (
        _WITH,
        _SAVE,
        _VARIABLES,
        Input("shared", "Shared name", "Of a state that joined models have together."),
        *_TRACES[:2],
    ),
    "action": (
        _SAVE,
        Input("weight", "Weight", "How likely it is among those offered; 100 when empty.", "number"),
        Input("limit", "Limit", "Calls in one iteration; 0 or empty: any number.", "number"),
        Input("kind", "Kind", "sequent: only after an action that leads to it; previous: leads back. Empty: any time."),
        _VARIABLES,
        Input("sub models", "Sub-models", "Names of models walked inside it, with commas between.", "list"),
        *_TRACES,
    ),
}


def shown(model: Model, place: Place) -> dict[str, str]:
    """The text in each input of the element's form, by its name."""
    said = fields_of(model, place)
    if place.action is not None and place.action.assignments:
        said["set"] = "; ".join(f"{print_name(one.variable)} = {one.expression}" for one in place.action.assignments)
    if place.kind == "state" and "do" in said:
        said["check"] = said.pop("do")
    if place.kind == "model":
        said["global actions in start"] = model.global_actions_in_start
    return {one.name: _text(said.get(one.key), one.form) for one in (*FIRST[place.kind], *MORE[place.kind])}


def _text(value: Any, form: str) -> str:
    if value is None or value is False:
        return ""
    if form == "list":
        return ", ".join(value)
    if isinstance(value, str):
        return value
    return "on" if value is True else emit_value(value)


def edits(op: Op | None, form: FormData, model: Model, place: Place) -> list[Edit]:
    """The gesture that a form asks for. `op` None: the element's whole form. Errors: RequestError, FormatError with `field`."""
    text = {key: str(value).strip() for key, value in form.items()}
    name, element, target = text.get("name", ""), text.get("element", ""), text.get("target", "")
    if op is Op.ADD_STATE and target:
        return [
            Edit(op=op, name=name or free_name(model)),
            Edit(op=Op.CONNECT, element=target, target=name or free_name(model)),
        ]
    if op is Op.ADD_STATE:
        return [Edit(op=op, name=name or free_name(model))]
    if op is Op.ADD_ACTION:
        leads = {"to": target} if target else {}
        return [Edit(op=op, element=element, name=name, fields=leads)]
    if op is not None:
        return [Edit(op=op, element=element, name=name, target=target)]
    fields = _fields(text, place)
    if place.action is not None:
        fields["to"] = _targets(form, place, model)
    found = [Edit(op=Op.CHANGE, element=element, fields=fields)]
    return [*found, Edit(op=Op.RENAME, element=element, name=name)] if "name" in form else found


def free_name(model: Model) -> str:
    """`State 4`, for a state that is drawn before it is named."""
    taken = {state.name for state in model.states}
    return next(name for number in range(1, len(taken) + 2) if (name := f"State {number}") not in taken)


def _fields(text: Mapping[str, str], place: Place) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in (*FIRST[place.kind], *MORE[place.kind]):
        if one.form == "yes":
            found[one.key] = bool(text.get(one.name))
        elif one.name in text:
            found[one.key] = _value(text[one.name], one)
    if found.get("global actions in start") is True:
        found["global actions in start"] = None
    return found


def _value(text: str, one: Input) -> Any:
    text = text.replace("\r\n", "\n")
    if not text:
        return None
    if one.form == "list":
        return [part.strip() for part in text.split(",") if part.strip()]
    if one.form == "number":
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise RequestError(f"{one.label.lower()} is a whole number from 0", field=one.key)
        return int(text)
    if one.form == "yaml" or (one.form == "calls" and text[0] in "-[{"):
        return _yaml(text, one.key)
    return text


def _yaml(text: str, field: str) -> Any:
    """A map, a list or a single word. Errors: FormatError that names the field."""
    wrapped = f"value:\n{_indented(text)}" if "\n" in text or ":" in text or text.startswith("-") else f"value: {text}"
    try:
        return parse_yaml(wrapped).document["value"]
    except ModelError as error:
        line = int(error.detail.get("line", 2)) - ("\n" in wrapped)
        line = min(max(line, 1), text.count("\n") + 1)
        raise FormatError(f"{error.message} (line {line})", field=field) from None


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))


def _targets(form: FormData, place: Place, model: Model) -> list[str]:
    """The targets that stay checked, and the one that was chosen besides; as names, which the text format wants."""
    names = dict(target_choices(model, place))
    kept = [names[str(one)] for one in form.getlist("to") if str(one) in names]
    more = str(form.get("add_to") or "")
    return [*kept, *([names[more]] if more in names and names[more] not in kept else [])]


def target_choices(model: Model, place: Place) -> list[tuple[str, str]]:
    """What an action may lead to: id (or word) and name."""
    found = [(state.id, state.name) for state in model.states]
    beside: Sequence[Any] = place.state.actions if place.state is not None else model.global_actions
    found += [(one.id, one.name) for one in beside if one.kind is ActionKind.SEQUENT]
    kinds = {state.kind for state in model.states}
    return found + [(str(kind), str(kind)) for kind in SPECIAL_STATES if kind not in kinds]

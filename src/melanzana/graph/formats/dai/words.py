"""The words of DAI model JSON beside ours, and the fields of each object that are read; all other fields are kept in `extras`."""

from typing import Any

from melanzana.graph.model import ActionKind, Model, ParameterType, StateKind

#: Our own object in theirs: what the DAI fields beside it cannot hold (see `extension`).
EXTENSION = "x_melanzana"

STATE_KINDS = {
    "Start": StateKind.START,
    "Normal": StateKind.NORMAL,
    "Exception": StateKind.ERROR,
    "Cleanup": StateKind.CLEANUP,
}
STATE_TYPES = {kind: word for word, kind in STATE_KINDS.items()} | {StateKind.EXIT: "Normal"}
SORTING = {
    StateKind.START: "A",
    StateKind.NORMAL: "B",
    StateKind.ERROR: "X",
    StateKind.CLEANUP: "Y",
    StateKind.EXIT: "Z",
}
ROOT_SORTING, ACTION_SORTING = "A", "C"

ACTION_KINDS = {"Normal": ActionKind.NORMAL, "Sequent": ActionKind.SEQUENT, "Previous": ActionKind.PREVIOUS}
ACTION_TYPES = {kind: word for word, kind in ACTION_KINDS.items()}

PARAMETER_TYPES = {
    "Integer": ParameterType.INTEGER,
    "Real": ParameterType.REAL,
    "Text": ParameterType.TEXT,
    "True or False": ParameterType.BOOLEAN,
    "Set": ParameterType.SET,
}
PARAMETER_WORDS = {kind: word for word, kind in PARAMETER_TYPES.items()}
OTHER_PARAMETER_TYPES = {
    "Number": ParameterType.REAL,
    "Float": ParameterType.REAL,
    "Boolean": ParameterType.BOOLEAN,
    "String": ParameterType.TEXT,
}

#: What "no parameters" is written as.
NO_PARAMETER = {"id": 0, "name": "", "type": "", "random": "", "ranges": [], "initial": ""}

DEFINITION = (
    "elements",
    "modeluuid",
    "suitePath",
    "tags",
    "testcases",
    "runCleanupAfterAbort",
    "allowGlobalActionsInInitialStates",
    EXTENSION,
)
ENVELOPE = ("name", "definition", "test_cases", EXTENSION)
ROOT = ("id", "name", "type", "parentId", "elementUuid", "parameters", EXTENSION)
ELEMENT = ("id", "elementUuid", "name", "type", "parentId", "parameters", "snippets", "sortingType", EXTENSION)
BOX = ("dx", "dy", "shapeWidth", "shapeHeight")
STATE = (*ELEMENT, *BOX, "stateType", "invisible")
ACTION = (*ELEMENT, *BOX, "actionType", "connectedStates", "weight", "callLimit", "preconditions", "subModels")
PARAMETER = ("id", "name", "type", "random", "ranges", "initial", "parameterUuid", EXTENSION)
SNIPPET = ("fullName", "scriptPath", "inputs", "outputs", "disabled", "type", EXTENSION)
TEST_CASE = ("id", "model_id", "name", "description", "origin", "external_id", "tags", "steps", EXTENSION)
STEP = ("id", "action_id", "submodel_test_case_id", "parameters", "requirements", "display_index", EXTENSION)


def state_fields(kind: StateKind) -> dict[str, Any]:
    """The fields that follow from the kind of a state, unless the file says otherwise."""
    hidden = kind in (StateKind.EXIT, StateKind.ERROR, StateKind.CLEANUP)
    return {"stateType": STATE_TYPES[kind], "invisible": hidden, "sortingType": SORTING[kind]}


def counters(model: Model) -> dict[str, int]:
    """The counters of a definition: what was added to the states that every model has."""
    parameters = len(model.parameters) + sum(len(state.parameters) for state in model.states)
    return {
        "stateCounter": sum(state.kind is StateKind.NORMAL for state in model.states),
        "actionCounter": sum(1 for _ in model.actions()),
        "parameterCounter": parameters + sum(len(action.parameters) for _, action in model.actions()),
    }

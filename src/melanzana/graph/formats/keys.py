"""The keys of the text format, once: the document reader refuses all others, the writer writes no others, the schema lists the
same.

Order is the order in which they are written.
"""

from melanzana.graph.model import StateKind

#: The words that a target may be and the sections of the same name, in the order in which these states follow all others; with the
#: names that the states get when nothing else is said.
SPECIAL_STATES = {StateKind.EXIT: "Exit", StateKind.ERROR: "Error", StateKind.CLEANUP: "Cleanup"}

MODEL = (
    "model",
    "id",
    "description",
    "suite",
    "tags",
    "start",
    "run cleanup after abort",
    "global actions in start",
    "variables",
    "states",
    "anywhere",
    "exit",
    "error",
    "cleanup",
    "test cases",
    "extras",
    "layout",
)
STATE = (
    "id",
    "kind",
    "shared",
    "description",
    "check",
    "do",
    "with",
    "save",
    "variables",
    "requirements",
    "tags",
    "actions",
    "extras",
)
SPECIAL_STATE = (
    "name",
    *(key for key in STATE if key not in ("kind", "shared")),
)  #: `exit`, `error` and `cleanup` at the top level
ACTION = (
    "id",
    "kind",
    "to",
    "description",
    "when",
    "do",
    "with",
    "save",
    "set",
    "weight",
    "limit",
    "variables",
    "sub models",
    "requirements",
    "tags",
    "extras",
)
VARIABLE = ("type", "id", "initial", "generated", "values", "range", "bins", "distribution", "order", "ranges", "extras")
RANGE = ("values", "range", "weight", "bins", "distribution", "order")
VALUE_FILE = ("file", "column", "order")
CALL = ("call", "with", "save", "disabled", "extras")
TEST_CASE = ("id", "description", "steps", "with", "origin", "external id", "tags", "extras")
STEP = ("action", "with", "requirements", "test case", "extras")

"""Every code of a finding: its usual severity, what it says, how to mend it. `docs/reference/findings.md` has the same words.

`melanzana check --format sarif` carries them as the help of each rule.
"""

from typing import NamedTuple

from melanzana.graph.findings import Severity

_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


class Code(NamedTuple):
    """What a code means."""

    severity: Severity
    says: str
    fix: str


CODES: dict[str, Code] = {
    "name-empty": Code(_ERROR, "a name is empty or blank", "give it a name"),
    "name-too-long": Code(_ERROR, "a name has more than 200 characters", "shorten it"),
    "name-character": Code(_ERROR, "a name holds a character that does not show or that reorders text", "remove the character"),
    "name-clash": Code(_ERROR, "two elements that need different names share one", "rename one"),
    "name-similar": Code(_WARNING, "two names differ only by case or by Unicode form", "rename one"),
    "name-blank-edge": Code(_WARNING, "a name begins or ends with a blank", "remove the blank"),
    "name-quote": Code(_WARNING, 'a name holds `"`, which DAI does not accept', "write it without quotes"),
    "id-invalid": Code(_ERROR, "an id is empty, too long or not printable", "remove the id to get a derived one"),
    "id-duplicate": Code(_ERROR, "two elements share an id", "remove one of the ids"),
    "start-missing": Code(_ERROR, "there is no start state", "name one in `start`"),
    "kind-several": Code(_ERROR, "there are two states of one special kind", "keep one"),
    "target-unknown": Code(_ERROR, "an action leads to something that does not exist", "lead to a state that exists"),
    "target-twice": Code(_ERROR, "an action names one target twice", "name it once"),
    "target-not-sequent": Code(_ERROR, "an action leads to an action that is not sequent", "write `kind: sequent` there"),
    "target-elsewhere": Code(_ERROR, "an action leads to an action of another state", "lead to its state instead"),
    "weight-range": Code(_ERROR, "a weight is not 0 to 1,000,000,000", "give 0 to 1,000,000,000"),
    "limit-range": Code(_ERROR, "a call limit is negative or does not fit 64 bits", "give 0 (no limit) or more"),
    "limit-states": Code(_ERROR, "more than 10,000 states", "split the model"),
    "limit-actions": Code(_ERROR, "more than 50,000 actions", "split the model"),
    "limit-transitions": Code(_ERROR, "more than 50,000 transitions", "split the model"),
    "limit-variables": Code(_ERROR, "more than 256 variables in one place", "remove some"),
    "snippet-reference": Code(_ERROR, "a code reference is not `module:function`", "write `module:function`"),
    "snippet-not-python": Code(_WARNING, "a code reference is no Python name", "write a name that Python can import"),
    "sub-model-itself": Code(_ERROR, "the model is its own sub model", "remove it"),
    "sub-model-empty": Code(_ERROR, "a sub model has no name", "name the sub model"),
    "sub-model-not-checked": Code(_INFO, "a sub model is walked inside the action and not checked along with it", "nothing"),
    "sequent-not-targeted": Code(_WARNING, "no action leads to a sequent action", "lead to it, or make it a normal action"),
    "layout-unknown": Code(_WARNING, "the layout has a box for no element", "remove the box"),
    "shared-alone": Code(_WARNING, "of the joined models only one has a shared name", "give it to a state of another model"),
    "join-changed": Code(_WARNING, "joining models renamed or left out something", "nothing, or rename it in its model"),
    "variable-reserved": Code(_ERROR, "a variable is called `state`", "rename the variable"),
    "variable-clash": Code(_ERROR, "two variables of one place share a name", "rename one"),
    "variable-hidden": Code(_WARNING, "a variable hides an outer one", "rename the inner one"),
    "variable-values": Code(_ERROR, "a listed value is of the wrong type, or a set lists none", "list values of its type"),
    "variable-range": Code(_ERROR, "a range is empty, of the wrong type, or mixed with values", "give both ends in order"),
    "variable-weights": Code(_ERROR, "a range's weight is out of bounds, or all are 0", "raise a weight"),
    "variable-bins": Code(_ERROR, "bins are not 1 to 10,000", "give 1 to 10,000"),
    "variable-distribution": Code(_WARNING, "a distribution is not known: values are drawn flat", "write `flat`"),
    "variable-generated": Code(_ERROR, "a generated variable has nothing, or no end, to draw from", "add `range` or `values`"),
    "variable-initial": Code(_ERROR, "the initial value is of the wrong type or outside the ranges", "start inside the ranges"),
    "variable-no-initial": Code(_WARNING, "a variable that is not generated starts without a value", "add `initial`"),
    "guard-invalid": Code(_ERROR, "a guard does not compile", "mend the expression at the character named"),
    "guard-never": Code(_WARNING, "a guard is never true", "mend the guard, or what should make it true"),
    "assignment-invalid": Code(
        _ERROR, "an assignment does not compile, or its variable cannot hold the value", "mend the expression"
    ),
    "assignment-twice": Code(_ERROR, "an action assigns one variable twice", "keep one"),
    "input-invalid": Code(_ERROR, "an input does not compile", "mend the expression"),
    "input-twice": Code(_ERROR, "two inputs share a name", "keep one"),
    "input-order": Code(_ERROR, "an input by position follows one by name", "move it to the front"),
    "output-unknown": Code(_ERROR, "a result goes to something that is no variable", "name a declared variable"),
    "state-unreachable": Code(_WARNING, "no path leads to a state", "lead to it, or remove it"),
    "action-unreachable": Code(_WARNING, "no path leads to an action", "lead to it, or remove it"),
    "action-after-exit": Code(_WARNING, "Exit has actions, which are never offered", "move it to another state"),
    "dead-end": Code(_WARNING, "a state offers no action", "add an action, or lead to `exit` instead"),
    "no-way-out": Code(_WARNING, "from some states no path leads to Exit", "add an action that leads out"),
    "test-case-clash": Code(_ERROR, "two test cases share a name", "rename one"),
    "test-case-external-id": Code(_ERROR, "two test cases share an external id", "change one"),
    "test-case-name": Code(_WARNING, "a test case's name holds one of `\"\\;:{}`, which DAI does not accept", "rename it"),
    "test-case-empty": Code(_WARNING, "a test case has no steps", "add steps, or remove it"),
    "test-case-variable": Code(_ERROR, "a test case sets something that is no variable", "name a declared variable"),
    "test-case-value": Code(_ERROR, "a test case sets a value that the variable cannot hold", "give a value inside the bounds"),
    "test-step-unknown": Code(_ERROR, "a step names no action", "name an action"),
    "test-step-impossible": Code(_WARNING, "a step cannot follow the one before it", "mend the step, or the model"),
    "dai-action-type": Code(_WARNING, "an action type of a DAI file is not known", "nothing, or mend the file"),
    "dai-snippet": Code(_WARNING, "a snippet of a DAI file names no script", "name a script"),
    "dai-test-case": Code(_WARNING, "a test case of a DAI file is kept and cannot be run", "write its steps again"),
    "graphwalker-start": Code(_WARNING, "how the start of a GraphWalker file was chosen", "name the start"),
    "graphwalker-name": Code(_WARNING, "a name of a GraphWalker file was made unique", "nothing"),
    "graphwalker-variable": Code(_WARNING, "a variable of a GraphWalker file is shared, or its type cannot be told", "declare it"),
    "graphwalker-untranslated": Code(
        _WARNING, "JavaScript of a GraphWalker file could not be translated", "write it in the guard language"
    ),
    "guard-always": Code(_INFO, "a guard is true wherever its action is offered", "remove the guard, or mend it"),
    "bounds-never": Code(
        _WARNING, "an assignment always leaves the bounds of its variable", "widen the range, or mend the assignment"
    ),
    "limit-starved": Code(
        _WARNING, "an action is never performed because the call limits of others are used up before", "raise a limit"
    ),
    "limit-unused": Code(_INFO, "a call limit is never reached within an iteration", "remove the limit"),
    "action-shadowed": Code(_INFO, "an action does the same as another one beside it", "remove one, or tell them apart"),
    "weight-zero": Code(
        _WARNING,
        "an action of weight 0 is left out by random walks and tours (a remark when a test case performs it)",
        "raise the weight, or use it in a test case",
    ),
    "variable-unused": Code(_INFO, "a variable is named nowhere in the model", "remove it, unless action code reads it"),
    "mark-twice": Code(_INFO, "an element has one requirement or tag twice", "keep one"),
    "exit-unreachable": Code(_WARNING, "Exit is never reached (a remark when no action leads to it)", "lead to it"),
    "data-dead-end": Code(_WARNING, "nothing can be done in a state with certain data", "add an action, or mend a guard"),
    "no-way-back": Code(_INFO, "without Exit, a part of the model cannot be left", "lead back, or to `exit`"),
    "test-step-gap": Code(
        _INFO, "a step does not follow directly; the walk closes the gap if it can", "nothing, or name the steps between"
    ),
    "search-incomplete": Code(
        _INFO,
        "the limit of the search was reached: nothing is said of what was not found",
        "bound counters with `range`, or split the model",
    ),
    "goal-impossible": Code(_ERROR, "the stop condition of `--path` can never be met", "ask for less, or mend what blocks it"),
    "path-expression": Code(_ERROR, "`--path` is no path expression for this model", "mend it at the character named"),
    "suite-broken": Code(_ERROR, "the suite of `--suite` cannot be loaded", "mend its code"),
    "suite-missing": Code(_ERROR, "a code reference names no function of the suite", "write the function, or mend the reference"),
    "suite-unmatched": Code(_WARNING, "an `@action` or `@state` of the suite names nothing in the model", "mend the name"),
    "suite-gaps": Code(_INFO, "some actions have no code in the suite", "write a function of that name, or leave it"),
    "drawing-blocked": Code(_WARNING, "a blocked element of a drawing is left out", "unblock it to have it read"),
    "model_format": Code(_ERROR, "the file cannot be read as a model", "mend the place that the message names"),
    "model_limit": Code(_ERROR, "the file is larger than a limit", "split the model"),
}

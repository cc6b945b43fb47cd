"""The rules of a valid model: each finding has its code, its place, and says what to do."""

import time
from dataclasses import replace

import pytest

from melanzana.errors import InvalidModelError
from melanzana.graph.findings import Finding, Severity
from melanzana.graph.formats.text import read_text
from melanzana.graph.model import (
    Action,
    ActionKind,
    Assignment,
    Box,
    Input,
    Model,
    Parameter,
    ParameterType,
    Range,
    Snippet,
    State,
    StateKind,
    TestCase,
    TestCaseStep,
)
from melanzana.graph.validation import require_valid, validate

BASE = """\
model: m
start: a
variables:
  n: {type: integer, initial: 0, range: [0, 9]}
  who: {type: set, values: [x, y], initial: x}
states:
  a:
    actions:
      go: b
  b:
    actions:
      back: a
      chain: next
      next: {kind: sequent, to: a, when: 'who == "x" || n > 0'}
test cases:
  t: [go, back]
"""


EXTERNAL = "{steps: [go], external id: e}"
CHAIN = "anywhere: {y: {kind: sequent, to: z}, z: {kind: sequent}}"


def _found(model: Model | str) -> dict[str, Finding]:
    return {finding.code: finding for finding in validate(read_text(model) if isinstance(model, str) else model)}


def test_the_base_model_is_clean() -> None:
    """A good model has no findings at all."""
    assert _found(BASE) == {}
    require_valid(read_text(BASE))


@pytest.mark.parametrize(
    ("old", "new", "code", "element", "severity"),
    [
        ("go: b", "go: {to: b, when: n}", "guard-invalid", "a/go", "error"),
        ("go: b", "go: {to: b, when: 1 > 2}", "guard-never", "a/go", "warning"),
        ("go: b", "go: {to: b, when: n > 0 && false}", "guard-never", "a/go", "warning"),
        ("go: b", "go: {to: b, when: 1 < 2 || n > 0}", "guard-always", "a/go", "info"),
        ("go: b", "go: {to: b, weight: 0}", "weight-zero", "a/go", "info"),
        ("back: a", "back: {to: a, weight: 0}\n      home: a", "weight-zero", "b/back", "info"),
        ("chain: next", "chain: next\n      loose: {to: a, weight: 0}", "weight-zero", "b/loose", "warning"),
        ("go: b", "go: {to: b, do: 'x:y'}\n      again: {to: b, do: 'x:y'}", "action-shadowed", "a/again", "info"),
        ("go: b", "go: {to: b, requirements: [R1, R1]}", "mark-twice", "a/go", "info"),
        ("go: b", "go: {to: b, tags: [x, x]}", "mark-twice", "a/go", "info"),
        ("test cases:", "exit: {}\ntest cases:", "exit-unreachable", "Exit", "info"),
        ("go: b", "go: {to: b, when: who > n}", "guard-invalid", "a/go", "error"),
        ("go: b", "go: {to: b, set: {n: who}}", "assignment-invalid", "a/go", "error"),
        ("go: b", "go: {to: b, set: {m: 1}}", "assignment-invalid", "a/go", "error"),
        ("go: b", "go: {to: b, set: {state: who}}", "assignment-invalid", "a/go", "error"),
        ("go: b", "go: {to: b, do: x:y, with: [nobody]}", "input-invalid", "a/go", "error"),
        ("go: b", "go: {to: b, do: x:y, with: [{k: 1}, 2]}", "input-order", "a/go", "error"),
        ("go: b", "go: {to: b, do: x:y, with: [{k: 1}, {k: 2}]}", "input-twice", "a/go", "error"),
        ("go: b", "go: {to: b, do: x:y, save: nobody}", "output-unknown", "a/go", "error"),
        ("go: b", "go: {to: b, do: x:y, save: state}", "output-unknown", "a/go", "error"),
        ("go: b", "go: {to: b, do: 'x:'}", "snippet-reference", "a/go", "error"),
        ("go: b", "go: {to: b, do: 'a shop:go in'}", "snippet-not-python", "a/go", "warning"),
        ("go: b", "go: {to: b, weight: -1}", "weight-range", "a/go", "error"),
        ("go: b", "go: {to: b, limit: -1}", "limit-range", "a/go", "error"),
        ("go: b", "go: [b, b]", "target-twice", "a/go", "error"),
        ("go: b", "go: {to: b, sub models: m}", "sub-model-itself", "a/go", "error"),
        ("go: b", "go: {to: b, sub models: other}", "sub-model-not-checked", "a/go", "info"),
        ("go: b", "go: {to: b, sub models: ' '}", "sub-model-empty", "a/go", "error"),
        ("go: b", "go: {to: b, variables: {n: {type: text, initial: ''}}}", "variable-hidden", "a/go", "warning"),
        ("go: b", "go: {to: b, variables: {state: {type: text, initial: ''}}}", "variable-reserved", "a/go", "error"),
        ("chain: next", "chain: b", "sequent-not-targeted", "b/next", "warning"),
        ("back: a", "back: a\n      BACK: a", "name-similar", "b/BACK", "warning"),
        ("initial: 0", "initial: 10", "variable-initial", "model m", "error"),
        ("initial: 0, ", "", "variable-no-initial", "model m", "warning"),
        ("initial: 0, range: [0, 9]", "generated: true", "variable-generated", "model m", "error"),
        ("initial: 0, range: [0, 9]", "generated: true, range: [0, null]", "variable-generated", "model m", "error"),
        ("initial: 0, range: [0, 9]", "initial: 0, range: [9, 0]", "variable-range", "model m", "error"),
        ("initial: 0, range: [0, 9]", "initial: 0, range: [0.5, 9]", "variable-range", "model m", "error"),
        ("range: [0, 9]", "ranges: [{range: [0, 1], values: [2]}]", "variable-range", "model m", "error"),
        ("range: [0, 9]", "ranges: [{range: [0, 1], bins: 0}]", "variable-bins", "model m", "error"),
        ("range: [0, 9]", "ranges: [{range: [0, 1], weight: -1}]", "variable-weights", "model m", "error"),
        ("range: [0, 9]", "ranges: [{range: [0, 1], weight: 0}], generated: true", "variable-weights", "model m", "error"),
        ("range: [0, 9]", "ranges: [{range: [0, 1], distribution: bell}]", "variable-distribution", "model m", "warning"),
        ("values: [x, y], initial: x", "initial: x", "variable-values", "model m", "error"),
        ("values: [x, y], initial: x", "values: [x, y], initial: z", "variable-initial", "model m", "error"),
        ("type: set, values: [x, y], initial: x", "type: text, range: [1, 2], initial: x", "variable-range", "model m", "error"),
        ("t: [go, back]", "t: []", "test-case-empty", "test case t", "warning"),
        ("t: [go, back]", "t: [back]", "test-step-gap", "test case t", "info"),
        ("t: [go, back]", "t: [go, next]", "test-step-gap", "test case t", "info"),
        ("t: [go, back]", "t: [go, chain, back]", "test-step-gap", "test case t", "info"),
        ("t: [go, back]", "t: {steps: [go], with: {n: 10}}", "test-case-value", "test case t", "error"),
        ("t: [go, back]", "t: {steps: [go], with: {n: true}}", "test-case-value", "test case t", "error"),
        ("t: [go, back]", "t: {steps: [go], with: {m: 1}}", "test-case-variable", "test case t", "error"),
        ("t: [go, back]", "t: {steps: [{action: go, with: {m: 1}}]}", "test-case-variable", "test case t", "error"),
        ("t: [go, back]", "'t: 1': [go]", "test-case-name", "test case t: 1", "warning"),
        ("t: [go, back]", f"t: {EXTERNAL}\n  u: {EXTERNAL}", "test-case-external-id", "test case u", "error"),
        ("states:\n", "states:\n  c: {actions: {x: a}}\n", "state-unreachable", "c", "warning"),
        ("go: b", "go: [b, c]\n  c: {}", "dead-end", "c", "warning"),
        ("go: b", "go: [b, exit]\n      in: c\n  c:\n    actions:\n      c to c: c", "no-way-out", "c", "warning"),
        ("test cases:", "exit: {actions: {x: a}}\ntest cases:", "action-after-exit", "Exit/x", "warning"),
        ("test cases:", f"{CHAIN}\ntest cases:", "action-unreachable", "anywhere/z", "warning"),
        ("go: b", "' go': b", "name-blank-edge", "a/ go", "warning"),
        ("go: b", "'\"go\"': b", "name-quote", 'a/"go"', "warning"),
        ("go: b", "b: b", "name-clash", "a/b", "error"),
        ("go: b", "'': b", "name-empty", 'a/""', "error"),
        ("go: b", '"g\\u202eo": b', "name-character", "a/g\N{REPLACEMENT CHARACTER}o", "error"),
        ("go: b", '"g\\0o": b', "name-character", "a/g\N{REPLACEMENT CHARACTER}o", "error"),
        ("go: b", f"{'g' * 201}: b", "name-too-long", f"a/{'g' * 59}…", "error"),
        ("go: b", "go: {id: same, to: b}\n      gone: {id: same, to: b}", "id-duplicate", "a/gone", "error"),
        ("go: b", 'go: {id: "\\n", to: b}', "id-invalid", "a/go", "error"),
    ],
)
def test_each_rule_finds_its_mistake(old: str, new: str, code: str, element: str, severity: str) -> None:
    """One mistake in a good model gives its finding, at its element, with its severity."""
    text = BASE.replace(old, new, 1)
    assert text != BASE
    if "go" in old and code.startswith(("name", "id")):
        text = text.replace("t: [go, back]", "t: []")
    found = _found(text)
    assert code in found, found
    assert (found[code].element, found[code].severity) == (element, severity)
    assert found[code].message.startswith(element)


def _model(*states: State, **more: object) -> Model:
    return replace(Model(id="m-1", name="m", states=states), **more)  # type: ignore[arg-type]


A = State(id="a", name="a", kind=StateKind.START)


@pytest.mark.parametrize(
    ("model", "code"),
    [
        (_model(replace(A, kind=StateKind.NORMAL)), "start-missing"),
        (_model(A, State(id="b", name="b", kind=StateKind.START)), "kind-several"),
        (_model(A, State(id="b", name="a")), "name-clash"),
        (_model(A, State(id="a", name="b")), "id-duplicate"),
        (_model(replace(A, actions=(Action(id="x", name="x", targets=("nowhere",)),))), "target-unknown"),
        (_model(replace(A, actions=(Action(id="x", name="x", targets=("y",)), Action(id="y", name="y")))), "target-not-sequent"),
        (
            _model(
                replace(A, actions=(Action(id="x", name="x", targets=("y",)),)),
                global_actions=(Action(id="y", name="y", kind=ActionKind.SEQUENT),),
            ),
            "target-elsewhere",
        ),
        (_model(A, test_cases=(TestCase(id="t", name="t", steps=(TestCaseStep(action="gone"),)),)), "test-step-unknown"),
        (_model(A, test_cases=(TestCase(id="t", name="t", steps=()), TestCase(id="u", name="t", steps=()))), "test-case-clash"),
        (_model(A, layout={"gone": Box(x=1, y=1)}), "layout-unknown"),
        (_model(A, parameters=tuple(Parameter(name="n", type=ParameterType.TEXT, initial="") for _ in "ab")), "variable-clash"),
        (_model(A, parameters=tuple(Parameter(name=f"n{n}", type=ParameterType.TEXT) for n in range(257))), "limit-variables"),
        (_model(A, parameters=(Parameter(name="n", type=ParameterType.INTEGER, initial=True),)), "variable-initial"),
        (_model(A, parameters=(Parameter(name="n", type=ParameterType.INTEGER, initial=2**63),)), "variable-initial"),
        (_model(A, parameters=(Parameter(name="n", type=ParameterType.REAL, initial=float("nan")),)), "variable-initial"),
        (_model(A, parameters=(Parameter(name="n", type=ParameterType.TEXT, ranges=(Range(values=(1,)),)),)), "variable-values"),
        (
            _model(
                replace(A, actions=(Action(id="x", name="x", assignments=(Assignment(variable="n", expression="1"),) * 2),)),
                parameters=(Parameter(name="n", type=ParameterType.INTEGER, initial=0),),
            ),
            "assignment-twice",
        ),
        (_model(replace(A, snippets=(Snippet(reference="x", inputs=(Input(expression="1"),)),))), "snippet-reference"),
        (_model(replace(A, actions=tuple(Action(id=f"{n}", name=f"x{n}") for n in range(50_001)))), "limit-actions"),
        (_model(A, name="\ud800"), "name-character"),
    ],
)
def test_models_made_in_memory_are_judged_too(model: Model, code: str) -> None:
    """What no text file can say is found as well."""
    assert code in _found(model)


def test_an_invalid_model_is_refused_with_its_errors() -> None:
    """`require_valid` raises with every error and no warning, and its message says how many there are."""
    text = BASE.replace("go: b", "go: {to: b, when: n}\n      stay: {weight: -1}").replace("t: [go, back]", "t: []")
    with pytest.raises(InvalidModelError, match=r"a/go: the guard .* \(and 1 more\)|a/stay.* \(and 1 more\)") as caught:
        require_valid(read_text(text))
    assert {finding.code for finding in caught.value.findings} == {"guard-invalid", "weight-range"}


def test_findings_have_a_json_form() -> None:
    """A finding as JSON holds what it knows and nothing else."""
    finding = Finding(code="dead-end", severity=Severity.WARNING, message="a: is a dead end", element_id="1", line=3)
    assert finding.to_json() == {
        "code": "dead-end",
        "severity": "warning",
        "message": "a: is a dead end",
        "element_id": "1",
        "line": 3,
    }


def test_a_previous_action_can_lead_out() -> None:
    """An action that leads back to where the walk came from counts as a way out."""
    text = "model: m\nstart: a\nstates:\n  a: {actions: {in: b, out: exit}}\n  b: {actions: {back: {kind: previous}}}\n"
    assert _found(text) == {}
    assert "no-way-out" in _found(text.replace("{kind: previous}", "b"))


def test_a_chain_of_sequent_actions_is_reached() -> None:
    """Sequent actions are reached through the ordinary action that starts their chain."""
    assert _found(BASE.replace("test cases:", CHAIN.replace("{y", "{x: y, y", 1) + "\ntest cases:")) == {}


def test_global_actions_count_as_ways() -> None:
    """A state whose only way on is a global action is neither a dead end nor a trap, unless it does not offer them."""
    text = "model: m\nstart: a\nstates: {a: {actions: {go: b}}, b: {}}\nanywhere: {leave: exit}\n"
    assert _found(text) == {}
    barred = text.replace("{actions: {go: b}}", "{}").replace("b: {}", "b: {actions: {x: b}}") + "global actions in start: false\n"
    assert {"dead-end", "state-unreachable"} <= _found(barred).keys()


def test_a_large_model_is_judged_quickly() -> None:
    """10,000 states and 50,000 transitions, every one guarded, are judged in a few seconds even on a busy machine."""
    count = 10_000
    states = [
        State(
            id=f"s{n}",
            name=f"s{n}",
            kind=StateKind.NORMAL if n else StateKind.START,
            actions=tuple(
                Action(id=f"s{n}a{k}", name=f"a{k}", targets=(f"s{(n * 7 + k * 13 + 1) % count}",), guard=f"n > {n % 50}")
                for k in range(5)
            ),
        )
        for n in range(count)
    ]
    model = _model(*states, parameters=tuple(Parameter(name=name, type=ParameterType.INTEGER, initial=0) for name in ("n", "m")))
    started = time.process_time()
    findings = validate(model)
    assert time.process_time() - started < 5
    assert [finding.message for finding in findings if finding.severity is Severity.ERROR] == []


def test_two_million_parallel_edges_are_bounded() -> None:
    """A model built in memory far over the limits is refused by a finding, in time in proportion to its size."""
    action = Action(id="x", name="x", targets=("a",) * 2_000_000)
    assert {"limit-transitions", "target-twice"} <= _found(_model(replace(A, actions=(action,)))).keys()


def test_sixty_four_booleans_are_no_state_space() -> None:
    """Rules look at the shape, never at combinations of values: 64 toggles are judged like one."""
    names = [f"b{n}" for n in range(64)]
    toggles = tuple(Action(id=f"t{n}", name=f"t{n}", assignments=(Assignment(variable=n, expression=f"!{n}"),)) for n in names)
    model = _model(
        replace(A, actions=toggles), parameters=tuple(Parameter(name=n, type=ParameterType.BOOLEAN, initial=False) for n in names)
    )
    assert _found(model) == {}

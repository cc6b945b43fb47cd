"""Random models that break no rule: `models()` for property tests of everything that takes a model.

Names are anything a person may type, down to quotes, slashes, colons and words of YAML; ids are derived or brought along; every
list may be empty; guards, assignments and inputs are well typed over the variables in scope. `simple_models()` keeps to names
without surprises and no foreign fields, for tests whose subject is the walk.
"""

import string
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from melanzana.graph.expressions import print_name
from melanzana.graph.model import (
    Action,
    ActionKind,
    Assignment,
    Box,
    Input,
    Model,
    Output,
    Parameter,
    ParameterType,
    Range,
    Scalar,
    Snippet,
    State,
    StateKind,
    TestCase,
    TestCaseStep,
    derived_id,
)

INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 12)
REALS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-3, 12).map(float)
_SIMPLE_NAMES = st.text(string.ascii_letters + string.digits + " _-", min_size=1, max_size=12).filter(
    lambda text: text == text.strip()
)
_ODD_WORDS = """yes|null|true|12|1.5|a/b|a: b|- a|#a|a #b|[a|{a}|it's|say "hi"|a\\b|anywhere|exit|Exit|error|start
état|ある|🍆|0x1f|~|*a|&a|!a|%a|@a|`a`|a, b|a?|=1+1|../../etc|__proto__|2024-01-01|1:30"""
_ODD_NAMES = st.sampled_from(_ODD_WORDS.replace("\n", "|").split("|"))
_PRINTABLE = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")), min_size=1, max_size=20
).filter(lambda text: text == text.strip())  # fmt: skip
_ANY_NAMES = _SIMPLE_NAMES | _ODD_NAMES | _PRINTABLE
_TEXTS = st.one_of(
    st.just(""),
    _SIMPLE_NAMES,
    _ODD_NAMES,
    st.text(st.characters(codec="utf-8"), max_size=30),
    st.just("two\nlines\n"),
    st.just("a\n\n  b: c # d"),
)
_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | INTEGERS | REALS | _TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXTS, inner, max_size=2),
    max_leaves=4,
)
Scope = Mapping[str, Parameter]  #: variables by name
_KIND_NAMES = {StateKind.EXIT: "Exit", StateKind.ERROR: "Error", StateKind.CLEANUP: "Cleanup"}


class _Maker:
    """Draws one model; `odd` allows names and fields with surprises."""

    def __init__(self, draw: st.DrawFn, *, odd: bool, max_states: int) -> None:
        self.draw = draw
        self.odd = odd
        self.max_states = max_states
        self.names = _ANY_NAMES if odd else _SIMPLE_NAMES
        self.used_ids: set[str] = set()
        self.model_name = ""
        self.state_ids: list[str] = []

    def some(self, strategy: st.SearchStrategy[Any], most: int = 2) -> tuple[Any, ...]:
        return tuple(self.draw(st.lists(strategy, max_size=most, unique_by=repr)))

    def text(self) -> str:
        return self.draw(_TEXTS) if self.odd else ""

    def extras(self) -> Mapping[str, Any]:
        return self.draw(st.just({}) | st.dictionaries(_TEXTS, _JSON, max_size=2)) if self.odd else {}

    def traces(self) -> dict[str, Any]:
        """The fields that a walk does not look at; every second element has none."""
        if not self.draw(st.booleans()):
            return {}
        found = {"requirements": self.some(self.names), "tags": self.some(self.names)}
        return found | ({"description": self.text(), "extras": self.extras()} if self.odd else {})

    def element_id(self, *place: str) -> str:
        """The derived id of the place, or one that the file brings along."""
        kinds = st.sampled_from(["derived", "derived", "uuid", "number", "text"]) if self.odd else st.just("derived")
        match self.draw(kinds):
            case "uuid":
                found = str(self.draw(st.uuids()))
            case "number":
                found = str(self.draw(st.integers(1, 99)))
            case "text":
                found = self.draw(_SIMPLE_NAMES)
            case _:
                found = derived_id(*place)
        found = derived_id(*place) if found in self.used_ids else found
        self.used_ids.add(found)
        return found

    def parameters(self, taken: set[str]) -> tuple[Parameter, ...]:
        names = self.draw(st.lists(self.names.filter(lambda name: name != "state" and name not in taken), max_size=2, unique=True))
        return tuple(self.parameter(name) for name in names)

    def parameter(self, name: str) -> Parameter:
        kind = self.draw(st.sampled_from(ParameterType))
        generated = self.draw(st.booleans())
        ranges = tuple(
            self.range(kind) for _ in range(self.draw(st.integers(1 if generated or kind is ParameterType.SET else 0, 2)))
        )
        initial = None if generated and self.draw(st.booleans()) else self.member(kind, ranges)
        identity = str(self.draw(st.uuids())) if self.odd and self.draw(st.booleans()) else ""
        return Parameter(
            name=name, type=kind, initial=initial, generated=generated, ranges=ranges, id=identity, extras=self.extras()
        )

    def value(self, kind: ParameterType) -> Scalar:
        match kind:
            case ParameterType.INTEGER:
                return self.draw(INTEGERS)
            case ParameterType.REAL:
                return self.draw(REALS)
            case ParameterType.BOOLEAN:
                return self.draw(st.booleans())
            case _:
                return self.draw(_TEXTS if self.odd else _SIMPLE_NAMES)

    def range(self, kind: ParameterType) -> Range:
        weight = self.draw(st.sampled_from([100, 1, 7]))
        if kind in (ParameterType.INTEGER, ParameterType.REAL) and self.draw(st.booleans()):
            low, high = sorted((self.value(kind), self.value(kind)))
            return Range(low=low, high=high, weight=weight, bins=self.draw(st.none() | st.integers(1, 9)))  # type: ignore[arg-type]
        return Range(values=tuple({repr(value): value for value in (self.value(kind), self.value(kind))}.values()), weight=weight)

    def member(self, kind: ParameterType, ranges: tuple[Range, ...]) -> Scalar:
        if not ranges:
            return self.value(kind)
        chosen = ranges[0]
        return self.draw(st.sampled_from(chosen.values)) if chosen.values else chosen.low  # type: ignore[return-value]

    def expression(self, kind: ParameterType, scope: Scope) -> str:
        """Well typed, in one of several spellings."""
        names = [print_name(name) for name, parameter in scope.items() if parameter.type is kind]
        simple = st.sampled_from([*names, *_LITERALS[kind], *_LITERALS[kind]])
        pattern = st.sampled_from(_PATTERNS[kind])
        return self.draw(pattern).format(self.draw(simple), self.draw(simple))

    def guard(self, scope: Scope) -> str:
        parts = [f"{print_name(name)} == {print_name(name)}" for name in list(scope)[:2]] + ['state != "Home"', "true", "1 < 2"]
        for name, parameter in scope.items():
            parts.extend(
                f"{print_name(name)} {sign} {literal}" for sign in ("==", "!=") for literal in _LITERALS[parameter.type][:2]
            )
        return " && ".join(self.draw(st.lists(st.sampled_from(parts), min_size=1, max_size=3)))

    def snippets(self, scope: Scope) -> tuple[Snippet, ...]:
        return tuple(self.snippet(scope) for _ in range(self.draw(st.sampled_from([0, 0, 1, 1, 2]))))

    def snippet(self, scope: Scope) -> Snippet:
        kinds = st.sampled_from(ParameterType)
        positional = tuple(Input(expression=self.expression(self.draw(kinds), scope)) for _ in range(self.draw(st.integers(0, 2))))
        named = tuple(Input(name=name, expression=self.expression(self.draw(kinds), scope)) for name in self.some(self.names))
        outputs = tuple(Output(variable=name, name=self.draw(st.none() | self.names)) for name in self.some_of(scope))
        return Snippet(
            reference=self.draw(st.sampled_from(["shop:search", "shop.web:Page.open", "a_b:c"])),
            inputs=positional + named,
            outputs=outputs,
            disabled=self.draw(st.sampled_from([False, False, True])),
            extras=self.extras(),
        )

    def some_of(self, scope: Scope) -> tuple[str, ...]:
        return self.some(st.sampled_from(list(scope))) if scope else ()

    def actions(self, owner: str, names: list[str], scope: Scope) -> tuple[Action, ...]:
        kinds = [self.draw(st.sampled_from([*[ActionKind.NORMAL] * 4, ActionKind.SEQUENT, ActionKind.PREVIOUS])) for _ in names]
        ids = [self.element_id(self.model_name, owner, name) for name in names]
        targets = self.state_ids + [element_id for element_id, kind in zip(ids, kinds, strict=True) if kind is ActionKind.SEQUENT]
        return tuple(self.action(*one, targets, scope) for one in zip(names, ids, kinds, strict=True))

    def action(self, name: str, element_id: str, kind: ActionKind, targets: list[str], scope: Scope) -> Action:
        own = self.parameters(set(scope)) if self.draw(st.booleans()) else ()
        scope = {**scope, **{parameter.name: parameter for parameter in own}}
        return Action(
            id=element_id,
            name=name,
            kind=kind,
            targets=tuple(self.draw(st.lists(st.sampled_from(targets), max_size=2, unique=True))),
            guard=self.guard(scope) if self.draw(st.booleans()) else None,
            assignments=tuple(
                Assignment(variable=v, expression=self.expression(scope[v].type, scope)) for v in self.some_of(scope)
            ),
            weight=self.draw(st.sampled_from([100, 0, 1, 250])),
            call_limit=self.draw(st.sampled_from([0, 0, 1, 3])),
            parameters=own,
            snippets=self.snippets(scope),
            sub_models=self.some(_SIMPLE_NAMES.map(lambda name: f"sub {name}")) if self.odd else (),
            **self.traces(),
        )

    def test_case(self, name: str, actions: list[str], variables: tuple[Parameter, ...]) -> TestCase:
        values = {parameter.name: self.member(parameter.type, parameter.ranges) for parameter in variables}
        return TestCase(
            id=self.element_id(self.model_name, "", "", name),
            name=name,
            steps=tuple(self.step(action, values) for action in self.draw(st.lists(st.sampled_from(actions), max_size=3))),
            description=self.text(),
            origin=self.text(),
            external_id=f"X-{name}" if self.odd and self.draw(st.booleans()) else "",
            tags=self.some(self.names),
            parameters=self.draw(st.sampled_from([{}, values])),
            extras=self.extras(),
        )

    def step(self, action: str, values: Mapping[str, Scalar]) -> TestCaseStep:
        if not self.draw(st.booleans()):
            return TestCaseStep(action=action)
        return TestCaseStep(
            action=action,
            parameters=self.draw(st.sampled_from([{}, values])),
            requirements=self.some(self.names),
            sub_model_test_case=self.draw(st.none() | _SIMPLE_NAMES),
            extras=self.extras(),
        )

    def model(self) -> Model:
        draw, name = self.draw, self.draw(self.names)
        state_names = draw(st.lists(self.names, min_size=1, max_size=self.max_states, unique=True))
        kinds = [StateKind.START, *[StateKind.NORMAL] * (len(state_names) - 1)]
        for kind in self.some(st.sampled_from(list(_KIND_NAMES)), most=3):
            usual = _KIND_NAMES[kind]
            chosen = usual if draw(st.booleans()) else draw(self.names)
            if chosen not in state_names:
                state_names.append(chosen)
                kinds.append(kind)
        order = draw(st.permutations(range(len(kinds)))) if draw(st.booleans()) else range(len(kinds))
        places = [(state_names[index], kinds[index]) for index in order]
        self.model_name = name
        self.state_ids = [self.element_id(name, state_name) for state_name, _ in places]
        variables = self.parameters(set())
        scope = {parameter.name: parameter for parameter in variables}
        action_names = st.lists(self.names.filter(lambda text: text not in state_names), max_size=2, unique=True)
        states = tuple(
            self.state(place, element_id, draw(action_names), scope)
            for place, element_id in zip(places, self.state_ids, strict=True)
        )
        global_actions = self.actions("", draw(action_names), scope)
        actions = [action.id for state in states for action in state.actions] + [action.id for action in global_actions]
        case_names = draw(st.lists(self.names, max_size=2, unique=True)) if actions else []
        return Model(
            id=derived_id(name) if draw(st.booleans()) else str(draw(st.uuids())),
            name=name,
            states=states,
            global_actions=global_actions,
            parameters=variables,
            test_cases=tuple(self.test_case(case, actions, variables) for case in case_names),
            suite=self.text(),
            tags=self.some(self.names),
            description=self.text(),
            run_cleanup_after_abort=draw(st.booleans()),
            global_actions_in_start=draw(st.booleans()),
            layout=self.layout(self.state_ids + actions),
            extras=self.extras(),
        )

    def state(self, place: tuple[str, StateKind], element_id: str, names: list[str], outer: Scope) -> State:
        own = self.parameters(set(outer)) if self.draw(st.booleans()) else ()
        scope = {**outer, **{parameter.name: parameter for parameter in own}}
        return State(
            id=element_id,
            name=place[0],
            kind=place[1],
            actions=self.actions(place[0], names, scope),
            parameters=own,
            snippets=self.snippets(scope),
            **self.traces(),
        )

    def layout(self, element_ids: list[str]) -> dict[str, Box]:
        figures = st.floats(-1e6, 1e6, allow_nan=False) | st.integers(-500, 500).map(float)
        sizes = st.tuples(figures, figures) | st.just((None, None))
        return {
            element_id: Box(x=self.draw(figures), y=self.draw(figures), width=size[0], height=size[1])
            for element_id in self.draw(st.lists(st.sampled_from(element_ids), max_size=3, unique=True))
            for size in [self.draw(sizes)]
        }


_LITERALS: dict[ParameterType, list[str]] = {
    ParameterType.INTEGER: ["0", "1", "-2", "007", "9223372036854775807"],
    ParameterType.REAL: ["1.5", "-0.25", "1e3", "2.0"],
    ParameterType.TEXT: ['"lamp"', "'it: #1'", '""', '"a\\nb"'],
    ParameterType.BOOLEAN: ["true", "false"],
    ParameterType.SET: ['"lamp"', '"True"'],
}
_PATTERNS: dict[ParameterType, list[str]] = {
    ParameterType.INTEGER: ["{0}", "{0} + {1}", "min({0}, {1})", " {0}", "{0}%2"],
    ParameterType.REAL: ["{0}", "{0} * {1}", "({0})"],
    ParameterType.TEXT: ["{0}", "{0} + {1}"],
    ParameterType.BOOLEAN: ["{0}", "!{0}", "{0} && {1}", "{0} ? {1} : false"],
    ParameterType.SET: ["{0}", "{0} + {1}"],
}


@st.composite
def models(draw: st.DrawFn, max_states: int = 4) -> Model:
    """Any model without errors."""
    return _Maker(draw, odd=True, max_states=max_states).model()


@st.composite
def simple_models(draw: st.DrawFn, max_states: int = 6) -> Model:
    """A model without errors whose names and fields hold no surprises."""
    return _Maker(draw, odd=False, max_states=max_states).model()

"""Rules on names and ids: what may be in one, and which must differ.

Test cases, path expressions, reports and spreadsheets all speak of elements by name, so a name must be visible, speakable and
mean one thing.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from melanzana.graph.findings import Finding
from melanzana.graph.limits import MAX_NAME
from melanzana.graph.model import Action
from melanzana.graph.rules.subject import Element, Subject, short

# Control characters, surrogates, line separators, and the marks that reorder the text around them or show nothing at all.
_FORBIDDEN = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff\\ufff9-\\ufffb\\ufffe\\uffff]"
)
_UNSPEAKABLE_IN_CASES = '"\\;:{}'
RESERVED_VARIABLES = frozenset({"state"})


def check_names(subject: Subject) -> Iterator[Finding]:
    """Every name and id of the model."""
    for element in (subject.whole, *subject.elements()):
        yield from _check_name(element.value.name, element, "")
    for scope, parameters in subject.scopes():
        for parameter in parameters:
            yield from _check_name(parameter.name, scope, f"variables/{parameter.name}", kind="the name of a variable")
    yield from _check_ids(subject)
    yield from _check_clashes(subject)
    yield from _check_variables(subject)
    yield from _check_cases(subject)


def name_problem(name: str) -> tuple[str, str] | None:
    """The code and the words for what is wrong with a name by itself."""
    if not name.strip():
        return "name-empty", "is empty: give it one"
    if len(name) > MAX_NAME:
        return "name-too-long", f"has {len(name):,} characters: at most {MAX_NAME} are allowed"
    if found := _FORBIDDEN.search(name):
        code_point = ord(found.group())
        called = unicodedata.name(found.group(), "control character").lower()
        return "name-character", f"holds U+{code_point:04X} ({called}) at position {found.start() + 1}: remove it"
    return None


def _check_name(name: str, element: Element, field: str, kind: str = "the name") -> Iterator[Finding]:
    if problem := name_problem(name):
        code, words = problem
        yield element.error(code, f"{kind} {words}", field=field or None)
    elif name != name.strip():
        yield element.warning("name-blank-edge", f"{kind} begins or ends with a blank: remove it", field=field or None)
    elif '"' in name:
        yield element.warning("name-quote", f'{kind} holds a ": the original product does not accept it', field=field or None)


def _check_ids(subject: Subject) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for element in subject.elements():
        if not element.id or len(element.id) > MAX_NAME or _FORBIDDEN.search(element.id):
            yield element.error(
                "id-invalid", f"the id must be 1 to {MAX_NAME} printable characters: remove it to get a derived one"
            )
        elif element.id in seen:
            yield element.error(
                "id-duplicate", f"has the id {short(element.id)} of {seen[element.id]}: ids must differ", field="id"
            )
        else:
            seen[element.id] = element.label


def _check_clashes(subject: Subject) -> Iterator[Finding]:
    yield from _check_group([element for _, element in subject.states], "another state")
    states = {state.name for state, _ in subject.states}
    owned: defaultdict[str, list[Element]] = defaultdict(list)
    for owner, action, element in subject.actions:
        owned[owner.id if owner else ""].append(element)
        if action.name in states:
            yield element.error("name-clash", "has the name of a state: rename one of them")
    for group in owned.values():
        yield from _check_group(group, "another action beside it")


def _check_group(elements: list[Element], other: str) -> Iterator[Finding]:
    """Names within one group must differ, and should differ for the eye."""
    exact: set[str] = set()
    folded: dict[str, str] = {}
    for element in elements:
        name = element.value.name
        alike = unicodedata.normalize("NFKC", name).casefold() if len(name) <= MAX_NAME else name
        if name in exact:
            yield element.error("name-clash", f"has the name of {other}: rename one of them")
        elif alike in folded:
            yield element.warning("name-similar", f"looks like {short(folded[alike])}: rename one of them")
        exact.add(name)
        folded.setdefault(alike, name)


def _check_variables(subject: Subject) -> Iterator[Finding]:
    global_names = {parameter.name for parameter in subject.model.parameters}
    state_names = {state.id: {parameter.name for parameter in state.parameters} for state, _ in subject.states if state.parameters}
    for scope, parameters in subject.scopes():
        outer = _outer(scope, subject, global_names, state_names) if parameters else frozenset()
        seen: set[str] = set()
        for parameter in parameters:
            name, field = parameter.name, f"variables/{parameter.name}"
            if name in RESERVED_VARIABLES:
                yield scope.error(
                    "variable-reserved", f"`{name}` always holds the name of the current state: rename the variable", field=field
                )
            if name in seen:
                yield scope.error("variable-clash", f"two variables are called {short(name)}: rename one of them", field=field)
            elif name in outer:
                yield scope.warning(
                    "variable-hidden", f"the variable {short(name)} hides an outer one of the same name", field=field
                )
            seen.add(name)


def _outer(scope: Element, subject: Subject, global_names: set[str], state_names: dict[str, set[str]]) -> frozenset[str]:
    if scope is subject.whole:
        return frozenset()
    owner = subject.routes.actions[scope.id][0] if isinstance(scope.value, Action) else None
    return frozenset(global_names | (state_names.get(owner.id, set()) if owner else set()))


@dataclass(frozen=True, slots=True)
class _CaseKey:
    """Something of a test case that must be its own."""

    code: str
    what: str
    of: Callable[[Element], str]


def _check_cases(subject: Subject) -> Iterator[Finding]:
    cases = [element for _, element in subject.cases]
    yield from _check_unique(cases, _CaseKey("test-case-clash", "the name", lambda element: element.value.name))
    external = {case.id: case.external_id for case, _ in subject.cases}
    yield from _check_unique(cases, _CaseKey("test-case-external-id", "the external id", lambda element: external[element.id]))
    for element in cases:
        if any(character in element.value.name for character in _UNSPEAKABLE_IN_CASES):
            message = f"the name holds one of {_UNSPEAKABLE_IN_CASES}: the original product does not accept it"
            yield element.warning("test-case-name", message)


def _check_unique(elements: Iterable[Element], key: _CaseKey) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for element in elements:
        text = key.of(element)
        if text and text in seen:
            yield element.error(key.code, f"has {key.what} of {seen[text]}: they must differ")
        seen.setdefault(text, element.label)

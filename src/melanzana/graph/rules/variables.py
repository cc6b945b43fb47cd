"""Rules on variables: values of the right type, inside the declared ranges, and something to generate from."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from melanzana.graph.findings import Finding
from melanzana.graph.limits import INTEGER_MAX, INTEGER_MIN, MAX_VARIABLES, MAX_WEIGHT
from melanzana.graph.model import DISTRIBUTIONS, Parameter, ParameterType, Range, Scalar
from melanzana.graph.rules.subject import Element, Subject, short

MAX_BINS = 10_000
_NUMERIC = (ParameterType.INTEGER, ParameterType.REAL)
_WORDS = {
    ParameterType.INTEGER: "an integer of 64 bits",
    ParameterType.REAL: "a number",
    ParameterType.TEXT: "text",
    ParameterType.BOOLEAN: "true or false",
    ParameterType.SET: "text",
}


def check_variables(subject: Subject) -> Iterator[Finding]:
    """Every declared variable, and the values that test cases give to global ones."""
    for scope, parameters in subject.scopes():
        if len(parameters) > MAX_VARIABLES:
            yield scope.error("limit-variables", f"declares {len(parameters):,} variables: at most {MAX_VARIABLES} are allowed")
        for parameter in parameters:
            yield from _Declaration(scope, parameter).check()
    yield from _check_overrides(subject)


def fits_type(value: Scalar, kind: ParameterType) -> bool:
    """Can a variable of this type hold the value? (An integer is a real number, a truth value is not a number.)"""
    if isinstance(value, bool):
        return kind is ParameterType.BOOLEAN
    if isinstance(value, int):
        return kind in _NUMERIC and INTEGER_MIN <= value <= INTEGER_MAX
    if isinstance(value, float):
        return kind is ParameterType.REAL and math.isfinite(value)
    return kind in (ParameterType.TEXT, ParameterType.SET)


def value_problem(value: Scalar, parameter: Parameter) -> str | None:
    """Why the variable cannot hold the value."""
    if not fits_type(value, parameter.type):
        return f"{_shown(value)} is not {_WORDS[parameter.type]}"
    if parameter.ranges and not any(_contains(entry, value) for entry in parameter.ranges):
        return f"{_shown(value)} is outside {' and '.join(_describe(entry) for entry in parameter.ranges[:3])}"
    return None


def _contains(entry: Range, value: Scalar) -> bool:
    if entry.values:
        return value in entry.values
    if isinstance(value, str | bool):
        return True
    return (entry.low is None or value >= entry.low) and (entry.high is None or value <= entry.high)


def _describe(entry: Range) -> str:
    if entry.values:
        return "the values " + ", ".join(_shown(value) for value in entry.values[:5]) + (", …" if len(entry.values) > 5 else "")
    low, high = ("" if bound is None else str(bound) for bound in (entry.low, entry.high))
    return f"the range {low or '…'} to {high or '…'}"


def _shown(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else short(repr(value), 40)


@dataclass(frozen=True, slots=True)
class _Declaration:
    """One variable, with what declares it."""

    scope: Element
    parameter: Parameter

    def check(self) -> Iterator[Finding]:
        parameter = self.parameter
        for entry in parameter.ranges:
            yield from self._check_range(entry)
        if parameter.type is ParameterType.SET and not any(entry.values for entry in parameter.ranges):
            yield self._error("variable-values", "is a set without values: list them under `values`")
        if parameter.generated:
            yield from self._check_generated()
        elif parameter.initial is None:
            yield self._warning("variable-no-initial", "has no `initial` value: a guard that reads it before it is set fails")
        if parameter.initial is not None and (problem := value_problem(parameter.initial, parameter)):
            yield self._error("variable-initial", f"cannot start with its initial value: {problem}")

    def _check_generated(self) -> Iterator[Finding]:
        kind, ranges = self.parameter.type, self.parameter.ranges
        if kind is ParameterType.BOOLEAN or (kind is ParameterType.SET and ranges):
            return
        if not ranges:
            yield self._error("variable-generated", "is generated from nothing: add `range` or `values`")
        elif not all(entry.values or (entry.low is not None and entry.high is not None) for entry in ranges):
            yield self._error("variable-generated", "is generated from an open range: give both ends, or `values`")
        if ranges and not any(entry.weight for entry in ranges):
            yield self._error("variable-weights", "is generated from ranges whose weights are all 0: raise one")

    def _check_range(self, entry: Range) -> Iterator[Finding]:
        kind, bounds = self.parameter.type, [bound for bound in (entry.low, entry.high) if bound is not None]
        if wrong := [value for value in entry.values if not fits_type(value, kind)]:
            yield self._error("variable-values", f"lists {_shown(wrong[0])}, which is not {_WORDS[kind]}")
        if bounds and kind not in _NUMERIC:
            yield self._error("variable-range", f"is {_WORDS[kind]} and has a `range`, which is for numbers: use `values`")
        elif any(not fits_type(bound, kind) for bound in bounds):
            yield self._error("variable-range", f"has a bound that is not {_WORDS[kind]}")
        elif len(bounds) == 2 and bounds[0] > bounds[1]:
            yield self._error("variable-range", f"has an empty range: {bounds[0]} is more than {bounds[1]}")
        if bounds and entry.values:
            yield self._error("variable-range", "has `range` and `values` in one entry: write two entries of `ranges`")
        if not 0 <= entry.weight <= MAX_WEIGHT:
            yield self._error("variable-weights", f"has the weight {entry.weight}: 0 to {MAX_WEIGHT:,} is allowed")
        if entry.bins is not None and not 1 <= entry.bins <= MAX_BINS:
            yield self._error("variable-bins", f"has {entry.bins} bins: 1 to {MAX_BINS:,} is allowed")
        if entry.distribution not in DISTRIBUTIONS:
            known = ", ".join(f"`{name}`" for name in DISTRIBUTIONS)
            message = f"has the distribution {short(entry.distribution)}, which is drawn flat: known are {known}"
            yield self._warning("variable-distribution", message)

    def _error(self, code: str, message: str) -> Finding:
        return self.scope.error(code, f"variable {short(self.parameter.name)} {message}", field=f"variables/{self.parameter.name}")

    def _warning(self, code: str, message: str) -> Finding:
        return self.scope.warning(
            code, f"variable {short(self.parameter.name)} {message}", field=f"variables/{self.parameter.name}"
        )


def _check_overrides(subject: Subject) -> Iterator[Finding]:
    known = {parameter.name: parameter for parameter in subject.model.parameters}
    for case, element in subject.cases:
        yield from _check_values(element, case.parameters, known, "with")
        for number, step in enumerate(case.steps):
            if step.parameters:
                in_scope = _in_scope(subject, step.action, known)
                yield from _check_values(element, step.parameters, in_scope, f"steps/{number}/with")


def _in_scope(subject: Subject, action_id: str, known: Mapping[str, Parameter]) -> Mapping[str, Parameter]:
    owner, action = subject.routes.actions.get(action_id, (None, None))
    local = (*(owner.parameters if owner else ()), *(action.parameters if action else ()))
    return {**known, **{parameter.name: parameter for parameter in local}}


def _check_values(element: Element, values: Mapping[str, Scalar], known: Mapping[str, Parameter], field: str) -> Iterator[Finding]:
    for name, value in values.items():
        if name not in known:
            yield element.error("test-case-variable", f"sets {short(name)}, which is no variable here", field=f"{field}/{name}")
        elif problem := value_problem(value, known[name]):
            yield element.error("test-case-value", f"cannot set {short(name)}: {problem}", field=f"{field}/{name}")

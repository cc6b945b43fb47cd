"""What a function of the suite is called with: inputs of the model's call, fixtures, `data`, variables in scope, defaults.

For each parameter, by its name: an input that the model passes by that name; a fixture; the whole `data` as a dict; the next input
that the model passes by position; the variable of that name; the parameter's own default. A name that is both a fixture and a
variable is an error, never a guess. Fixtures are handed over as they are, everything else is converted by annotation.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from melanzana.errors import SuiteError
from melanzana.generation.step import Call
from melanzana.graph.model import Value
from melanzana.runner.conversion import annotations_of, convert
from melanzana.runner.naming import did_you_mean

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_MISSING: Any = object()


@dataclass(slots=True, kw_only=True)
class Sources:
    """Where arguments come from."""

    label: str  #: of the function, for errors
    fixtures: frozenset[str]
    get_fixture: Callable[[str], Any]
    data: Mapping[str, Value] = field(default_factory=dict)
    positional: list[Value] = field(default_factory=list)
    named: dict[str, Value] = field(default_factory=dict)
    offers_data: bool = True  #: fixtures that live for the whole run see no variables

    @classmethod
    def of_call(cls, call: Call | None, **rest: Any) -> "Sources":
        """With the inputs that the model passes, when it passes any."""
        if call is None:
            return cls(**rest)
        return cls(positional=list(call.arguments), named=dict(call.named_arguments), **rest)


def arguments_for(function: Callable[..., Any], sources: Sources) -> inspect.BoundArguments:
    """The arguments of one call. Raises SuiteError naming the parameter; whatever a fixture raises passes through."""
    signature = _signature(function, sources.label)
    hints = annotations_of(function)
    values: dict[str, Any] = {}
    for parameter in signature.parameters.values():
        value = _argument(parameter, hints.get(parameter.name, Any), sources)
        if value is not _MISSING:
            values[parameter.name] = value
    _nothing_left(sources, signature.parameters)
    bound = inspect.BoundArguments(signature, values)
    bound.apply_defaults()
    return bound


def _argument(parameter: inspect.Parameter, hint: Any, sources: Sources) -> Any:
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        rest, sources.positional = tuple(sources.positional), []
        return rest
    if parameter.kind is inspect.Parameter.VAR_KEYWORD:
        named, sources.named = sources.named, {}
        return named
    if parameter.name in sources.named:
        return convert(sources.named.pop(parameter.name), hint, _label(parameter, sources))
    if parameter.name in sources.fixtures:
        return _fixture(parameter, sources)
    return _from_model(parameter, hint, sources)


def _fixture(parameter: inspect.Parameter, sources: Sources) -> Any:
    if parameter.name in sources.data:
        raise SuiteError(f"{_label(parameter, sources)}: {parameter.name!r} is a fixture and a variable of the model; rename one")
    return sources.get_fixture(parameter.name)


def _from_model(parameter: inspect.Parameter, hint: Any, sources: Sources) -> Any:
    if parameter.name == "data" and sources.offers_data:
        return dict(sources.data)
    if sources.positional and parameter.kind in _POSITIONAL:
        return convert(sources.positional.pop(0), hint, _label(parameter, sources))
    if parameter.name in sources.data:
        return convert(sources.data[parameter.name], hint, _label(parameter, sources))
    if parameter.default is not inspect.Parameter.empty:
        return _MISSING
    known = [*sources.data, *sources.fixtures]
    hint_text = did_you_mean(parameter.name, known)
    raise SuiteError(
        f"{sources.label} asks for {parameter.name!r}, which is neither an input, a fixture nor a variable in scope{hint_text}",
        parameter=parameter.name,
    )


def _nothing_left(sources: Sources, known: Iterable[str]) -> None:
    if sources.positional:
        raise SuiteError(f"the model passes {sources.label} {len(sources.positional)} more inputs than it has parameters for")
    for name in sources.named:
        raise SuiteError(f"{sources.label} has no parameter {name!r}{did_you_mean(name, known)}", parameter=name)


def _signature(function: Callable[..., Any], label: str) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError) as error:
        raise SuiteError(f"{label}: its parameters cannot be read: {error}") from None


def _label(parameter: inspect.Parameter, sources: Sources) -> str:
    return f"{sources.label}({parameter.name})"

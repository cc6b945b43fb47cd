"""A value of the model's data becomes what a parameter's annotation asks for, or an error that names the parameter.

`int`, `float`, `bool` and `str` are converted here, by rules strict enough that nothing is lost: "2" is 2, "two" and 2.5 are no
`int`. Anything else (lists, enums, `Literal`, optional types, dataclasses, pydantic models) goes to pydantic, imported when first
needed.
"""

import inspect
import math
import sys
from collections.abc import Callable
from typing import Any, ForwardRef, get_type_hints

from melanzana.errors import SuiteError

_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}
_CHARACTERS = 120


def annotations_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The function's annotations, resolved; one that cannot be resolved is left out and its parameter is not converted."""
    target = inspect.unwrap(getattr(function, "__func__", function))
    try:
        return get_type_hints(target)
    except Exception:  # names under TYPE_CHECKING, or anything else that only a type checker sees
        return {name: hint for name, hint in _raw_annotations(target).items() if not isinstance(hint, str | ForwardRef)}


def convert(value: Any, annotation: Any, label: str) -> Any:
    """`value` as `annotation` wants it; `label` names the parameter in the SuiteError when it cannot be."""
    if annotation in (Any, object, inspect.Parameter.empty):
        return value
    if annotation in (int, float, bool, str):
        converted = _PLAIN[annotation](value)
        if converted is None:
            raise SuiteError(f"{label} must be {annotation.__name__}, not {_shown(value)}")
        return converted
    return _by_pydantic(value, annotation, label)


def _raw_annotations(target: Any) -> dict[str, Any]:
    """As written: unresolved names are text, or, where annotations are evaluated late (from Python 3.14), ForwardRef."""
    if sys.version_info >= (3, 14):
        import annotationlib  # noqa: PLC0415 - new in 3.14

        return dict(annotationlib.get_annotations(target, format=annotationlib.Format.FORWARDREF))
    return dict(getattr(target, "__annotations__", {}))


def _by_pydantic(value: Any, annotation: Any, label: str) -> Any:
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - a tenth of a second that most suites need not spend
    from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError  # noqa: PLC0415

    try:
        return TypeAdapter(annotation).validate_python(value)
    except ValidationError as error:
        reasons = "; ".join(_reason(problem) for problem in error.errors(include_url=False))
        raise SuiteError(f"{label} must be {_name(annotation)}, not {_shown(value)}: {reasons}") from None
    except (PydanticSchemaGenerationError, PydanticUserError):
        if isinstance(annotation, type) and not isinstance(value, annotation):
            raise SuiteError(f"{label} must be {_name(annotation)}, not {_shown(value)}") from None
        return value


def _reason(problem: Any) -> str:
    place = ".".join(str(part) for part in problem["loc"])
    return f"{place}: {problem['msg']}" if place else str(problem["msg"])


def _integer(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        return int(value)
    number: int | None = _parsed(int, value)
    return number


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    return float(value) if isinstance(value, int | float) else _parsed(float, value)


def _boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int) else ""
    return True if word in _TRUE else False if word in _FALSE else None


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def _parsed(kind: Callable[[str], Any], value: Any) -> Any:
    try:
        return kind(value.strip()) if isinstance(value, str) else None
    except ValueError:
        return None


_PLAIN: dict[Any, Callable[[Any], Any]] = {int: _integer, float: _number, bool: _boolean, str: _text}


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _CHARACTERS else f"{text[:_CHARACTERS]}…"


def _name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)

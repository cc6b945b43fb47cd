"""What a plain YAML scalar means: the core schema of YAML 1.2, where `yes`, `no`, `on` and `off` are plain text.

`yaml_source` resolves with it, `emitter` asks it whether a text may stand without quotes.
"""

import math
import re

from melanzana.graph.limits import MAX_DIGITS

_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def resolve_plain(text: str) -> bool | int | float | str | None:
    """The value of a plain scalar. Errors: `ValueError` for numbers that are not finite or absurdly long."""
    if text in _WORDS:
        return _WORDS[text]
    if not (text[0].isdigit() or text[0] in "+-."):
        return text
    return _resolve_number(text)


def _resolve_number(text: str) -> int | float | str:
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is not a finite number")
    if _DECIMAL.fullmatch(text):
        return bounded_integer(text)
    if _OCTAL.fullmatch(text) or _HEXADECIMAL.fullmatch(text):
        return bounded_integer(text, base=0)
    if _FLOAT.fullmatch(text):
        return finite_float(text)
    return text


def bounded_integer(text: str, base: int = 10) -> int:
    """`int(text)`, refusing texts long enough to make the conversion slow."""
    if len(text) > MAX_DIGITS:
        raise ValueError(f"a number of {len(text):,} characters is too long")
    return int(text, base)


def finite_float(text: str) -> float:
    """`float(text)`, refusing what does not fit 64 bits, e.g. `1e400`."""
    if len(text) > MAX_DIGITS or not math.isfinite(value := float(text)):
        raise ValueError(f"{text[:40]} is not a finite number of 64 bits")
    return value

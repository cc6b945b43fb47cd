"""What a function returned becomes outputs by variable name: plain values that JSON can hold, of bounded size."""

import json
import math
from collections.abc import Mapping
from typing import Any

from melanzana.errors import SuiteError
from melanzana.generation.step import Call
from melanzana.graph.model import Output, Value
from melanzana.runner.naming import did_you_mean

#: Most characters of JSON that the outputs of one step may have.
OUTPUT_LIMIT = 65_536


def outputs_of(result: Any, call: Call | None, label: str) -> dict[str, Value]:
    """The outputs of one call. With a mapping in the model, that; else a returned dict is taken by variable name.

    Raises SuiteError when a mapped output is missing or a value is not plain.
    """
    if call is not None and call.outputs:
        named = {output.variable: _pick(result, output, index, call, label) for index, output in enumerate(call.outputs)}
    else:
        named = {str(name): value for name, value in result.items()} if isinstance(result, Mapping) else {}
    outputs = {name: plain(value, f"{label}: output {name!r}") for name, value in named.items()}
    size = len(json.dumps(outputs))
    if size > OUTPUT_LIMIT:
        raise SuiteError(f"{label} returned {size} characters of data; keep it under {OUTPUT_LIMIT}, or attach it as a file")
    return outputs


def plain(value: Any, label: str) -> Value:
    """`value` as JSON knows it; a tuple becomes a list."""
    if isinstance(value, str):
        return str(value).encode("utf-8", "replace").decode()  # half a surrogate pair cannot be stored or sent
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise SuiteError(f"{label} is {value}, which is no number that can be stored")
        return value
    if isinstance(value, list | tuple):
        return [plain(item, f"{label}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, Mapping):
        return {str(name): plain(item, f"{label}[{name!r}]") for name, item in value.items()}
    raise SuiteError(f"{label} is a {type(value).__name__}; return numbers, text, true or false, lists and dicts of these")


def _pick(result: Any, output: Output, index: int, call: Call, label: str) -> Any:
    if output.name is not None:
        if not isinstance(result, Mapping) or output.name not in result:
            known = [str(name) for name in result] if isinstance(result, Mapping) else []
            lacks = f"has no {output.name!r}{did_you_mean(output.name, known)}"
            what = lacks if known else f"is {type(result).__name__}, not a dict"
            raise SuiteError(f"{label}: the model takes the output {output.name!r}, but the result {what}")
        return result[output.name]
    if len(call.outputs) == 1:
        return result
    if isinstance(result, list | tuple) and index < len(result):
        return result[index]
    raise SuiteError(f"{label}: the model takes {len(call.outputs)} outputs by position, but the result does not have that many")

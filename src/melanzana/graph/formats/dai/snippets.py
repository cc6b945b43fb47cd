"""DAI snippets: a script, or one handler of it, with parameters going in and out by position."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from melanzana.errors import ExpressionError
from melanzana.graph.expressions import parse, print_name
from melanzana.graph.expressions.syntax import Variable
from melanzana.graph.formats.dai import words
from melanzana.graph.formats.dai.parameters import unknown_fields, write_parameter
from melanzana.graph.formats.node import Node
from melanzana.graph.model import Input, Output, Parameter, Snippet

_SUFFIX = ".script"
_PATHS = ("scriptPath", "fullName")
WHOLE_SCRIPT = "run"  #: the function that stands for a whole script


def read_snippets(node: Node) -> tuple[Snippet, ...]:
    """The snippets that name a script. Those that name none (a `custom` one may) cannot be called and are left out."""
    return tuple(_read_snippet(item) for item in node.elements() if _path(item))


def without_script(node: Node) -> list[Any]:
    """The snippets that were left out."""
    return [item.value for item in node.elements() if not _path(item)]


def _path(node: Node) -> str:
    return (node.get("scriptPath").text() or node.get("fullName").text()).strip()


def read_reference(path: str) -> str:
    """`Folder/Login.script:enter` is `Folder.Login:enter`; a whole script is its function `run`."""
    script, _, handler = path.partition(":")
    module = re.sub(r"[/\\]", ".", script.strip().removesuffix(_SUFFIX))
    return f"{module}:{handler.strip() or WHOLE_SCRIPT}"


def _read_snippet(node: Node) -> Snippet:
    reference = read_reference(_path(node))
    canonical = write_reference(reference)
    extras = unknown_fields(node, words.SNIPPET)
    usual = {"fullName": canonical, "scriptPath": canonical, "type": "normal"}
    extras |= {key: node.get(key).value for key, value in usual.items() if node.get(key).value not in (None, value)}
    return Snippet(
        reference=reference,
        inputs=tuple(Input(expression=print_name(name)) for name in _read_names(node.get("inputs"))),
        outputs=tuple(Output(variable=name) for name in _read_names(node.get("outputs"))),
        disabled=node.get("disabled").flag(False),
        extras=extras,
    )


def _read_names(node: Node) -> list[str]:
    ordered = sorted(enumerate(node.elements()), key=lambda pair: (_order(pair[1]), pair[0]))
    names = [entry.get("parameterRef").get("name").text() for _, entry in ordered]
    return [name for name in names if name]


def _order(node: Node) -> int:
    value = node.get("order").value
    return value if isinstance(value, int) else 0


def write_reference(reference: str) -> str:
    """The script path of a reference."""
    module, colon, function = reference.partition(":")
    return f"{module}{_SUFFIX}{colon}{function}"


def write_snippet(snippet: Snippet, scope: Mapping[str, Parameter]) -> dict[str, Any]:
    """One snippet; inputs that are more than a variable have no place in it."""
    path = write_reference(snippet.reference)
    kept = {key: value for key, value in snippet.extras.items() if key not in words.SNIPPET or key in ("type", *_PATHS)}
    if not _names_it(kept, snippet.reference):
        kept = {key: value for key, value in kept.items() if key not in _PATHS}
    document: dict[str, Any] = {"type": "normal", "fullName": path, "scriptPath": path, **kept}
    if snippet.disabled:
        document["disabled"] = True
    inputs = [_variable(entry.expression) for entry in snippet.inputs]
    outputs = [output.variable for output in snippet.outputs]
    return document | {"inputs": _write_names(inputs, scope), "outputs": _write_names(outputs, scope)}


def _names_it(kept: Mapping[str, Any], reference: str) -> bool:
    paths = [kept[key] for key in _PATHS if key in kept]
    return all(isinstance(path, str) for path in paths) and all(read_reference(path) == reference for path in paths if path)


def _variable(expression: str) -> str | None:
    try:
        tree = parse(expression)
    except ExpressionError:
        return None
    return tree.name if isinstance(tree, Variable) else None


def _write_names(names: Sequence[str | None], scope: Mapping[str, Parameter]) -> list[dict[str, Any]]:
    """Full copies of the parameters, as DAI has them; a name that is no parameter stands alone."""
    found = [name for name in names if name is not None]
    return [
        {"order": order, "parameterRef": write_parameter(scope[name], order) if name in scope else {"name": name}}
        for order, name in enumerate(found, 1)
    ]

"""Snippets of the text format: `check` or `do`, their inputs `with` and their outputs `save`.

One plain snippet spreads over the keys of its element (`do: shop:add`, `with: …`, `save: …`); several, or one with more to
say, are a list of references and maps under `check` or `do`.
"""

from typing import Any

from melanzana.graph.formats import keys
from melanzana.graph.formats.node import Node
from melanzana.graph.formats.plain import read_expression, read_extras, write_expression, write_extras
from melanzana.graph.model import Input, Output, Snippet


def read_snippets(node: Node, words: tuple[str, ...]) -> tuple[Snippet, ...]:
    """The snippets of a state or action; `words` are the keys that may hold them, of which one is used."""
    used = [word for word in words if node.get(word).value is not None]
    if len(used) > 1:
        raise node.error(f"write either `{used[0]}` or `{used[1]}`: in a state they mean the same")
    calls = node.get(used[0]) if used else Node(None)
    if not isinstance(calls.value, str):
        _refuse_lonely(node, calls, words[0])
    if isinstance(calls.value, str):
        return (_snippet(calls, node),)
    if isinstance(calls.value, dict):
        return (_read_call(calls),)
    return tuple(_read_call(call) for call in calls.elements())


def _refuse_lonely(node: Node, calls: Node, word: str) -> None:
    for key in ("with", "save"):
        if node.get(key).value is not None:
            where = "move it into the map of the snippet that it belongs to" if calls.value else f"add `{word}: module:function`"
            raise node.get(key).error(f"`{key}` stands beside a single `{word}`: {where}")


def _read_call(node: Node) -> Snippet:
    if isinstance(node.value, str):
        return Snippet(reference=read_reference(node))
    node.only(keys.CALL)
    return _snippet(node.get("call"), node)


def _snippet(reference: Node, node: Node) -> Snippet:
    call = isinstance(node.value, dict) and "call" in node.value
    return Snippet(
        reference=read_reference(reference),
        inputs=_read_inputs(node.get("with")),
        outputs=_read_outputs(node.get("save")),
        disabled=node.get("disabled").flag(False) if call else False,
        extras=read_extras(node) if call else {},
    )


def read_reference(node: Node) -> str:
    """`module:function`; the dotted form `module.function` means the same."""
    text = node.required_text()
    if ":" in text:
        return text
    module, dot, function = text.rpartition(".")
    if not (module and dot and function):
        raise node.error(f"`{text[:80]}` names no function: write module:function, e.g. shop:{text.strip('.')[:40] or 'search'}")
    return f"{module}:{function}"


def _read_inputs(node: Node) -> tuple[Input, ...]:
    if isinstance(node.value, dict):
        return tuple(Input(name=name, expression=read_expression(entry)) for name, entry in node.items())
    return tuple(_read_input(item) for item in node.elements())


def _read_input(node: Node) -> Input:
    if not isinstance(node.value, dict):
        return Input(expression=read_expression(node))
    name, entry = _only_pair(node)
    return Input(name=name, expression=read_expression(entry))


def _read_outputs(node: Node) -> tuple[Output, ...]:
    if isinstance(node.value, str):
        return (Output(variable=node.value),)
    if isinstance(node.value, dict):
        return tuple(Output(name=name, variable=entry.required_text()) for name, entry in node.items())
    return tuple(_read_output(item) for item in node.elements())


def _read_output(node: Node) -> Output:
    if not isinstance(node.value, dict):
        return Output(variable=node.required_text())
    name, entry = _only_pair(node)
    return Output(name=name, variable=entry.required_text())


def _only_pair(node: Node) -> tuple[str, Node]:
    pairs = list(node.items())
    if len(pairs) != 1:
        raise node.error("an item is a value, or one pair `name: value`")
    return pairs[0]


def write_snippets(snippets: tuple[Snippet, ...], word: str) -> dict[str, Any]:
    """The keys that hold the snippets; `word` is `check` or `do`."""
    calls = [_write_call(snippet) for snippet in snippets]
    if not calls:
        return {}
    if len(calls) == 1 and calls[0].keys() <= {"call", "with", "save"}:
        reference = calls[0].pop("call")
        return {word: reference} | calls[0]
    return {word: [call["call"] if call.keys() == {"call"} else call for call in calls]}


def _write_call(snippet: Snippet) -> dict[str, Any]:
    document: dict[str, Any] = {"call": snippet.reference}
    if snippet.inputs:
        document["with"] = _write_pairs([(entry.name, write_expression(entry.expression)) for entry in snippet.inputs])
    if snippet.outputs:
        document["save"] = _write_outputs(snippet.outputs)
    if snippet.disabled:
        document["disabled"] = True
    return document | write_extras(snippet.extras)


def _write_outputs(outputs: tuple[Output, ...]) -> Any:
    if len(outputs) == 1 and outputs[0].name is None:
        return outputs[0].variable
    return _write_pairs([(output.name, output.variable) for output in outputs])


def _write_pairs(pairs: list[tuple[str | None, Any]]) -> dict[str, Any] | list[Any]:
    """A map when every value has a name of its own, else a list of values and pairs."""
    names = [name for name, _ in pairs if name is not None]
    if len(set(names)) == len(pairs):
        return {name: value for name, value in pairs if name is not None}
    return [value if name is None else {name: value} for name, value in pairs]

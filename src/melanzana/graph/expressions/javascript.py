"""Guards and actions of GraphWalker models, which are JavaScript, in our language.

The common subset is translated: comparisons, logic, arithmetic without division, `.length`, a few string methods, and assignments
in their short forms. What is not in it is refused with its position, or listed, never guessed and never run. The GraphWalker
reader calls this; the results are text, compiled later like any other guard.

JavaScript runs the actions of an edge one after the other, ours take effect together. So each translated right side is put in
place of its variable where later statements read it: `x++; y = x` becomes `x = x + 1; y = x + 1`.
"""

import re
from collections.abc import Mapping, Sequence

from melanzana.errors import ExpressionError
from melanzana.graph.expressions.budgets import MAX_CHARACTERS, MAX_HEIGHT, MAX_NODES
from melanzana.graph.expressions.javascript_tokens import ASSIGNING, expression_tokens, javascript_tokens, statements
from melanzana.graph.expressions.lexer import Token, TokenKind
from melanzana.graph.expressions.parser import parse_tokens
from melanzana.graph.expressions.printer import print_expression
from melanzana.graph.expressions.syntax import Binary, Call, Field, ListLiteral, Literal, Node, Variable, levels, rebuilt, size
from melanzana.graph.model import Assignment

_DECLARATIONS = ("var", "let", "const")
_SETTING = re.compile(r"([\w$]+)\s*(?:[-+*/%&|^]?=(?![=>])|\+\+|--)|(?:\+\+|--)\s*([\w$]+)")
_STEPS = frozenset({"++", "--"})
_GLOBAL = "global"  # GraphWalker's name for what outlives one model


def translate_guard(js: str) -> str:
    """A guard of ours that means the same. Errors: `ExpressionError` with the position in `js` of what has no counterpart."""
    tokens = javascript_tokens(js)
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    return _text(_tree(tokens))


def translate_actions(scripts: Sequence[str]) -> tuple[tuple[Assignment, ...], tuple[str, ...]]:
    """The assignments that `scripts`, run in order, amount to; and the statements that could not be translated, as written.

    A variable whose last value an untranslated statement sets has no assignment, and what reads it after that is not translated.
    """
    translation = _Actions()
    for js in scripts:
        try:
            tokens = javascript_tokens(js)
        except ExpressionError:
            translation.give_up(js.strip())
            continue
        for statement in statements(tokens, js):
            translation.add(statement, js)
    return translation.assignments(), tuple(translation.untranslated)


class _Actions:
    """What the variables hold after the statements read so far, in terms of their values before the first."""

    def __init__(self) -> None:
        self._values: dict[str, Node] = {}
        self._unknown: set[str] = set()
        self.untranslated: list[str] = []

    def assignments(self) -> tuple[Assignment, ...]:
        return tuple(Assignment(variable=name, expression=_text(tree)) for name, tree in self._values.items())

    def add(self, statement: list[Token], js: str) -> None:
        declared = statement[0].text in _DECLARATIONS
        parts = _split_at_commas(statement[1:]) if declared else [statement]
        before = dict(self._values)
        try:
            for name, tree in [_change(part) for part in parts]:
                self._assign(name, tree)
        except ExpressionError:
            self._values = before
            self.give_up(js[statement[0].position : statement[-1].end])

    def _assign(self, name: str, tree: Node) -> None:
        value = _substituted(tree, self._values, self._unknown)
        _text(value)  # refuses what would be too long
        self._values[name] = value
        self._unknown.discard(name)

    def give_up(self, js: str) -> None:
        self.untranslated.append(js)
        for name in _set_somewhere(js):
            self._unknown.add(name)
            self._values.pop(name, None)


def _set_somewhere(js: str) -> set[str]:
    """The names that a piece of JavaScript of any form sets, as far as its signs show; rather too many than too few."""
    return {before or after for before, after in _SETTING.findall(js)}


def _split_at_commas(tokens: list[Token]) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))
        if token.text == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _change(statement: list[Token]) -> tuple[str, Node]:
    """The variable that a statement sets, and what to."""
    tokens = _without_global(statement)
    signs = [token.text for token in tokens]
    if len(tokens) == 2 and _STEPS.intersection(signs):
        name = tokens[0] if tokens[0].kind is TokenKind.NAME else tokens[1]
        operator = "+" if "++" in signs else "-"
        return _name(name), Binary(operator, Variable(name.text), Literal(1))
    if len(tokens) < 3 or signs[1] not in ASSIGNING - _STEPS:
        position = statement[0].position if statement else 0
        raise ExpressionError("only assignments can be translated", position=position)
    value = _tree(tokens[2:])
    if signs[1] != "=":
        value = _tree([tokens[0], Token(TokenKind.OPERATOR, signs[1][:-1], tokens[1].position), *_parenthesised(tokens[2:])])
    return _name(tokens[0]), value


def _parenthesised(tokens: list[Token]) -> list[Token]:
    first, last = tokens[0].position, tokens[-1].end
    return [Token(TokenKind.OPERATOR, "(", first), *tokens, Token(TokenKind.OPERATOR, ")", last)]


def _without_global(tokens: list[Token]) -> list[Token]:
    """`global.x = 1` and `++global.x` without the prefix of the variable that is set."""
    signs = [token.text for token in tokens[:3]]
    if signs[:2] == [_GLOBAL, "."]:
        return tokens[2:]
    if signs[1:3] == [_GLOBAL, "."]:
        return [tokens[0], *tokens[3:]]
    return tokens


def _name(token: Token) -> str:
    [translated, _] = expression_tokens([token])
    if translated.kind is not TokenKind.QUOTED_NAME:
        raise ExpressionError("only a variable can be set", position=token.position)
    return token.text


def _tree(tokens: list[Token]) -> Node:
    return rebuilt(parse_tokens(expression_tokens(tokens)), _counterpart)


def _text(tree: Node) -> str:
    if len(levels(tree)) <= MAX_HEIGHT and len(text := print_expression(tree)) <= MAX_CHARACTERS:
        return text
    raise ExpressionError("the translation would be too large", position=0)


def _counterpart(node: Node) -> Node:
    """Our node for one of JavaScript whose parts are translated already."""
    match node:
        case Field(target=Variable(name="global"), name=name):
            return Variable(name, node.position)
        case Field(name="length"):
            return Call("size", (node.target,), node.position)
        case Field():
            raise ExpressionError(f"the JavaScript property '{node.name}' has no counterpart", position=node.position)
        case Call():
            return _call(node)
        case _:
            return node


def _call(node: Call) -> Node:
    match node.function, node.arguments:
        case "includes" | "contains", (ListLiteral() as container, item):
            return Binary("in", item, container, node.position)
        case "includes" | "contains", (_, _):
            return Call("contains", node.arguments, node.position)
        case "startsWith" | "endsWith", (_, _):
            return node
        case "equals", (left, right):
            return Binary("==", left, right, node.position)
        case "length", (target,):
            return Call("size", (target,), node.position)
        case "min" | "max", (Variable(name="Math"), left, right):
            return Call(node.function, (left, right), node.position)
        case _:
            raise ExpressionError(f"this use of '{node.function}' has no counterpart", position=node.position)


def _substituted(tree: Node, values: Mapping[str, Node], unknown: set[str]) -> Node:
    """`tree` over the values before the first statement."""
    read = [node for level in levels(tree) for node in level if isinstance(node, Variable)]
    for variable in read:
        if variable.name in unknown:
            raise ExpressionError(f"the value of '{variable.name}' is not known here", position=variable.position)
    if size(tree) + sum(size(values[variable.name]) - 1 for variable in read if variable.name in values) > MAX_NODES:
        raise ExpressionError("the translation would be too large", position=tree.position)
    return rebuilt(tree, lambda node: values.get(node.name, node) if isinstance(node, Variable) else node)

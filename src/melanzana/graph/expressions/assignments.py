"""Assignments: `variable = expression`, several separated by semicolons.

Models hold assignments as values (`graph.model.Assignment`). Text of this form is read where people write it in one line: the text
format, the command line, the editor. The walk and validation compile each with `check_assignment`.
"""

from collections.abc import Mapping

from melanzana.errors import ExpressionError
from melanzana.graph.expressions.expression import Expression, compile_expression
from melanzana.graph.expressions.lexer import Token, TokenKind, tokenize
from melanzana.graph.expressions.parser import WORDS, Parser
from melanzana.graph.expressions.rules import an, unknown_variable
from melanzana.graph.expressions.suggestions import ASSIGNING_OPERATORS
from melanzana.graph.expressions.syntax import Variable
from melanzana.graph.expressions.types import ExprType
from melanzana.graph.model import Assignment

#: The walk supplies this variable, the name of the state it is in; nothing may assign it.
STATE_VARIABLE = "state"


def parse_assignments(text: str) -> tuple[Assignment, ...]:
    """The assignments in `a = x; b = y`, in order; blank text has none, and a last semicolon is allowed.

    Expressions are checked for their grammar, not for their types. Errors: `ExpressionError`, positions counted in `text`.
    """
    parser = Parser(tokenize(text))
    found: dict[str, Assignment] = {}
    while not parser.at_end:
        name = _target(parser)
        variable = str(name.value)
        if variable in found:
            message = f"'{variable}' is assigned twice; all assignments of an action take effect together"
            raise ExpressionError(message, position=name.position)
        found[variable] = Assignment(variable=variable, expression=_expression(parser, text))
        if not parser.at_end:
            parser.advance()
    return tuple(found.values())


def check_assignment(assignment: Assignment, types: Mapping[str, ExprType]) -> Expression:
    """The compiled right side, giving a value of its variable's type (an int becomes a float where the variable is one).

    Errors: `ExpressionError`; `detail["position"]` counts in the expression, and is absent when the variable itself is wrong.
    """
    name = assignment.variable
    if name == STATE_VARIABLE:
        raise ExpressionError("'state' is the name of the current state and cannot be assigned", variable=name)
    if name not in types:
        error = unknown_variable(Variable(name), tuple(types))
        raise ExpressionError(error.message, variable=name, suggestion=error.detail.get("suggestion"))
    compiled = compile_expression(assignment.expression, types)
    try:
        return compile_expression(assignment.expression, types, types[name])
    except ExpressionError as error:
        message = f"variable '{name}' holds {an(types[name])} and cannot take {an(compiled.type)}"
        raise ExpressionError(message, **error.detail | {"variable": name}) from None


def _target(parser: Parser) -> Token:
    """The variable's name and the `=` after it."""
    name = parser.current
    if name.kind not in (TokenKind.NAME, TokenKind.QUOTED_NAME) or name.is_word(*WORDS):
        raise ExpressionError(f"the name of a variable is expected here, as in x = 1, not '{name.text}'", position=name.position)
    parser.advance()
    if not parser.current.is_operator("="):
        raise _wrong_sign(name, parser)
    parser.advance()
    return name


def _wrong_sign(name: Token, parser: Parser) -> ExpressionError:
    sign = parser.advance()
    right: str | None = "="
    if sign.text in ("==", "==="):
        message = f"'{sign.text}' compares; an assignment is written with one ="
    elif sign.text == ":=":
        message = "an assignment is written with ="
    elif sign.text in ASSIGNING_OPERATORS:
        right = f"{name.text} = {name.text} {sign.text[0]} …"
        message = f"write {right}"
    elif sign.is_operator("+", "-") and parser.current.is_operator(sign.text):
        right = f"{name.text} = {name.text} {sign.text} 1"
        message = f"there is no {sign.text * 2}: write {right}"
    else:
        message = f"'=' is missing after {name.text}"
    return ExpressionError(message, position=sign.position, suggestion=right)


def _expression(parser: Parser, text: str) -> str:
    """The expression as it was written; the parser then stands on the semicolon or the end."""
    start = parser.current.position
    parser.whole_expression()
    current = parser.current
    if current.is_operator("="):
        raise ExpressionError("';' is missing between two assignments, or '==' is meant", position=current.position)
    if not parser.at_end and not current.is_operator(";"):
        if parser.previous is not None and "\n" in text[parser.previous.end : current.position]:
            raise ExpressionError("';' is missing between two assignments", position=current.position, suggestion=";")
        raise parser.refusal()
    assert parser.previous is not None  # a whole expression was read
    return text[start : parser.previous.end]

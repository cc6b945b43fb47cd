"""Tokens to a tree, with every budget enforced on the way.

The grammar is the expression part of CEL without macros, plus the words `and`, `or` and `not`, minus chains of comparisons
(`a < b < c`), which people write and nobody means the way it is read. `docs/reference/expressions.md` holds it in EBNF.

The parser is precedence climbing: `_binary(level)` reads operators that bind at least as tightly as `level`.
"""

from typing import TypeVar

from melanzana.errors import ExpressionError
from melanzana.graph.expressions.budgets import INT_MAX, MAX_HEIGHT, MAX_NESTING, MAX_NODES
from melanzana.graph.expressions.lexer import Token, TokenKind, tokenize
from melanzana.graph.expressions.slips import refusal
from melanzana.graph.expressions.syntax import (
    Binary,
    Call,
    Conditional,
    Field,
    Index,
    ListLiteral,
    Literal,
    Logic,
    Node,
    Unary,
    Variable,
    levels,
)

COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "in")
LOOSEST, AND_LEVEL, NOT_LEVEL, COMPARISON_LEVEL, SUM_LEVEL, PRODUCT_LEVEL = 1, 2, 3, 4, 5, 6
LEVELS = {
    "||": LOOSEST,
    "&&": AND_LEVEL,
    **dict.fromkeys(COMPARISONS, COMPARISON_LEVEL),
    **dict.fromkeys(("+", "-"), SUM_LEVEL),
    **dict.fromkeys(("*", "/", "%"), PRODUCT_LEVEL),
}
_WORD_OPERATORS = {"and": "&&", "or": "||", "in": "in"}
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
#: Bare words that are not names of variables; a variable of such a name is written in backquotes.
WORDS = frozenset({*_WORD_OPERATORS, *_CONSTANTS, "not"})

_N = TypeVar("_N", bound=Node)


def parse(text: str) -> Node:
    """The tree of `text`. Errors: `ExpressionError` with the position of the first token that does not fit."""
    return parse_tokens(tokenize(text))


def parse_tokens(tokens: list[Token]) -> Node:
    """The tree of an expression that uses up all tokens."""
    parser = Parser(tokens)
    tree = parser.whole_expression()
    if not parser.at_end:
        raise parser.refusal()
    return tree


class Parser:
    """Reads one token after another; the assignment reader uses it for the expressions between its own signs."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._index = 0
        self._nodes = 0
        self._nesting = 0

    @property
    def current(self) -> Token:
        """The token not yet read."""
        return self._tokens[self._index]

    @property
    def previous(self) -> Token | None:
        """The token read last."""
        return self._tokens[self._index - 1] if self._index else None

    def advance(self) -> Token:
        """Read the current token."""
        token = self.current
        self._index += 1
        return token

    @property
    def at_end(self) -> bool:
        """Are all tokens read?"""
        return self.current.kind is TokenKind.END

    def refusal(self, *, operand: bool = False) -> ExpressionError:
        """The error for the current token; `operand` when a value should stand there."""
        return refusal(self.current, self.previous, operand=operand)

    def whole_expression(self) -> Node:
        """One expression, with its budgets counted from zero."""
        self._nodes = self._nesting = 0
        tree = self._expression()
        by_level = levels(tree)
        if len(by_level) > MAX_HEIGHT:
            message = f"more than {MAX_HEIGHT} operations feed each other here; group parts of a long sum with parentheses"
            raise ExpressionError(message, position=by_level[MAX_HEIGHT][0].position)
        return tree

    def _expression(self) -> Node:
        self._descend()
        node = self._binary(LOOSEST)
        if self.current.is_operator("?"):
            question = self.advance()
            accepted = self._binary(LOOSEST)
            self._expect(":", "the second half of ?: is missing")
            node = self._made(Conditional(node, accepted, self._expression(), question.position))
        self._nesting -= 1
        return node

    def _binary(self, level: int) -> Node:
        left = self._negation(level)
        chained = ""
        while LEVELS.get(operator := self._operator(), 0) >= level:
            token = self.advance()
            right = self._binary(LEVELS[operator] + 1)
            if isinstance(left, Logic) and chained == operator:
                left = Logic(operator, (*left.operands, right), left.position)
            else:
                left = self._joined(operator, left, right, token.position)
            chained = operator
            self._refuse_comparison_chain(operator)
        return left

    def _operator(self) -> str:
        """The operator that the current token is, words translated; empty when it is none."""
        if self.current.kind is TokenKind.OPERATOR:
            return self.current.text
        if self.current.kind is TokenKind.NAME:
            return _WORD_OPERATORS.get(self.current.text, "")
        return ""

    def _joined(self, operator: str, left: Node, right: Node, position: int) -> Node:
        if operator in ("&&", "||"):
            return self._made(Logic(operator, (left, right), position))
        return self._made(Binary(operator, left, right, position))

    def _refuse_comparison_chain(self, operator: str) -> None:
        if operator in COMPARISONS and (following := self._operator()) in COMPARISONS:
            message = f"comparisons do not chain: write a {operator} b && b {following} c, or put one comparison in parentheses"
            raise ExpressionError(message, position=self.current.position)

    def _negation(self, level: int) -> Node:
        if not self.current.is_word("not"):
            return self._unary()
        if level > NOT_LEVEL:
            raise ExpressionError("put parentheses around 'not …' here, or write !", position=self.current.position, suggestion="!")
        token = self.advance()
        self._descend()
        operand = self._binary(NOT_LEVEL)
        self._nesting -= 1
        return self._made(Unary("!", operand, token.position))

    def _unary(self) -> Node:
        if not self.current.is_operator("!", "-"):
            return self._postfix()
        token = self.advance()
        if token.text == "-" and self.current.kind is TokenKind.NUMBER:
            return self._made(_negative(self.advance(), token.position))
        self._descend()
        operand = self._unary()
        self._nesting -= 1
        return self._made(Unary(token.text, operand, token.position))

    def _postfix(self) -> Node:
        node = self._primary()
        while self.current.is_operator("[", "."):
            token = self.advance()
            if token.text == "[":
                key = self._expression()
                self._expect("]", "']' is missing")
                node = self._made(Index(node, key, token.position))
            else:
                node = self._member(node)
        return node

    def _member(self, target: Node) -> Node:
        name = self.current
        if name.kind not in (TokenKind.NAME, TokenKind.QUOTED_NAME):
            raise ExpressionError("the name of a field or function is missing after the dot", position=name.position)
        self.advance()
        if name.kind is TokenKind.NAME and self.current.is_operator("("):
            self.advance()
            arguments = (target, *self._until(")"))
            return self._made(Call(name.text, arguments, name.position))
        return self._made(Field(target, str(name.value), name.position))

    def _primary(self) -> Node:
        token = self.current
        match token.kind:
            case TokenKind.NUMBER if token.value == INT_MAX + 1 and isinstance(token.value, int):
                raise ExpressionError("the number is too large for an int (64 bits)", position=token.position)
            case TokenKind.NUMBER | TokenKind.STRING:
                return self._made(Literal(self.advance().value, token.position))
            case TokenKind.QUOTED_NAME:
                return self._made(Variable(str(self.advance().value), token.position))
            case TokenKind.NAME:
                return self._named()
            case TokenKind.OPERATOR if token.text == "(":
                self.advance()
                node = self._expression()
                self._expect(")", "')' is missing")
                return node
            case TokenKind.OPERATOR if token.text == "[":
                self.advance()
                return self._made(ListLiteral(self._until("]", trailing_comma=True), token.position))
            case _:
                raise self.refusal(operand=True)

    def _named(self) -> Node:
        token = self.current
        if token.text in _WORD_OPERATORS:
            raise self.refusal(operand=True)
        self.advance()
        if token.text in _CONSTANTS:
            return self._made(Literal(_CONSTANTS[token.text], token.position))
        if self.current.is_operator("("):
            self.advance()
            return self._made(Call(token.text, self._until(")"), token.position))
        return self._made(Variable(token.text, token.position))

    def _until(self, closing: str, *, trailing_comma: bool = False) -> tuple[Node, ...]:
        """Expressions separated by commas, and the closing sign."""
        nodes: list[Node] = []
        while not self.current.is_operator(closing):
            nodes.append(self._expression())
            if self.current.is_operator(closing):
                break
            self._expect(",", f"',' or '{closing}' is missing")
            if self.current.is_operator(closing) and not trailing_comma:
                raise self.refusal(operand=True)
        self.advance()
        return tuple(nodes)

    def _expect(self, operator: str, message: str) -> None:
        if self.current.is_operator(operator):
            self.advance()
        elif self.at_end:
            raise ExpressionError(message, position=self.current.position, suggestion=operator)
        else:
            raise refusal(self.current, self.previous, operand=False, otherwise=message)

    def _descend(self) -> None:
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise ExpressionError(f"nested more than {MAX_NESTING} levels deep", position=self.current.position)

    def _made(self, node: _N) -> _N:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise ExpressionError(f"the expression has more than {MAX_NODES} parts", position=node.position)
        return node


def _negative(token: Token, position: int) -> Literal:
    """A number with its minus sign, so that the smallest int can be written."""
    assert isinstance(token.value, int | float)
    return Literal(-token.value, position)

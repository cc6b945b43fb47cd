"""How large an expression and its values may be.

These figures are what makes a hostile expression cost milliseconds at most: every loop in this package runs over something that
one of them bounds. They are documented in `docs/reference/expressions.md`; a change there and here goes together.
"""

MAX_CHARACTERS = 4096  #: of one expression, or of one text of assignments
MAX_NODES = 512  #: operators, names, literals and calls in one expression
MAX_NESTING = 32  #: parentheses, brackets, calls, `?:` and signs inside each other; also keeps the parser's own stack small
MAX_HEIGHT = 64  #: operations that feed each other, e.g. terms of one long sum; `&&` and `||` chains count once
MAX_STRING = 65_536  #: characters of a string made by `+`
MAX_COMPARED = 65_536  #: values looked at by one `==`, `!=` or `in`

INT_MIN = -(2**63)
INT_MAX = 2**63 - 1
FLOAT_MAX = 1.7976931348623157e308  #: the largest finite double

"""What a person probably meant: the second half of an error message.

The tables hold what people bring along from SQL, Python, JavaScript and spreadsheets. Called by the lexer, the parser and the
checker just before they raise; nothing here decides whether something is an error.
"""

import difflib
from collections.abc import Iterable

#: Not operators of this language -> what to write instead.
WRONG_OPERATORS = {
    "=": "==",
    "===": "==",
    "!==": "!=",
    "<>": "!=",
    "=<": "<=",
    "=>": ">=",
    "&": "&&",
    "|": "||",
}
#: Operators that change a variable; only assignments do that.
ASSIGNING_OPERATORS = frozenset({"+=", "-=", "*=", "/=", "%=", ":="})

#: Words where an operator was expected -> what to write instead.
WRONG_WORDS = {
    "is": "==",
    "eq": "==",
    "equals": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "mod": "%",
    "div": "/",
    "xor": "!=",
    "then": "?",
    "if": "?",
    "else": ":",
}
#: Functions written as if they were operators.
METHOD_WORDS = {"contains": "contains", "startswith": "startsWith", "endswith": "endsWith"}
#: Constants of other languages -> ours.
WRONG_CONSTANTS = {"none": "null", "nil": "null", "undefined": "null", "true": "true", "false": "false", "null": "null"}

#: Functions of other languages -> ours.
WRONG_FUNCTIONS = {
    "len": "size",
    "length": "size",
    "count": "size",
    "strlen": "size",
    "includes": "contains",
    "has": "contains",
    "greatest": "max",
    "least": "min",
}
#: CEL has these; this language leaves them out.
LEFT_OUT = frozenset({"all", "exists", "filter", "map", "matches", "int", "double", "string", "bool", "type"})

#: Characters that word processors and other languages put where ours has another.
WRONG_CHARACTERS = {
    "\u201c": 'use straight quotes: "',
    "\u201d": 'use straight quotes: "',
    "\u201e": 'use straight quotes: "',
    "\u2018": "use straight quotes: '",
    "\u2019": "use straight quotes: '",
    "\u00a0": "this is a no-break space, use an ordinary space",
    "\u2013": "this is a dash, use the minus sign -",
    "\u2212": "use the minus sign -",
    "\u2260": "write !=",
    "\u2264": "write <=",
    "\u2265": "write >=",
    "{": "maps cannot be written, only read",
    "#": "comments are not part of an expression",
    "^": "there is no power operator",
    "$": "write names with other characters in backquotes: `$name`",
    "@": "write names with other characters in backquotes: `@name`",
}

_LONGEST_NAME = 64  # difflib is quadratic in the length of names
_MOST_LISTED = 6


def closest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `name` most likely stands for; None when none is near."""
    known = [candidate for candidate in candidates if len(candidate) <= _LONGEST_NAME]
    if len(name) > _LONGEST_NAME:
        return None
    same_letters = [candidate for candidate in known if candidate.casefold() == name.casefold()]
    if same_letters:
        return same_letters[0]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return near[0] if near else None


def listed(names: Iterable[str]) -> str:
    """`a, b, c`, cut after a few names."""
    ordered = sorted(names)
    return ", ".join(ordered[:_MOST_LISTED]) + (", …" if len(ordered) > _MOST_LISTED else "")

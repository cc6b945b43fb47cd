"""How large a model may be.

Readers in `graph/formats/` stop at these figures before they build anything, the rules in `graph/rules/` apply them to models
that were built in memory, and `docs/reference/text-format.md` lists them. Expressions have budgets of their own in
`graph/expressions/budgets.py`.
"""

from melanzana.errors import LimitError

MAX_BYTES = 2 * 1024 * 1024  #: of an uploaded file
MAX_DEPTH = 64  #: maps and lists inside each other
MAX_NODES = 250_000  #: values of one document: keys, scalars, maps and lists
MAX_STATES = 10_000
MAX_ACTIONS = 50_000  #: of the model; the same figure bounds its transitions
MAX_VARIABLES = 256  #: of the model, of one state, or of one action
MAX_NAME = 200  #: characters
MAX_WEIGHT = 1_000_000_000
MAX_DIGITS = 300  #: of one number
INTEGER_MIN = -(2**63)
INTEGER_MAX = 2**63 - 1


def require_at_most(count: int, maximum: int, limit: str, unit: str) -> None:
    """Refuse a document that holds more than `maximum` of something. Errors: `LimitError` named `limit`."""
    if count > maximum:
        raise LimitError(f"{count:,} {unit}; at most {maximum:,} are allowed", limit=limit, maximum=maximum)

"""What a grant's scope becomes, and what a token with that scope may do."""

from melanzana.access.permissions import HABITUAL_SCOPES, Scope
from melanzana.errors import OAuthError


def granted_scope(permitted: frozenset[str], asked: str | None) -> str:
    """The scope of a client's token: as asked for, else everything that the client is permitted.

    Errors: OAuthError `invalid_scope`; the answer does not repeat what was sent.
    """
    if asked is None:
        return " ".join(sorted(permitted))
    words = list(dict.fromkeys(asked.split(" ")))
    if not set(words) <= permitted | HABITUAL_SCOPES:
        raise OAuthError("invalid_scope", "Invalid scopes: at least one is unknown or not allowed for this client")
    return " ".join(words)


def effective(permitted: frozenset[str], words: frozenset[str]) -> frozenset[str]:
    """The permissions of a token with these scope words: what it names, as far as its owner is permitted that now.

    A token that names no permission (`openid` alone) has all of its owner's.
    """
    named = words & frozenset(Scope)
    return permitted & named if named else permitted

"""Which `typ` the header of an access token may have while a realm changes from one to the other.

A realm issues `JWT`, as the original product, or `at+jwt` (RFC 9068). Only the type it issues is accepted, but tokens signed just
before a change, or before this process started and could see one, are good until they expire.
"""

from melanzana.auth.strict import LEEWAY_SECONDS
from melanzana.clock import Clock
from melanzana.realms.records import LONGEST_TOKEN_SECONDS, TOKEN_TYPES, Realm

_ALL = frozenset(TOKEN_TYPES)


class TokenTypes:
    """Remembers since when each realm issues what it issues."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: dict[str, tuple[str, float]] = {}

    def accepted(self, realm: Realm) -> frozenset[str]:
        """What the header may say now."""
        now = self._clock.monotonic()
        known = self._since.get(realm.name)
        if known is None or known[0] != realm.token_type:
            known = self._since[realm.name] = (realm.token_type, now)
        changing = now - known[1] <= LONGEST_TOKEN_SECONDS + LEEWAY_SECONDS
        return _ALL if changing else frozenset({realm.token_type})

"""What may be set in a realm. `service.py` asks before it writes."""

from typing import Any

from melanzana.errors import ConflictError, RequestError
from melanzana.realms.records import ALGORITHMS, LONGEST_TOKEN_SECONDS, SHORTEST_TOKEN_SECONDS, TOKEN_TYPES, Realm, RealmChange

_LATEST = 2**34  #: the year 2514: what a clock can show
_SETTINGS = ("enabled", "token_type", "algorithm", "not_before", "token_seconds")


def check_change(change: RealmChange, *, is_home: bool) -> None:
    """Errors: RequestError naming the field; ConflictError when the home realm would be disabled."""
    if is_home and change.enabled is False:
        raise ConflictError("the home realm cannot be disabled: nobody could enable it again", field="enabled")
    if change.token_type not in {None, *TOKEN_TYPES}:
        raise RequestError(f"token_type is one of {', '.join(TOKEN_TYPES)}", field="token_type")
    if change.algorithm not in {None, *ALGORITHMS}:
        raise RequestError(f"algorithm is one of {', '.join(ALGORITHMS)}", field="algorithm")
    if change.not_before is not None and not 0 <= change.not_before <= _LATEST:
        raise RequestError("not_before is an instant in whole seconds since 1970; 0 takes it back", field="not_before")
    if change.token_seconds is not None and not SHORTEST_TOKEN_SECONDS <= change.token_seconds <= LONGEST_TOKEN_SECONDS:
        limits = f"{SHORTEST_TOKEN_SECONDS} to {LONGEST_TOKEN_SECONDS}"
        raise RequestError(f"token_seconds is {limits} seconds", field="token_seconds")


def told(before: Realm, change: RealmChange) -> dict[str, Any]:
    """The settings that differ from what they are."""
    wanted = {name: getattr(change, name) for name in _SETTINGS}
    return {name: value for name, value in wanted.items() if value is not None and value != getattr(before, name)}

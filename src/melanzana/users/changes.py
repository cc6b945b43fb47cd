"""An account before and after. Pure."""

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import count

from melanzana.users.names import checked_email, checked_text, checked_username
from melanzana.users.records import User, UserChange

_NOT_IN_NAMES = re.compile(r"[^\w.@+-]+")


def changed(person: User, change: UserChange) -> User:
    """The account with the given fields set; password and groups are other rows' business. Errors: RequestError."""
    username = person.username if change.username is None else checked_username(change.username)
    return replace(
        person,
        username=username,
        name=person.name if change.name is None else checked_text("name", change.name) or username,
        email=person.email if change.email is None else checked_email(change.email),
        role=change.role or person.role,
        enabled=person.enabled if change.enabled is None else change.enabled,
    )


def told(before: User, after: User) -> dict[str, str]:
    """What the audit trail tells of the change; empty when nothing changed."""
    detail = {}
    for name in ("username", "name", "email", "role", "enabled"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            detail[name] = (
                f"{str(old).lower() if isinstance(old, bool) else old} → {str(new).lower() if isinstance(new, bool) else new}"
            )
    return detail


def username_from(name: str, email: str, taken: Callable[[str], bool]) -> str:
    """A free username for somebody who comes from an external issuer."""
    stem = _NOT_IN_NAMES.sub("-", email or name).strip("-_.@+")[:80] or "user"
    if not stem[0].isalnum():
        stem = f"u{stem}"
    candidates = (stem if number == 1 else f"{stem}-{number}" for number in count(1))
    return next(candidate for candidate in candidates if not taken(candidate))

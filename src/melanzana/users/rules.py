"""Who may change whom. Pure; the service asks inside the transaction that changes.

Whoever may not make API clients has no power over administrators either, or it would be a detour: an API client could make an
administrator, or set the password of one, and make API clients as that person. And nobody takes away the last administrator.
"""

from collections.abc import Iterable

from melanzana.access.permissions import Role, Scope
from melanzana.access.records import Actor, Principal
from melanzana.errors import ConflictError, InsufficientScopeError
from melanzana.users.records import Author, User


def author_of(principal: Principal) -> Author:
    """The caller of a route or page as an author."""
    return Author(actor=principal.actor, over_admins=Scope.CLIENTS_MANAGE in principal.scopes)


def operator(actor: Actor) -> Author:
    """Somebody who works on the server's machine."""
    return Author(actor=actor, over_admins=True)


def check_author(author: Author, before: User | None, after: User | None) -> None:
    """Errors: InsufficientScopeError when an administrator is made, changed or removed by somebody who may not."""
    if author.over_admins:
        return
    if any(person is not None and person.role is Role.ADMIN for person in (before, after)):
        raise InsufficientScopeError(
            "only an administrator may make, change or remove administrators and set their passwords; "
            "an API client may do so for everybody else",
            scope=Scope.CLIENTS_MANAGE.value,
        )


def check_admin_remains(admins: Iterable[User], before: User, after: User | None) -> None:
    """`admins`: the enabled administrators as they are. Errors: ConflictError when the change would leave none."""
    if before.role is not Role.ADMIN or not before.enabled:
        return
    stays = after is not None and after.enabled and after.role is Role.ADMIN
    if not stays and all(admin.id == before.id for admin in admins):
        raise ConflictError(
            f"{before.username} is the last administrator who may log in; make another one first", state="last_admin"
        )

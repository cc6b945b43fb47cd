"""`/ai/users` and `/ai/groups`: people and groups of the caller's realm, at the original product's addresses.

Reading needs `users:read`, changing `users:manage`. Administrators are within reach of administrators only (`rules.py`).
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.errors import RequestError
from melanzana.users import shapes
from melanzana.users.rules import author_of
from melanzana.users.service import UserService
from melanzana.web.answers import answers

_Id = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z-]+$", description="`id`, a uuid.")]
_CHANGES = answers(400, 401, 403, 404, 409, 413, 415, 422, 503)


def router(service: UserService, gate: Gate) -> APIRouter:
    """Both families over `service`."""
    routes = APIRouter(tags=["People"])
    _add_users(routes, service, gate)
    _add_groups(routes, service, gate)
    return routes


def _add_users(routes: APIRouter, service: UserService, gate: Gate) -> None:
    may_read = Annotated[Principal, Depends(gate.requires(Scope.USERS_READ))]
    may_manage = Annotated[Principal, Depends(gate.requires(Scope.USERS_MANAGE))]

    @routes.get("/ai/users", responses=answers(401, 403, 503))
    async def list_users(principal: may_read) -> list[shapes.UserItem]:
        """Everybody of the realm, by name."""
        return [shapes.user_item(person, groups) for person, groups in await service.accounts.everybody(principal.realm)]

    @routes.post("/ai/users", status_code=201, responses=_CHANGES)
    async def create_user(principal: may_manage, body: shapes.UserBody) -> shapes.UserItem:
        """Make an account."""
        if body.username is None:
            raise RequestError("username is missing: give the account a name", field="username")
        person = await service.accounts.create(principal.realm, body.new(), author_of(principal))
        return await _item(service, principal.realm, person.id)

    @routes.get("/ai/users/{user_id}", responses=answers(401, 403, 404, 422, 503))
    async def get_user(principal: may_read, user_id: _Id) -> shapes.UserItem:
        """One account."""
        return await _item(service, principal.realm, user_id)

    @routes.put("/ai/users/{user_id}", responses=_CHANGES)
    async def update_user(principal: may_manage, user_id: _Id, body: shapes.UserBody) -> shapes.UserItem:
        """Set the fields that are given. A new password, and disabling, end the person's sessions and tokens at once."""
        await service.accounts.change(principal.realm, user_id, body.change(), author_of(principal))
        return await _item(service, principal.realm, user_id)

    @routes.delete("/ai/users/{user_id}", status_code=204, responses=answers(401, 403, 404, 409, 422, 503))
    async def delete_user(principal: may_manage, user_id: _Id) -> None:
        """Remove an account; its sessions and tokens end at once."""
        await service.accounts.delete(principal.realm, user_id, author_of(principal))


def _add_groups(routes: APIRouter, service: UserService, gate: Gate) -> None:
    may_read = Annotated[Principal, Depends(gate.requires(Scope.USERS_READ))]
    may_manage = Annotated[Principal, Depends(gate.requires(Scope.USERS_MANAGE))]

    @routes.get("/ai/groups", responses=answers(401, 403, 503))
    async def list_groups(principal: may_read) -> list[shapes.GroupItem]:
        """Every group of the realm, by name."""
        return [shapes.group_item(group) for group in await service.groups.everyone(principal.realm)]

    @routes.post("/ai/groups", status_code=201, responses=_CHANGES)
    async def create_group(principal: may_manage, body: shapes.GroupBody) -> shapes.GroupItem:
        """Make a group."""
        if body.groupname is None:
            raise RequestError("groupname is missing: give the group a name", field="groupname")
        group = await service.groups.create(principal.realm, body.groupname, body.change(), author_of(principal))
        return shapes.group_item(group)

    @routes.get("/ai/groups/{group_id}", responses=answers(401, 403, 404, 422, 503))
    async def get_group(principal: may_read, group_id: _Id) -> shapes.GroupItem:
        """One group."""
        return shapes.group_item(await service.groups.get(principal.realm, group_id))

    @routes.put("/ai/groups/{group_id}", responses=_CHANGES)
    async def update_group(principal: may_manage, group_id: _Id, body: shapes.GroupBody) -> shapes.GroupItem:
        """Set the fields that are given."""
        return shapes.group_item(await service.groups.change(principal.realm, group_id, body.change(), author_of(principal)))

    @routes.delete("/ai/groups/{group_id}", status_code=204, responses=answers(401, 403, 404, 422, 503))
    async def delete_group(principal: may_manage, group_id: _Id) -> None:
        """Remove a group; its people stay."""
        await service.groups.delete(principal.realm, group_id, author_of(principal))


async def _item(service: UserService, realm: str, user_id: str) -> shapes.UserItem:
    person, groups = await service.accounts.get(realm, user_id)
    return shapes.user_item(person, groups)

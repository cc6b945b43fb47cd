"""`/realm_service/api/v1/realms`: tenants, their token settings and signing keys.

A caller sees and changes its own realm; callers of the home realm every realm. Any other realm is 404, as if it did not exist.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.realms import shapes
from melanzana.realms.records import Realm
from melanzana.realms.service import RealmService
from melanzana.web.answers import answers

_REALMS = "/realm_service/api/v1/realms"
_KEYS = f"{_REALMS}/{{realm}}/keys"
_Name = Annotated[str, Path(max_length=255, description="Name of the realm.")]
_Kid = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{43}$", description="`kid` of the key.")]
_CHANGES = answers(400, 401, 403, 404, 409, 413, 415, 422, 503)


def router(service: RealmService, gate: Gate) -> APIRouter:
    """Realms and keys over `service`."""
    routes = APIRouter(tags=["Realms"])
    _add_realms(routes, service, gate)
    _add_keys(routes, service, gate)
    return routes


def _add_realms(routes: APIRouter, service: RealmService, gate: Gate) -> None:
    may_manage = Annotated[Principal, Depends(gate.requires(Scope.REALMS_MANAGE))]

    def item(realm: Realm) -> shapes.RealmItem:
        return shapes.realm_item(realm, service.issuer(realm.name), home=realm.name == service.home)

    @routes.get(_REALMS, responses=answers(401, 403, 503))
    async def list_realms(principal: may_manage) -> list[shapes.RealmItem]:
        """The realms within the caller's reach, by name."""
        return [item(realm) for realm in await service.within_reach(principal.realm)]

    @routes.post(_REALMS, status_code=201, responses=_CHANGES)
    async def create_realm(principal: may_manage, body: shapes.RealmBody) -> shapes.RealmItem:
        """Make a realm with its first keys. Its people and clients are made afterwards."""
        service.demand_home(principal.realm)
        return item(await service.create_realm(body.name, principal.actor))

    @routes.get(f"{_REALMS}/{{realm}}", responses=answers(401, 403, 404, 422, 503))
    async def get_realm(principal: may_manage, realm: _Name) -> shapes.RealmItem:
        """One realm."""
        return item(await service.reach(principal.realm, realm))

    @routes.patch(f"{_REALMS}/{{realm}}", responses=_CHANGES)
    async def change_realm(principal: may_manage, realm: _Name, body: shapes.RealmChangeBody) -> shapes.RealmItem:
        """Change the settings that are given; each acts at the next request, in every process."""
        await service.reach(principal.realm, realm)
        if body.enabled is not None:
            service.demand_home(principal.realm)
        return item(await service.change_realm(realm, body.change(service.now()), principal.actor))


def _add_keys(routes: APIRouter, service: RealmService, gate: Gate) -> None:
    may_manage = Annotated[Principal, Depends(gate.requires(Scope.REALMS_MANAGE))]

    @routes.get(_KEYS, responses=answers(401, 403, 404, 422, 503))
    async def list_keys(principal: may_manage, realm: _Name) -> list[shapes.KeyItem]:
        """Every signing key of the realm, oldest first, disabled ones too."""
        await service.reach(principal.realm, realm)
        return [shapes.key_item(key) for key in await service.keys(realm)]

    @routes.post(_KEYS, status_code=201, responses=answers(401, 403, 404, 409, 413, 422, 503))
    async def rotate_key(principal: may_manage, realm: _Name) -> list[shapes.KeyItem]:
        """Sign with the next key from now on, and publish another next one. Tokens of the old key stay good until they expire."""
        await service.reach(principal.realm, realm)
        await service.rotate_key(realm, principal.actor)
        return [shapes.key_item(key) for key in await service.keys(realm)]

    @routes.post(f"{_KEYS}/{{kid}}/disable", responses=answers(401, 403, 404, 409, 413, 422, 503))
    async def disable_key(principal: may_manage, realm: _Name, kid: _Kid) -> shapes.KeyItem:
        """Distrust a key for good: every token it signed is refused at the next request."""
        await service.reach(principal.realm, realm)
        return shapes.key_item(await service.disable_key(realm, kid, principal.actor))

    @routes.delete(f"{_KEYS}/{{kid}}", status_code=204, responses=answers(401, 403, 404, 409, 422, 503))
    async def remove_key(principal: may_manage, realm: _Name, kid: _Kid) -> None:
        """Forget a passive or disabled key."""
        await service.reach(principal.realm, realm)
        await service.remove_key(realm, kid, principal.actor)

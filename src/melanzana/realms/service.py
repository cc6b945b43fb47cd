"""The verbs of tenants and their signing keys.

`auth/service.py` signs and verifies with the key ring, every room that makes or shows a credential asks for a realm here, and the
command line calls it. Keys are unsealed once and kept as objects.
"""

import asyncio
import re
from dataclasses import dataclass
from typing import Any

import structlog

from melanzana.clock import Clock
from melanzana.errors import NotFoundError, RequestError
from melanzana.realms import store
from melanzana.realms.keys import KeyRing, LiveKey, new_signing_key, unseal
from melanzana.realms.master_key import MasterKey
from melanzana.realms.records import Realm
from melanzana.storage.database import Database

DEFAULT_REALM = "eggplant"
_REALM_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_log = structlog.get_logger("melanzana.realms")


@dataclass(frozen=True, slots=True, kw_only=True)
class RealmSettings:
    """What an operator decides."""

    base_url: str  #: public address without trailing slash; issuers are built from it, never from a request
    realm: str = DEFAULT_REALM  #: made at first start


class RealmService:
    """Call `start` once before anything else."""

    def __init__(self, database: Database, clock: Clock, master: MasterKey, settings: RealmSettings) -> None:
        self._database = database
        self._clock = clock
        self._master = master
        self.settings = settings
        self.ring = KeyRing()
        self.issuers: dict[str, str] = {}  #: realm by issuer
        self._realms: dict[str, Realm] = {}

    async def start(self) -> None:
        """Make the default realm at first start, note the public address, load the keys.

        Errors: SettingsError when the master key does not fit the database.
        """
        await self.ensure_realm(self.settings.realm)
        await self._database.write(lambda tx: store.set_base_url(tx, self.settings.base_url))

    async def ensure_realm(self, name: str) -> Realm:
        """The realm, made with its first key when it is new."""
        if not _REALM_NAME.fullmatch(name):
            raise RequestError("a realm's name is 1 to 63 letters, digits, - and _, the first a letter or digit", field="realm")
        if await self._database.read(lambda tx: store.realm(tx, name)) is None:
            now = self._clock.now()
            key = await asyncio.to_thread(new_signing_key, name, self._master, now)
            new = Realm(name=name, enabled=True, base_url=None, created_at=now)
            await self._database.write(lambda tx: store.add_realm(tx, new, key))
            _log.info("realm created", realm=name, kid=key.kid)
        await self._load()
        return self._realms[name]

    async def realm(self, name: str) -> Realm:
        """Errors: NotFoundError when there is none; names are case-sensitive."""
        known = self._realms.get(name)
        if known is None and _REALM_NAME.fullmatch(name):
            if await self._database.read(lambda tx: store.realm(tx, name)) is not None:
                await self._load()
            known = self._realms.get(name)
        if known is None:
            raise NotFoundError("Realm does not exist")
        return known

    async def key_set(self, realm: str) -> dict[str, Any]:
        """The published keys (JWK set) of a realm."""
        await self.realm(realm)
        return self.ring.published(realm)

    async def signing_key(self, realm: str) -> LiveKey:
        """The key that signs the realm's tokens now; made when there is none."""
        await self.realm(realm)
        key = self.ring.signing(realm)
        if key is None:
            await self.rotate_key(realm)
            key = self.ring.signing(realm)
        assert key is not None
        return key

    async def rotate_key(self, realm: str) -> str:
        """Sign with a new key from now on; the old one verifies until `remove_key`. Gives the new key's id."""
        await self.realm(realm)
        key = await asyncio.to_thread(new_signing_key, realm, self._master, self._clock.now())
        await self._database.write(lambda tx: store.add_key(tx, key))
        await self._load()
        _log.info("signing key rotated", realm=realm, kid=key.kid)
        return key.kid

    async def remove_key(self, kid: str) -> None:
        """Distrust a key: every token it signed is refused from now on."""
        await self._database.write(lambda tx: store.remove_key(tx, kid))
        await self._load()
        _log.info("signing key removed", kid=kid)

    def issuer(self, realm: str) -> str:
        return f"{self.settings.base_url}/auth/realms/{realm}"

    def token_url(self, realm: Realm) -> str:
        """Where its clients get tokens; what the running server says of itself beats this process's settings."""
        base_url = realm.base_url or self.settings.base_url
        return f"{base_url}/auth/realms/{realm.name}/protocol/openid-connect/token"

    async def _load(self) -> None:
        stored_realms, stored_keys = await self._database.read(lambda tx: (store.all_realms(tx), store.keys(tx)))
        live = await asyncio.to_thread(lambda: [unseal(key, self._master) for key in stored_keys])
        self.ring = KeyRing(live)
        self._realms = {realm.name: realm for realm in stored_realms}
        self.issuers = {self.issuer(name): name for name in self._realms}

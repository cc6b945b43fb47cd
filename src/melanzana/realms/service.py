"""The verbs of tenants and their signing keys.

`auth/service.py` signs and verifies with the key ring, every room that makes or shows a credential asks for a realm here, and the
command line, REST and pages change realms and keys through it. A change raises the realm's revision; `current` looks at it once a
request and loads the keys again when it moved, so what another process changed acts at the next request.
"""

import asyncio
import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection

from melanzana.access.records import Actor
from melanzana.audit.records import Action, AuditEntry
from melanzana.audit.service import AuditService
from melanzana.clock import Clock
from melanzana.errors import ConflictError, InsufficientScopeError, NotFoundError, RequestError
from melanzana.realms import store
from melanzana.realms.changing import check_change, told
from melanzana.realms.keys import KeyRing, LiveKey, new_signing_key, unseal
from melanzana.realms.master_key import MasterKey
from melanzana.realms.records import KeyState, Realm, RealmChange, SigningKey
from melanzana.storage.database import Database

DEFAULT_REALM = "eggplant"
#: Who makes the first realm and its keys.
SERVER = Actor(kind="server", id="server", name="server")
_REALM_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_log = structlog.get_logger("melanzana.realms")


@dataclass(frozen=True, slots=True, kw_only=True)
class RealmSettings:
    """What an operator decides."""

    base_url: str  #: public address without trailing slash; issuers are built from it, never from a request
    realm: str = DEFAULT_REALM  #: made at first start


class RealmService:
    """Call `start` once before anything else."""

    def __init__(self, database: Database, clock: Clock, master: MasterKey, audit: AuditService, settings: RealmSettings) -> None:
        self._database = database
        self._clock = clock
        self._master = master
        self._audit = audit
        self.settings = settings
        self.ring = KeyRing()
        self.issuers: dict[str, str] = {}  #: realm by issuer
        self._realms: dict[str, Realm] = {}

    @property
    def home(self) -> str:
        """The realm whose administrators may see and make other realms."""
        return self.settings.realm

    async def start(self) -> None:
        """Make the home realm at first start, note the public address, load the keys.

        Errors: SettingsError when the master key does not fit the database.
        """
        await self.ensure_realm(self.home)
        await self._database.write(lambda tx: store.set_base_url(tx, self.settings.base_url))
        await self._load_all()

    async def ensure_realm(self, name: str, actor: Actor = SERVER) -> Realm:
        """The realm, made with its first keys when it is new."""
        _check_name(name)
        if await self._database.read(lambda tx: store.realm(tx, name)) is None:
            await self._make(name, actor)
        await self._load_all()
        return self._realms[name]

    async def create_realm(self, name: str, actor: Actor) -> Realm:
        """A new tenant. Errors: RequestError for a bad name; ConflictError when there is one."""
        _check_name(name, field="name")
        if await self._database.read(lambda tx: store.realm(tx, name)) is not None or not await self._make(name, actor):
            raise ConflictError(f"there is a realm {name!r} already", field="name")
        return await self.current(name)

    async def realms(self) -> list[Realm]:
        """Every realm, by name."""
        return await self._database.read(store.all_realms)

    async def within_reach(self, caller_realm: str) -> list[Realm]:
        """The realms that a caller of that realm may see and change."""
        return [realm for realm in await self.realms() if caller_realm in {realm.name, self.home}]

    async def reach(self, caller_realm: str, name: str) -> Realm:
        """The realm, for a caller who may see and change it. Errors: NotFoundError for everybody else."""
        if caller_realm not in {name, self.home}:
            raise NotFoundError("Realm does not exist")
        return await self.current(name)

    def demand_home(self, caller_realm: str) -> None:
        """Errors: InsufficientScopeError when the caller may not make, enable or disable realms."""
        if caller_realm != self.home:
            raise InsufficientScopeError("only callers of the home realm make, enable and disable realms", scope="realms:manage")

    def now(self) -> datetime:
        return self._clock.now()

    async def current(self, name: str) -> Realm:
        """The realm as it is now; its keys are loaded again when another process changed them.

        Errors: NotFoundError when there is none; names are case-sensitive. UnavailableError when the database does not answer.
        """
        stored = None
        if _REALM_NAME.fullmatch(name):
            stored = await self._database.glance(lambda tx: store.realm(tx, name))
        if stored is None:
            raise NotFoundError("Realm does not exist")
        known = self._realms.get(name)
        if known is None or known.revision != stored.revision:
            return await self._load(name)
        return stored

    async def realm(self, name: str) -> Realm:
        """As `current`, and without a look at the database when the realm is known and enabled: for what may be a change behind."""
        known = self._realms.get(name)
        return known if known is not None and known.enabled else await self.current(name)

    async def change_realm(self, name: str, change: RealmChange, actor: Actor) -> Realm:
        """Change settings. Another algorithm makes the next key one of it; the rotation after that signs with it.

        Errors: NotFoundError; RequestError for a bad value; ConflictError when the home realm would be disabled.
        """
        before = await self.current(name)
        check_change(change, is_home=name == self.home)
        values, now = told(before, change), self._clock.now()
        if not values:
            return before
        fresh = None
        if "algorithm" in values:
            fresh = await asyncio.to_thread(new_signing_key, name, self._master, now, values["algorithm"], KeyState.NEXT)

        def changed(tx: Connection) -> None:
            store.change_realm(tx, name, values)
            if fresh is not None:
                store.replace_next(tx, name, fresh)
            detail = {key: str(value) for key, value in values.items()}
            self._record(tx, AuditEntry(realm=name, action=Action.REALM_CHANGE, actor=actor, subject=name, detail=detail))

        await self._database.write(changed)
        _log.info("realm changed", realm=name, **values)
        return await self._load(name)

    async def keys(self, realm: str) -> list[SigningKey]:
        """Every key of the realm, disabled ones too, oldest first."""
        await self.current(realm)
        return await self._database.read(lambda tx: store.keys(tx, realm))

    async def key_set(self, realm: str) -> dict[str, Any]:
        """The published keys (JWK set) of a realm."""
        await self.current(realm)
        return self.ring.published(realm)

    async def signing_key(self, realm: str) -> LiveKey:
        """The key that signs the realm's tokens now; made when there is none."""
        await self.current(realm)
        key = self.ring.signing(realm)
        if key is None:
            await self.rotate_key(realm)
            key = self.ring.signing(realm)
        assert key is not None
        return key

    async def rotate_key(self, realm: str, actor: Actor = SERVER) -> str:
        """Sign with the next key from now on and publish another next one; the old one verifies what it signed.

        Gives the id of the key that signs now.
        """
        fresh, now = await self._fresh_keys(realm), self._clock.now()

        def rotated(tx: Connection) -> str:
            kid = store.rotate(tx, realm, fresh, now).kid
            self._record(tx, AuditEntry(realm=realm, action=Action.KEY_ROTATE, actor=actor, subject=kid))
            return kid

        kid = await self._database.write(rotated)
        await self._load(realm)
        _log.info("signing key rotated", realm=realm, kid=kid)
        return kid

    async def disable_key(self, realm: str, kid: str, actor: Actor = SERVER) -> SigningKey:
        """Distrust a key for good: every token it signed is refused from now on, in every process.

        When it was the active key, the next one signs at once; when it was the next one, another takes its place.
        Errors: NotFoundError; ConflictError when it is disabled already.
        """
        fresh, now = await self._fresh_keys(realm), self._clock.now()

        def disabled(tx: Connection) -> SigningKey:
            key = _demand_key(tx, realm, kid)
            if key.state is KeyState.DISABLED:
                raise ConflictError(f"the key {kid} is disabled already", state=key.state.value)
            store.disable_key(tx, realm, kid, now)
            if key.state is KeyState.ACTIVE:
                store.rotate(tx, realm, fresh, now)
            elif key.state is KeyState.NEXT:
                store.replace_next(tx, realm, fresh[0])
            detail = {"state": KeyState.DISABLED.value, "was": key.state.value}
            self._record(tx, AuditEntry(realm=realm, action=Action.KEY_CHANGE, actor=actor, subject=kid, detail=detail))
            return _demand_key(tx, realm, kid)

        key = await self._database.write(disabled)
        await self._load(realm)
        _log.warning("signing key disabled", realm=realm, kid=kid)
        return key

    async def remove_key(self, realm: str, kid: str, actor: Actor = SERVER) -> None:
        """Forget a passive or disabled key; tokens it signed are refused from now on.

        Errors: NotFoundError; ConflictError when it signs or is the next to sign.
        """

        def removed(tx: Connection) -> None:
            key = _demand_key(tx, realm, kid)
            if key.state in {KeyState.ACTIVE, KeyState.NEXT}:
                raise ConflictError(f"the key {kid} is the {key.state} one: disable it first", state=key.state.value)
            store.remove_key(tx, realm, kid)
            detail = {"state": "removed", "was": key.state.value}
            self._record(tx, AuditEntry(realm=realm, action=Action.KEY_CHANGE, actor=actor, subject=kid, detail=detail))

        await self._database.write(removed)
        await self._load(realm)
        _log.info("signing key removed", realm=realm, kid=kid)

    def issuer(self, realm: str) -> str:
        return f"{self.settings.base_url}/auth/realms/{realm}"

    def token_url(self, realm: Realm) -> str:
        """Where its clients get tokens; what the running server says of itself beats this process's settings."""
        base_url = realm.base_url or self.settings.base_url
        return f"{base_url}/auth/realms/{realm.name}/protocol/openid-connect/token"

    async def _make(self, name: str, actor: Actor) -> bool:
        """Add the realm with its active and its next key; False when it is there."""
        now = self._clock.now()
        keys = [
            await asyncio.to_thread(new_signing_key, name, self._master, now, state=state)
            for state in (KeyState.ACTIVE, KeyState.NEXT)
        ]

        def made(tx: Connection) -> bool:
            home = store.realm(tx, self.home)
            new = Realm(name=name, enabled=True, base_url=home.base_url if home else None, created_at=now)
            if not store.add_realm(tx, new, keys):
                return False
            detail = {"kid": keys[0].kid}
            self._record(tx, AuditEntry(realm=name, action=Action.REALM_CREATE, actor=actor, subject=name, detail=detail))
            return True

        done = await self._database.write(made)
        if done:
            _log.info("realm created", realm=name, kid=keys[0].kid)
        return done

    def _record(self, tx: Connection, entry: AuditEntry) -> None:
        """In the realm's own trail; what becomes of a realm stands in the home realm's as well."""
        trails = {entry.realm, self.home} if entry.action in {Action.REALM_CREATE, Action.REALM_CHANGE} else {entry.realm}
        for trail in sorted(trails):
            self._audit.record(tx, replace(entry, realm=trail))

    async def _fresh_keys(self, realm: str) -> list[SigningKey]:
        """What a rotation needs: one new key, or two when the realm has no next one."""
        home, keys = await self.current(realm), await self.keys(realm)
        missing = 1 if any(key.state is KeyState.NEXT for key in keys) else 2
        now, master, algorithm = self._clock.now(), self._master, home.algorithm
        return [await asyncio.to_thread(new_signing_key, realm, master, now, algorithm, KeyState.NEXT) for _ in range(missing)]

    async def _load(self, name: str) -> Realm:
        """Take over the realm and its keys as they are stored; a key that is known is not unsealed again."""
        stored, sealed = await self._database.read(lambda tx: (store.realm(tx, name), store.keys(tx, name)))
        if stored is None:
            raise NotFoundError("Realm does not exist")
        live = await self._unsealed(sealed)
        known = self._realms.get(name)
        if known is None or known.revision <= stored.revision:  # a slower load brings older news
            self.ring = self.ring.with_realm(name, live)
            self._realms[name] = stored
            self.issuers[self.issuer(name)] = name
        return self._realms[name]

    async def _load_all(self) -> None:
        stored, sealed = await self._database.read(lambda tx: (store.all_realms(tx), store.keys(tx)))
        self.ring = KeyRing(await self._unsealed(sealed))
        self._realms = {realm.name: realm for realm in stored}
        self.issuers = {self.issuer(name): name for name in self._realms}

    async def _unsealed(self, sealed: list[SigningKey]) -> list[LiveKey]:
        trusted = [key for key in sealed if key.state is not KeyState.DISABLED]
        return await asyncio.to_thread(lambda: [self._unseal(key) for key in trusted])

    def _unseal(self, stored: SigningKey) -> LiveKey:
        known = self.ring.verifying(stored.realm, stored.kid)
        if known is None:
            return unseal(stored, self._master)
        return LiveKey(known.kid, known.realm, stored.state, known.algorithm, known.key)


def _check_name(name: str, field: str = "realm") -> None:
    if not _REALM_NAME.fullmatch(name):
        raise RequestError("a realm's name is 1 to 63 letters, digits, - and _, the first a letter or digit", field=field)


def _demand_key(tx: Connection, realm: str, kid: str) -> SigningKey:
    key = store.key(tx, realm, kid)
    if key is None:
        raise NotFoundError(f"the realm {realm} has no key {kid[:64]!r}")
    return key

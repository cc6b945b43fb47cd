"""The verbs of systems under test: their records for clients, and the lock for the room of executions.

`executions/assigning.py` calls what takes a transaction, inside the claim, report and sweep: a run and the system it is made
against change hands in one COMMIT. Secrets of connections are sealed with the master key; only `take` opens them, for the lease.
"""

import json
import random
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection

from melanzana.access.records import Actor
from melanzana.audit.records import Action, AuditEntry
from melanzana.audit.service import AuditService
from melanzana.clock import Clock
from melanzana.errors import ConflictError, NotFoundError, RequestError
from melanzana.realms.master_key import MasterKey
from melanzana.storage.database import Database
from melanzana.suts import store
from melanzana.suts.connections import check_size, connection
from melanzana.suts.records import AssignedSut, Lock, Owner, Sut, SutDraft, SutWish

_NAME = re.compile(r"\S(?:[^\x00-\x1f\x7f]{0,98}\S)?")
_TAG = re.compile(r"\S(?:[^\x00-\x1f\x7f]{0,98}\S)?")
_MOST = 50  #: tags, environments or connections of one
#: Told the realm and id of a system under test that may have become free.
Listener = Callable[[str, str], Awaitable[None]]


class Randomness(Protocol):
    """Where ids come from; `random.Random` is one."""

    def getrandbits(self, k: int) -> int: ...


async def _nobody(_realm: str, _sut_id: str) -> None:
    return


class SutService:
    """What runs are made against."""

    def __init__(
        self, database: Database, clock: Clock, master: MasterKey, audit: AuditService, randomness: Randomness | None = None
    ) -> None:
        self._database, self._clock, self._master, self._audit = database, clock, master, audit
        self._randomness = randomness or random.SystemRandom()
        self._freed: Listener = _nobody

    def tell(self, listener: Listener) -> None:
        """Call `listener` whenever one may have become free: the queue looks again."""
        self._freed = listener

    # --- records ------------------------------------------------------------------------------------------------------------------

    async def list(self, realm: str) -> tuple[Sut, ...]:
        """Every one of the realm, by name."""
        return await self._database.read(lambda tx: store.all_of(tx, realm))

    async def get(self, realm: str, sut_id: str) -> Sut:
        """Raises NotFoundError."""
        return await self._database.read(lambda tx: store.find(tx, realm, sut_id))

    async def create(self, realm: str, draft: SutDraft, *, actor: Actor) -> Sut:
        """Raises RequestError naming the field, ConflictError when the name is taken."""
        _check(draft)
        blank = Sut(
            id=self._new_id(),
            realm=realm,
            name=draft.name,
            description="",
            enabled=True,
            criteria=(),
            environments=(),
            connections=(),
            created_at=self._clock.now(),
            last_used_at=None,
        )
        sut = self._drawn(blank, draft, {})

        def made(tx: Connection) -> Sut:
            store.add(tx, sut, self._sealed(sut))
            self._record(tx, sut, Action.SUT_CREATE, actor)
            return store.find(tx, realm, sut.id)

        created = await self._database.write(made)
        await self._freed(realm, sut.id)
        return created

    async def replace(self, realm: str, sut_id: str, draft: SutDraft, *, actor: Actor) -> Sut:
        """Give it other values, all at once; a lock stays. A connection that names its `uuid` keeps the secrets it does not name.

        Raises NotFoundError, RequestError naming the field, ConflictError when the new name is taken.
        """
        _check(draft)

        def changed(tx: Connection) -> Sut:
            store.held_row(tx, realm, sut_id)
            before = store.find(tx, realm, sut_id)
            after = self._drawn(before, draft, self._secrets(tx, before))
            store.change(tx, after, self._sealed(after))
            self._record(tx, after, Action.SUT_CHANGE, actor, enabled=str(after.enabled).lower())
            return store.find(tx, realm, sut_id)

        sut = await self._database.write(changed)
        await self._freed(realm, sut_id)
        return sut

    async def delete(self, realm: str, sut_id: str, *, actor: Actor) -> None:
        """Raises NotFoundError, and ConflictError while a run has it."""

        def removed(tx: Connection) -> None:
            store.held_row(tx, realm, sut_id)
            sut = store.find(tx, realm, sut_id)
            if sut.lock is not None:
                message = f"run {sut.lock.run_id} has {sut.name!r}; abort the run or unlock the system under test first"
                raise ConflictError(message, state=sut.status.value, run_id=sut.lock.run_id)
            store.remove(tx, sut_id)
            self._record(tx, sut, Action.SUT_DELETE, actor)

        await self._database.write(removed)

    async def force_unlock(self, realm: str, sut_id: str, *, actor: Actor) -> Lock | None:
        """Take it from its run at once, though code of that run may still be at work on it. The lock it had; None without one.

        Raises NotFoundError.
        """

        def unlocked(tx: Connection) -> Lock | None:
            store.held_row(tx, realm, sut_id)
            sut = store.find(tx, realm, sut_id)
            if sut.lock is not None:
                store.unlock(tx, sut_id, sut.lock.run_id)
                self._record(tx, sut, Action.SUT_UNLOCK, actor, run_id=str(sut.lock.run_id), forced="true")
            return sut.lock

        lock = await self._database.write(unlocked)
        await self._freed(realm, sut_id)
        return lock

    async def note_unlock(self, sut: Sut, *, actor: Actor) -> None:
        """Record that somebody asked the run that has it to end."""
        run_id = "" if sut.lock is None else str(sut.lock.run_id)
        await self._database.write(lambda tx: self._record(tx, sut, Action.SUT_UNLOCK, actor, run_id=run_id, forced="false"))

    # --- for the room of executions, inside its transactions ----------------------------------------------------------------------

    def ask(self, tx: Connection, realm: str, run_id: int, wish: SutWish) -> None:
        """Note what a run that is being queued needs. Raises RequestError when nothing there is, or could become, such a one."""
        if wish.sut_id is not None:
            try:
                store.find(tx, realm, wish.sut_id)
            except NotFoundError as error:
                raise RequestError(error.message, field="sut.sut_id") from None
        if not any(set(wish.handles) <= _handles(sut) for sut in store.all_of(tx, realm)):
            raise RequestError(
                f"there is no {_described(wish)}; GET /sut_service/api/v1/suts lists what there is", field="sut.criteria"
            )
        store.write_wish(tx, run_id, wish.handles)

    @staticmethod
    def forget(tx: Connection, run_id: int) -> None:
        """The run is being deleted."""
        store.remove_wish(tx, run_id)

    @staticmethod
    def can_have(tx: Connection, realm: str, agent_id: int, run_id: ColumnElement[int]) -> tuple[ColumnElement[bool], bool]:
        """For the statement that claims: the run needs none, or one that it asks for is free for this agent.

        And whether nothing is free: the condition is then the same object each time.
        """
        return store.can_have(tx, realm, agent_id, run_id)

    @staticmethod
    def waiting_for(sut_id: str, run_id: ColumnElement[int]) -> ColumnElement[bool]:
        """For the question who waits for this one."""
        return store.waiting_for(sut_id, run_id)

    @staticmethod
    def asks(tx: Connection, run_id: int) -> bool:
        return bool(store.wish_of(tx, run_id))

    def take(self, tx: Connection, owner: Owner, until: datetime) -> AssignedSut | None:
        """Lock the free one that was used longest ago (then by id) for this attempt. None: somebody was faster."""
        sut = store.choose(tx, owner)
        if sut is None:
            return None
        taken = {name: getattr(owner, name) for name in ("run_id", "execution_id", "attempt", "agent_id")}
        store.lock(tx, Lock(sut_id=sut.id, taken_at=self._clock.now(), expires_at=until, **taken))
        secrets = self._secrets(tx, sut)
        connections = tuple(replace(one, secrets=secrets.get(one.id, {})) for one in sut.connections)
        return AssignedSut(id=sut.id, name=sut.name, criteria=sut.criteria, connections=connections)

    @staticmethod
    def prolong(tx: Connection, run_id: int, until: datetime) -> None:
        """The run's agent was heard."""
        store.prolong(tx, run_id, until)

    @staticmethod
    def prolong_all(tx: Connection, until: datetime) -> None:
        """Every lease was given a new period."""
        store.prolong_all(tx, until)

    @staticmethod
    def release(tx: Connection, sut_id: str, run_id: int) -> bool:
        """The attempt is over; whether it still had it."""
        return store.unlock(tx, sut_id, run_id)

    async def freed(self, realm: str, sut_id: str) -> None:
        """Call after the COMMIT of a release."""
        await self._freed(realm, sut_id)

    @staticmethod
    def known(tx: Connection, realm: str) -> Sequence[Sut]:
        """Every one of the realm, for `waiting_reason`."""
        return store.all_of(tx, realm)

    # --- small things -------------------------------------------------------------------------------------------------------------

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._randomness.getrandbits(128), version=4))

    def _drawn(self, before: Sut, draft: SutDraft, secrets: Mapping[str, Mapping[str, Any]]) -> Sut:
        """`before` with the values of the draft, its connections with their secrets."""
        connections = []
        for number, body in enumerate(draft.connections):
            place, named = f"connections.{number}", body.get("uuid")
            known = {one.id: one for one in before.connections}.get(str(named))
            if named is not None and (known is None or known.type != body.get("connection_type")):
                raise RequestError(f"there is no {body.get('connection_type')} connection {named}", field=f"{place}.uuid")
            kept = {} if known is None else secrets.get(known.id, {})
            connections.append(connection(body, place, self._new_id() if known is None else known.id, kept))
        if len({one.id for one in connections}) < len(connections):
            raise RequestError("two connections have the same uuid", field="connections")
        check_size(tuple(connections))
        return replace(
            before,
            name=draft.name,
            description=draft.description,
            enabled=draft.enabled,
            criteria=tuple(dict.fromkeys(draft.criteria)),
            environments=tuple(dict.fromkeys(draft.environments)),
            connections=tuple(connections),
        )

    def _sealed(self, sut: Sut) -> bytes | None:
        secrets = {one.id: dict(one.secrets) for one in sut.connections if one.secrets}
        return self._master.seal(json.dumps(secrets).encode(), _seal_name(sut)) if secrets else None

    def _secrets(self, tx: Connection, sut: Sut) -> dict[str, dict[str, Any]]:
        sealed = store.sealed_secrets(tx, sut.id)
        opened: dict[str, dict[str, Any]] = {} if sealed is None else json.loads(self._master.open(sealed, _seal_name(sut)))
        return opened

    def _record(self, tx: Connection, sut: Sut, action: Action, actor: Actor, **detail: str) -> None:
        told = {"name": sut.name, **detail}
        self._audit.record(tx, AuditEntry(realm=sut.realm, action=action, actor=actor, subject=sut.id, detail=told))


def waiting_reason(wish: SutWish, suts: Sequence[Sut], agent_id: int | None = None) -> str | None:
    """Why a queued run cannot have what it asks for, in a sentence; None when one is free. `agent_id`: the agent asked for."""
    fitting = [sut for sut in suts if set(wish.handles) <= _handles(sut)]
    allowed = [sut for sut in fitting if agent_id is None or not sut.environments or agent_id in sut.environments]
    enabled = [sut for sut in allowed if sut.enabled]
    if any(sut.lock is None for sut in enabled):
        return None
    begin = "waiting for a system under test: "
    if not fitting:
        return f"{begin}there is no {_described(wish)} any more"
    if not allowed:
        return f"{begin}{_names(fitting)} may not be used by the agent that was asked for"
    if not enabled:
        return f"{begin}{_names(allowed)} {_is(allowed)} disabled"
    return begin + ", ".join(f"{sut.name} is locked by run {sut.lock.run_id}" for sut in enabled[:3] if sut.lock) + _more(enabled)


def _handles(sut: Sut) -> set[str]:
    return {f"id:{sut.id}", *(f"tag:{tag}" for tag in sut.criteria)}


def _described(wish: SutWish) -> str:
    tags = f" with the criteria {', '.join(sorted(set(wish.criteria)))}" if wish.criteria else ""
    return "system under test" + ("" if wish.sut_id is None else f" {wish.sut_id}") + tags


def _names(suts: Sequence[Sut]) -> str:
    return ", ".join(sut.name for sut in suts[:3]) + _more(suts)


def _more(suts: Sequence[Sut]) -> str:
    return f" and {len(suts) - 3} more" if len(suts) > 3 else ""


def _is(suts: Sequence[Sut]) -> str:
    return "is" if len(suts) == 1 else "are"


def _check(draft: SutDraft) -> None:
    if not _NAME.fullmatch(draft.name):
        raise RequestError("name is 1 to 100 characters without control characters or blanks at its ends", field="name")
    for tag in draft.criteria:
        if not _TAG.fullmatch(tag):
            raise RequestError("a tag is 1 to 100 characters without control characters or blanks at its ends", field="criteria")
    for name in ("criteria", "environments", "connections"):
        if len(getattr(draft, name)) > _MOST:
            raise RequestError(f"{name} holds at most {_MOST} entries", field=name)


def _seal_name(sut: Sut) -> str:
    return f"sut {sut.realm} {sut.id}"

"""The verbs of test configurations: keep them, start them, watch and abort what was started.

Callers: `configurations/api.py`, the pages, the schedules, and whoever orchestrates (`orchestrating.py`), which calls `advance`. A
start freezes everything into one task instance; its steps become executions of the room below, one by one, in `advancing.py`.
"""

import asyncio
import hashlib
import json
import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Protocol

from sqlalchemy import Connection

from melanzana.access.records import Principal, PrincipalKind
from melanzana.catalog.service import CatalogService
from melanzana.clock import Clock
from melanzana.configurations import schedule_store, store
from melanzana.configurations.advancing import Advancing, EndListener
from melanzana.configurations.checking import check_draft
from melanzana.configurations.filtering import chosen
from melanzana.configurations.planning import Target, check_overrides, plan_step
from melanzana.configurations.records import (
    MAX_RETRIES,
    UNFINISHED,
    ConfigurationStep,
    Draft,
    PlannedStep,
    StartWish,
    StepStatus,
    TaskFilter,
    TaskInstance,
    TaskState,
    TaskStep,
    TestConfiguration,
)
from melanzana.configurations.resolving import Resolver, at_step
from melanzana.errors import ConflictError, KeyReusedError, MelanzanaError, RequestError
from melanzana.executions.service import ExecutionService
from melanzana.storage.database import Database


class Randomness(Protocol):
    """Where ids come from; `random.Random` is one."""

    def getrandbits(self, k: int) -> int: ...


class ConfigurationService:
    """Test configurations and their task instances, by realm."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        catalog: CatalogService,
        executions: ExecutionService,
        randomness: Randomness | None = None,
    ) -> None:
        self._database, self._clock, self._catalog = database, clock, catalog
        self._randomness = randomness or random.SystemRandom()
        self._listeners: list[EndListener] = []
        self._advancing = Advancing(database, clock, executions, self._listeners)
        #: Set whenever there is something new to advance; whoever orchestrates waits for it.
        self.news = asyncio.Event()

    def tell(self, listener: EndListener) -> None:
        """Call `listener` for every task instance that ends, in the transaction that stores its end."""
        self._listeners.append(listener)

    # --- configurations -----------------------------------------------------------------------------------------------------------

    async def list(self, realm: str, name: str | None = None) -> tuple[TestConfiguration, ...]:
        """Those of the realm, by name; with `name` the one that has it."""
        return await self._database.read(lambda tx: store.all_of(tx, realm, name))

    async def get(self, realm: str, configuration_id: str) -> TestConfiguration:
        """Raises NotFoundError."""
        return await self._database.read(lambda tx: store.find(tx, realm, configuration_id))

    async def create(self, principal: Principal, draft: Draft) -> TestConfiguration:
        """Raises RequestError naming the field, ConflictError when the name is taken."""
        draft = await self._checked(principal.realm, draft)
        now, by = self._clock.now(), acting_name(principal)
        configuration = TestConfiguration(
            id=self._new_id(),
            realm=principal.realm,
            draft=draft,
            revision=1,
            created_at=now,
            created_by=by,
            updated_at=now,
            updated_by=by,
        )
        await self._database.write(lambda tx: store.add(tx, configuration))
        return configuration

    async def replace(
        self, principal: Principal, configuration_id: str, draft: Draft, expected_revision: int | None = None
    ) -> TestConfiguration:
        """Give it other values, all at once. What was started goes on as it was.

        Raises NotFoundError, RequestError naming the field, ConflictError when the name is taken or `expected_revision` is past.
        """
        await self.get(principal.realm, configuration_id)
        draft = await self._checked(principal.realm, draft)

        def change(tx: Connection) -> TestConfiguration:
            before = store.find(tx, principal.realm, configuration_id)
            _expect(before, expected_revision)
            after = replace(
                before, draft=draft, revision=before.revision + 1, updated_at=self._clock.now(), updated_by=acting_name(principal)
            )
            store.change(tx, after, before.revision)
            return store.find(tx, principal.realm, configuration_id)

        return await self._database.write(change)

    async def delete(self, principal: Principal, configuration_id: str, expected_revision: int | None = None) -> None:
        """Forget it and its schedules; its task instances stay readable.

        Raises NotFoundError, and ConflictError while one is at work.
        """

        def change(tx: Connection) -> None:
            before = store.find(tx, principal.realm, configuration_id)
            _expect(before, expected_revision)
            wanted = TaskFilter(configuration_id=before.id, states=UNFINISHED, limit=1)
            running, _ = store.page(tx, principal.realm, wanted)
            if running:
                raise ConflictError(f"task instance {running[0].id} of it is at work; abort it first", state=running[0].state)
            schedule_store.remove_of(tx, before.id)
            store.remove(tx, before.id)

        await self._database.write(change)

    # --- task instances -----------------------------------------------------------------------------------------------------------

    async def start(self, principal: Principal, configuration_id: str, wish: StartWish, key: str | None = None) -> TaskInstance:
        """Freeze the configuration as it is now into a task instance and begin. The same start under the same key is one start.

        Raises NotFoundError, RequestError naming the field (also when the filter leaves no step), KeyReusedError.
        """
        _check_wish(wish)
        mark = hashlib.sha256(json.dumps([configuration_id, _plain(wish)], sort_keys=True).encode()).hexdigest()
        by = acting_name(principal)
        if key is not None:
            earlier = await self._database.read(lambda tx: _earlier(tx, (principal.realm, by, key), mark))
            if earlier is not None:
                return earlier
        configuration = await self.get(principal.realm, configuration_id)
        plans = await self._plans(configuration.realm, configuration.draft, wish)
        wish, before = await self._before(configuration, wish)
        fresh = self._instance(configuration, by, wish, plans, chosen(plans, wish.filter, before))

        def change(tx: Connection) -> TaskInstance:
            earlier = None if key is None else _earlier(tx, (principal.realm, by, key), mark)
            if earlier is None:
                store.add_instance(tx, fresh, key, mark)
            return earlier or store.find_instance(tx, principal.realm, fresh.id)

        instance = await self._database.write(change)
        self.news.set()
        return instance

    async def instance(self, realm: str, task_id: str) -> TaskInstance:
        """Raises NotFoundError."""
        return await self._database.read(lambda tx: store.find_instance(tx, realm, task_id))

    async def instances(self, realm: str, wanted: TaskFilter) -> tuple[tuple[TaskInstance, ...], int]:
        """One page, newest first, and how many there are on all pages."""
        return await self._database.read(lambda tx: store.page(tx, realm, wanted))

    async def abort(self, realm: str, task_id: str) -> TaskInstance:
        """Ask for the end of everything it has at work. Doing it again is no error.

        Raises NotFoundError, and ConflictError when it had ended in another way.
        """

        def change(tx: Connection) -> TaskInstance:
            before = store.find_instance(tx, realm, task_id)
            if before.state is TaskState.RUNNING:
                store.write_instance(tx, before, replace(before, state=TaskState.ABORTING, message="aborted on request"))
            elif before.state not in {TaskState.ABORTING, TaskState.CANCELLED}:
                raise ConflictError(f"the task instance has ended as {before.state}", state=before.state)
            return store.find_instance(tx, realm, task_id)

        instance = await self._database.write(change)
        self.news.set()
        return instance

    # --- for the orchestrator -----------------------------------------------------------------------------------------------------

    async def unfinished(self, most: int = 1_000) -> tuple[tuple[str, str], ...]:
        """Realm and id of task instances that have not ended, oldest first."""
        return await self._database.read(lambda tx: store.unfinished(tx, most))

    async def advance(self, realm: str, task_id: str) -> TaskInstance:
        """Do everything that can be done for it now; to be called again until it has ended. Raises NotFoundError."""
        return await self._advancing.advance(realm, task_id)

    # --- inside -------------------------------------------------------------------------------------------------------------------

    async def _checked(self, realm: str, draft: Draft) -> Draft:
        """The draft with its references resolved, every step of which could be executed now."""
        check_draft(draft)
        resolver = Resolver(self._catalog, realm)
        draft = await resolver.settled(draft)
        targets = [await resolver.target(step) for step in draft.steps]

        def check(_tx: Connection) -> None:
            for number, (step, target) in enumerate(zip(draft.steps, targets, strict=True)):
                try:
                    resolver.check(plan_step(step, draft, StartWish(), target), draft)
                except MelanzanaError as error:
                    raise at_step(number, error) from None

        await self._database.read(check)  # reading large models takes a while: off the event loop
        return draft

    async def _plans(self, realm: str, draft: Draft, wish: StartWish) -> tuple[PlannedStep, ...]:
        resolver = Resolver(self._catalog, realm)
        targets: list[tuple[ConfigurationStep, Target]] = []
        for number, step in enumerate(draft.steps):
            try:
                targets.append((step, await resolver.target(step)))
            except MelanzanaError as error:
                raise at_step(number, error) from None
        plans = tuple(plan_step(step, draft, wish, target) for step, target in targets)
        check_overrides(plans, [target.model for _, target in targets if target.model is not None], wish)
        return plans

    async def _before(self, configuration: TestConfiguration, wish: StartWish) -> tuple[StartWish, Mapping[str, StepStatus]]:
        """The wish with the previous task instance that its filter asks, and how the steps of that one ended."""
        if wish.previous is None and wish.filter.asks_before:
            newest = await self._database.read(lambda tx: store.newest_ended(tx, configuration.realm, configuration.id))
            wish = replace(wish, previous=newest)
        if wish.previous is None:
            return wish, {}
        previous = await self.instance(configuration.realm, wish.previous)
        if previous.configuration_id != configuration.id:
            raise RequestError("that task instance is of another test configuration", field="previous_task_instance_id")
        return wish, {step.plan.step.id: step.status for step in previous.steps}

    def _instance(
        self, configuration: TestConfiguration, by: str, wish: StartWish, plans: tuple[PlannedStep, ...], performed: Sequence[bool]
    ) -> TaskInstance:
        steps = (
            TaskStep(position=0, plan=plan, status=StepStatus.PENDING)
            if perform
            else TaskStep(position=0, plan=plan, status=StepStatus.UNTESTED, message="left out by the filter")
            for plan, perform in zip(plans, performed, strict=True)
        )
        return TaskInstance(
            id=self._new_id(),
            realm=configuration.realm,
            configuration_id=configuration.id,
            draft=configuration.draft,
            state=TaskState.RUNNING,
            steps=tuple(replace(step, position=position) for position, step in enumerate(steps)),
            retries=configuration.draft.retries if wish.retries is None else wish.retries,
            trigger=wish.trigger,
            revision=1,
            created_at=self._clock.now(),
            created_by=by,
            previous=wish.previous,
        )

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._randomness.getrandbits(128), version=4))


def acting_name(principal: Principal) -> str:
    """Under which name the caller's starts and changes are kept."""
    return principal.name if principal.kind is PrincipalKind.USER else principal.client_id


def _check_wish(wish: StartWish) -> None:
    if wish.retries is not None and not 0 <= wish.retries <= MAX_RETRIES:
        raise RequestError(f"retries is {wish.retries}; it may be 0 to {MAX_RETRIES}", field="retries")


def _plain(wish: StartWish) -> dict[str, Any]:
    words = asdict(wish.filter)
    return {**asdict(wish), "filter": {name: sorted(word) if isinstance(word, frozenset) else word for name, word in words.items()}}


def _expect(before: TestConfiguration, revision: int | None) -> None:
    if revision is not None and revision != before.revision:
        message = f"test configuration {before.id} was changed by {before.updated_by}; read it again and repeat the change"
        raise ConflictError(message, field="If-Match", state=before.revision)


def _earlier(tx: Connection, key: tuple[str, str, str], mark: str) -> TaskInstance | None:
    """The task instance that was started under this key. Raises KeyReusedError when it was asked for in other words."""
    found = store.find_key(tx, *key)
    if found is None:
        return None
    if found[0] != mark:
        raise KeyReusedError("this Idempotency-Key was used with another request; use a new key", field="Idempotency-Key")
    return store.find_instance(tx, key[0], found[1])

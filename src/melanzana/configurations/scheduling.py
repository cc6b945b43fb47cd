"""Schedules: keep them, and start what is due.

Every server calls `fire` again and again. A start that is due is made under a key of schedule and instant, so several servers, or
one that died in between, make it once; then the next instant is stored under the schedule's revision. Instants that passed while no
server was there are made up by one start, however many they were.
"""

import asyncio
import random
import uuid
from dataclasses import replace
from datetime import datetime

import structlog
from sqlalchemy import Connection

from melanzana.access.records import Principal, PrincipalKind
from melanzana.clock import Clock
from melanzana.configurations import schedule_store as store
from melanzana.configurations.checking import check_name
from melanzana.configurations.schedule_records import Schedule, ScheduleDraft
from melanzana.configurations.service import ConfigurationService, Randomness, acting_name
from melanzana.configurations.timing import check_timing, next_due, upcoming
from melanzana.errors import ConflictError, MelanzanaError, UnavailableError
from melanzana.storage.database import Database

_log = structlog.get_logger("melanzana.configurations")
FIRE_SECONDS = 1.0
_MOST = 100  #: schedules looked at at a time
_SHOWN = 500  #: instants of one schedule in a calendar


class ScheduleService:
    """The schedules of test configurations, by realm."""

    def __init__(
        self, database: Database, clock: Clock, configurations: ConfigurationService, randomness: Randomness | None = None
    ) -> None:
        self._database, self._clock, self._configurations = database, clock, configurations
        self._randomness = randomness or random.SystemRandom()

    async def list(self, realm: str, configuration_id: str | None = None) -> tuple[Schedule, ...]:
        """Those of the realm, or of one of its configurations, by name."""
        return await self._database.read(lambda tx: store.all_of(tx, realm, configuration_id))

    async def get(self, realm: str, schedule_id: str) -> Schedule:
        """Raises NotFoundError."""
        return await self._database.read(lambda tx: store.find(tx, realm, schedule_id))

    async def create(self, principal: Principal, draft: ScheduleDraft) -> Schedule:
        """Raises NotFoundError for an unknown configuration, RequestError naming the field."""
        await self._check(principal.realm, draft)
        now = self._clock.now()
        schedule = Schedule(
            id=str(uuid.UUID(int=self._randomness.getrandbits(128), version=4)),
            realm=principal.realm,
            draft=draft,
            due_at=next_due(draft.timing, now),
            last_task=None,
            last_message="",
            revision=1,
            created_at=now,
            created_by=acting_name(principal),
        )
        await self._database.write(lambda tx: store.add(tx, schedule))
        return schedule

    async def replace(
        self, principal: Principal, schedule_id: str, draft: ScheduleDraft, expected_revision: int | None = None
    ) -> Schedule:
        """Give it other values, all at once. Raises NotFoundError, RequestError, ConflictError."""
        before = await self.get(principal.realm, schedule_id)
        _expect(before, expected_revision)
        await self._check(principal.realm, draft)
        after = replace(before, draft=draft, due_at=next_due(draft.timing, self._clock.now()), created_by=acting_name(principal))

        def change(tx: Connection) -> Schedule:
            if not store.change(tx, after, before.revision):
                raise ConflictError("the schedule was changed meanwhile; read it again and repeat the change", field="If-Match")
            return store.find(tx, principal.realm, schedule_id)

        return await self._database.write(change)

    async def delete(self, realm: str, schedule_id: str) -> None:
        """Forget it; what it started stays. Raises NotFoundError."""

        def change(tx: Connection) -> None:
            store.remove(tx, store.find(tx, realm, schedule_id).id)

        await self._database.write(change)

    async def calendar(self, realm: str, after: datetime, until: datetime) -> tuple[tuple[datetime, Schedule], ...]:
        """When the enabled schedules of the realm are due between two instants, in order."""
        found = [
            (due, schedule)
            for schedule in await self.list(realm)
            if schedule.draft.enabled
            for due in upcoming(schedule.draft.timing, after, until, _SHOWN)
        ]
        return tuple(sorted(found, key=lambda entry: (entry[0], entry[1].draft.name)))

    async def fire(self) -> int:
        """Start everything that is due now; how many task instances that were."""
        now = self._clock.now()
        waiting = await self._database.read(lambda tx: store.due(tx, now, _MOST))
        return sum([await self._fire(schedule, now) for schedule in waiting])

    async def run(self) -> None:
        """Fire again and again, until cancelled; what fails is logged and tried again."""
        while True:
            try:
                await self.fire()
            except Exception as error:
                _log.error("starting what is due failed", error=str(error))
            await asyncio.sleep(FIRE_SECONDS)

    async def _fire(self, schedule: Schedule, now: datetime) -> int:
        assert schedule.due_at is not None
        wish = replace(schedule.draft.wish, trigger=f"schedule {schedule.draft.name}")
        key = f"schedule:{schedule.id}:{schedule.due_at.isoformat()}"
        task, message = None, ""
        try:
            task = await self._configurations.start(_principal(schedule), schedule.draft.configuration_id, wish, key)
        except UnavailableError:
            return 0  # later: it is due still
        except MelanzanaError as error:
            message = error.message
            _log.warning("a scheduled start was refused", schedule=schedule.id, reason=message)
        after = replace(
            schedule,
            due_at=next_due(schedule.draft.timing, now),
            last_task=schedule.last_task if task is None else task.id,
            last_message=message,
        )
        stored = await self._database.write(lambda tx: store.change(tx, after, schedule.revision))
        return int(stored and task is not None)

    async def _check(self, realm: str, draft: ScheduleDraft) -> None:
        check_name(draft.name, "name")
        check_timing(draft.timing)
        await self._configurations.get(realm, draft.configuration_id)


def _expect(before: Schedule, revision: int | None) -> None:
    if revision is not None and revision != before.revision:
        raise ConflictError("the schedule was changed meanwhile; read it again and repeat the change", field="If-Match")


def _principal(schedule: Schedule) -> Principal:
    """In whose name it starts: that of who made or last changed it."""
    return Principal(
        realm=schedule.realm,
        kind=PrincipalKind.API_CLIENT,
        client_id=schedule.created_by,
        subject="",
        name=schedule.created_by,
        scopes=frozenset(),
    )

"""Schedules start what is due, once."""

from datetime import UTC, datetime, timedelta

import pytest

from melanzana.configurations.records import StartWish, TaskFilter
from melanzana.configurations.schedule_records import ScheduleDraft
from melanzana.configurations.scheduling import ScheduleService
from melanzana.configurations.timing import Timing
from melanzana.errors import ConflictError, NotFoundError, RequestError, UnavailableError
from support_configurations import Desk, draft, open_desk
from support_executions import CLIENT, REALM

pytestmark = pytest.mark.anyio
HOURLY = Timing(cron="0 * * * *")


def keeper(desk: Desk) -> ScheduleService:
    return ScheduleService(desk.world.database, desk.world.clock, desk.service, desk.world.seeds)


@pytest.fixture
async def desk() -> Desk:
    return await open_desk()


async def scheduled(desk: Desk, timing: Timing = HOURLY, **fields: object) -> str:
    """Makes a configuration and a schedule of it; the id of the configuration."""
    configuration = await desk.service.create(CLIENT, draft())
    made = ScheduleDraft(name="hourly", configuration_id=configuration.id, timing=timing, **fields)  # type: ignore[arg-type]
    await keeper(desk).create(CLIENT, made)
    return configuration.id


async def started(desk: Desk) -> int:
    return (await desk.service.instances(REALM, TaskFilter()))[1]


async def test_what_is_due_is_started_once_by_several_servers(desk: Desk) -> None:
    """Two servers fire at the same instant: one task instance, in the name of who made the schedule."""
    await scheduled(desk)
    servers = (keeper(desk), keeper(desk))
    for hours in (1, 2):
        desk.world.clock.advance(3600)
        for server in (*servers, *servers):
            await server.fire()
        assert await started(desk) == hours
    (newest, *_), _ = await desk.service.instances(REALM, TaskFilter())
    assert (newest.trigger, newest.created_by) == ("schedule hourly", CLIENT.client_id)
    (schedule,) = await servers[0].list(REALM)
    assert (schedule.last_task, schedule.due_at) == (newest.id, desk.world.clock.now() + timedelta(hours=1))


async def test_a_server_that_dies_between_start_and_note_starts_nothing_twice(desk: Desk) -> None:
    """The start was made, its note was not: the next look finds the same start under its key."""
    await scheduled(desk)
    desk.world.clock.advance(3600)
    real = desk.service.start

    async def dies_after(*arguments: object, **named: object) -> object:
        await real(*arguments, **named)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    desk.service.start = dies_after  # type: ignore[method-assign,assignment]
    with pytest.raises(KeyboardInterrupt):
        await keeper(desk).fire()
    desk.service.start = real  # type: ignore[method-assign]
    await keeper(desk).fire()
    await keeper(desk).fire()
    assert await started(desk) == 1


async def test_missed_instants_are_made_up_by_one_start(desk: Desk) -> None:
    """No server for three days: one start, and then the next hour."""
    await scheduled(desk)
    desk.world.clock.advance(3 * 24 * 3600 + 60)
    for _ in range(3):
        await keeper(desk).fire()
    assert await started(desk) == 1
    (schedule,) = await keeper(desk).list(REALM)
    assert schedule.due_at == datetime(2030, 1, 4, 1, tzinfo=UTC)


async def test_once_is_started_once_and_a_disabled_one_never(desk: Desk) -> None:
    """After that nothing is due any more."""
    await scheduled(desk, Timing(at=desk.world.clock.now() + timedelta(minutes=5)))
    configuration = (await desk.service.list(REALM))[0].id
    off = ScheduleDraft(name="off", configuration_id=configuration, timing=HOURLY, enabled=False)
    await keeper(desk).create(CLIENT, off)
    for _ in range(3):
        desk.world.clock.advance(3600)
        await keeper(desk).fire()
    assert await started(desk) == 1
    assert {schedule.draft.name: schedule.due_at is None for schedule in await keeper(desk).list(REALM)} == {
        "hourly": True,
        "off": False,
    }


async def test_a_refused_start_says_why_and_a_full_server_is_asked_again(desk: Desk) -> None:
    """A variable that is gone stays as a message; a database that does not answer delays the start."""
    await scheduled(desk, wish=StartWish(parameters={"colour": "red"}))
    desk.world.clock.advance(3600)
    await keeper(desk).fire()
    (schedule,) = await keeper(desk).list(REALM)
    assert ("no step has a variable 'colour'" in schedule.last_message, await started(desk)) == (True, 0)
    real = desk.service.start

    async def unavailable(*arguments: object, **named: object) -> object:
        raise UnavailableError("not now")

    after = await keeper(desk).replace(
        CLIENT, schedule.id, ScheduleDraft(name="hourly", configuration_id=schedule.draft.configuration_id, timing=HOURLY)
    )
    desk.world.clock.advance(3600)
    desk.service.start = unavailable  # type: ignore[method-assign,assignment]
    assert await keeper(desk).fire() == 0
    assert (await keeper(desk).get(REALM, after.id)).due_at == after.due_at
    desk.service.start = real  # type: ignore[method-assign]
    assert await keeper(desk).fire() == 1


async def test_a_calendar_shows_what_is_to_come(desk: Desk) -> None:
    """In order, of enabled schedules only."""
    await scheduled(desk)
    now = desk.world.clock.now()
    entries = await keeper(desk).calendar(REALM, now, now + timedelta(hours=3))
    assert [due - now for due, _ in entries] == [timedelta(hours=hours) for hours in (1, 2, 3)]


async def test_a_schedule_goes_with_its_configuration_and_changes_under_its_revision(desk: Desk) -> None:
    """Unknown configurations and wrong times are refused; a past revision too; a forgotten configuration takes it along."""
    configuration = await scheduled(desk)
    (schedule,) = await keeper(desk).list(REALM)
    with pytest.raises(NotFoundError):
        await keeper(desk).create(CLIENT, ScheduleDraft(name="x", configuration_id="nothing", timing=HOURLY))
    with pytest.raises(RequestError):
        await keeper(desk).replace(CLIENT, schedule.id, ScheduleDraft(name="x", configuration_id=configuration, timing=Timing()))
    changed = await keeper(desk).replace(CLIENT, schedule.id, schedule.draft, schedule.revision)
    with pytest.raises(ConflictError):
        await keeper(desk).replace(CLIENT, changed.id, schedule.draft, schedule.revision)
    await desk.service.delete(CLIENT, configuration)
    assert await keeper(desk).list(REALM) == ()

"""`/task_scheduler_service/api/v1/schedules`: when test configurations are started by themselves."""

import re
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.clock import Clock
from melanzana.configurations.schedule_records import Schedule, ScheduleDraft
from melanzana.configurations.scheduling import ScheduleService
from melanzana.configurations.shapes import Text, Word
from melanzana.configurations.task_shapes import StartBody
from melanzana.configurations.timing import Timing
from melanzana.errors import RequestError
from melanzana.web.answers import answers, problem
from melanzana.web.inputs import Instant, YesNo

PREFIX = "/task_scheduler_service/api/v1/schedules"
_UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_ScheduleId = Annotated[str, Path(pattern=_UUID, description="`id` of the schedule.")]
_IfMatch = Annotated[str | None, Header(alias="If-Match", max_length=64, description="The ETag of the schedule as it was read.")]
_CHANGES = answers(400, 401, 403, 404, 409, 413, 415, 422, 503)
#: Longest stretch of a calendar.
_MOST_DAYS = 400


class ScheduleBody(BaseModel):
    """When and what. Give `at` for once, or `cron` for again and again."""

    model_config = ConfigDict(extra="forbid")

    name: Word = Field(max_length=100)
    test_config_id: Annotated[str, StringConstraints(pattern=_UUID)]
    at: Instant | None = Field(None, description="Once, at this instant.")
    cron: Text | None = Field(None, description="Minute, hour, day of month, month, day of week.", examples=["30 2 * * MON-FRI"])
    time_zone: Text = Field("UTC", description="Of `cron`: a name of the IANA database.", examples=["Europe/Rome"])
    enabled: YesNo = True
    start: StartBody | None = Field(None, description="As the body of a start.")

    def draft(self) -> ScheduleDraft:
        """Raises RequestError for a filter that cannot be."""
        return ScheduleDraft(
            name=self.name,
            configuration_id=self.test_config_id.lower(),
            timing=Timing(at=self.at, cron=self.cron or None, time_zone=self.time_zone),
            enabled=self.enabled,
            wish=(self.start or StartBody.model_validate({})).wish(),
        )


class ScheduleItem(BaseModel):
    """A schedule; its ETag is the revision."""

    id: str
    name: str
    test_config_id: str
    at: datetime | None
    cron: str | None
    time_zone: str
    enabled: bool
    due_at: datetime | None = Field(description="When it is started next; null: never again.")
    last_task_instance_id: str | None
    last_message: str = Field(description="Why the last start was refused; empty when it was not.")
    revision: int
    created_at: datetime
    created_by: str = Field(description="In whose name it starts.")


class ScheduleListAnswer(BaseModel):
    items: list[ScheduleItem]
    total_count: int


class CalendarEntry(BaseModel):
    """One start to come."""

    due_at: datetime
    schedule_id: str
    name: str
    test_config_id: str


class CalendarAnswer(BaseModel):
    items: list[CalendarEntry]


class ScheduleListQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    test_config_id: Annotated[str, StringConstraints(pattern=_UUID)] | None = Field(
        None, description="Only of this test configuration."
    )


class CalendarQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    days: int = Field(7, ge=1, le=_MOST_DAYS, description="How far to look ahead.")


def router(service: ScheduleService, gate: Gate, clock: Clock) -> APIRouter:
    """The routes over `service`."""
    routes = APIRouter(prefix=PREFIX, tags=["Schedules"])
    may_read = Annotated[Principal, Depends(gate.requires(Scope.CONFIGURATIONS_READ))]
    may_write = Annotated[Principal, Depends(gate.requires(Scope.CONFIGURATIONS_WRITE))]

    @routes.get("", responses=answers(401, 403, 422, 503))
    async def list_schedules(principal: may_read, query: Annotated[ScheduleListQuery, Query()]) -> ScheduleListAnswer:
        """The schedules of the realm, by name."""
        found = await service.list(principal.realm, query.test_config_id)
        return ScheduleListAnswer(items=[_item(one) for one in found], total_count=len(found))

    @routes.get("/calendar", responses=answers(401, 403, 422, 503))
    async def get_calendar(principal: may_read, query: Annotated[CalendarQuery, Query()]) -> CalendarAnswer:
        """What will be started in the next days, in order."""
        now = clock.now()
        entries = await service.calendar(principal.realm, now, now + timedelta(days=query.days))
        return CalendarAnswer(
            items=[
                CalendarEntry(due_at=due, schedule_id=one.id, name=one.draft.name, test_config_id=one.draft.configuration_id)
                for due, one in entries
            ]
        )

    @routes.api_route("/calendar", methods=["PUT", "DELETE"], include_in_schema=False)
    async def calendar_is_no_schedule() -> Response:
        """Else the word would be taken for the id of one."""
        answer = problem(405, "method_not_allowed", "This address knows other methods.")
        answer.headers["Allow"] = "GET"
        return answer

    @routes.post("", status_code=201, responses=_CHANGES)
    async def create_schedule(principal: may_write, body: ScheduleBody, response: Response) -> ScheduleItem:
        """Start a test configuration by itself, once or again and again, in the caller's name."""
        made = await service.create(principal, body.draft())
        response.headers.update({"Location": f"{PREFIX}/{made.id}", "ETag": f'"{made.revision}"'})
        return _item(made)

    @routes.get("/{schedule_id}", responses=answers(401, 403, 404, 422, 503))
    async def get_schedule(principal: may_read, schedule_id: _ScheduleId, response: Response) -> ScheduleItem:
        """One schedule."""
        found = await service.get(principal.realm, schedule_id)
        response.headers["ETag"] = f'"{found.revision}"'
        return _item(found)

    @routes.put("/{schedule_id}", responses=_CHANGES)
    async def replace_schedule(
        principal: may_write, schedule_id: _ScheduleId, body: ScheduleBody, response: Response, if_match: _IfMatch = None
    ) -> ScheduleItem:
        """Give it other values, all at once; from then on it starts in the caller's name."""
        await service.get(principal.realm, schedule_id)
        changed = await service.replace(principal, schedule_id, body.draft(), _revision(if_match))
        response.headers["ETag"] = f'"{changed.revision}"'
        return _item(changed)

    @routes.delete("/{schedule_id}", status_code=204, responses=answers(401, 403, 404, 422, 503))
    async def delete_schedule(principal: may_write, schedule_id: _ScheduleId) -> None:
        """Forget it; what it started stays."""
        await service.delete(principal.realm, schedule_id)

    return routes


def _item(schedule: Schedule) -> ScheduleItem:
    draft = schedule.draft
    same = ("id", "due_at", "last_message", "revision", "created_at", "created_by")
    return ScheduleItem(
        **{name: getattr(schedule, name) for name in same},
        name=draft.name,
        test_config_id=draft.configuration_id,
        at=draft.timing.at,
        cron=draft.timing.cron,
        time_zone=draft.timing.time_zone,
        enabled=draft.enabled,
        last_task_instance_id=schedule.last_task,
    )


def _revision(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    found = re.fullmatch(r'(?:W/)?"(\d{1,18})"', if_match.strip())
    if found is None:
        raise RequestError("If-Match must be one ETag as a GET of this schedule gave it, in its quotes", field="If-Match")
    return int(found[1])

"""`/notification_service/api/v1` and `/ai/smtp`: who is told how test configurations ended, and the mail server for it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.notifications.records import Delivery, DeliveryState, MailSettings, Profile, ProfileDraft, ProfileKind
from melanzana.notifications.service import NotificationService
from melanzana.web.answers import answers
from melanzana.web.inputs import YesNo

PREFIX = "/notification_service/api/v1"
_Text = Annotated[str, StringConstraints(max_length=20_000, pattern=r"^[^\x00]*$")]
_ProfileId = Annotated[
    str, Path(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", description="`id` of the profile.")
]
_CHANGES = answers(400, 401, 403, 404, 409, 413, 415, 422, 503)


class ProfileBody(BaseModel):
    """A webhook has `url`, an e-mail profile `recipients`."""

    model_config = ConfigDict(extra="forbid")

    name: _Text = Field(description="Unique in the realm; test configurations name it in `notify`.")
    type: ProfileKind
    enabled: YesNo = True
    always: YesNo = Field(default=False, description="true: for every test configuration of the realm.")
    only_problems: YesNo = Field(default=False, description="true: not for those that passed without a flaky step.")
    url: _Text = ""
    method: Literal["POST", "PUT", "PATCH"] = "POST"
    headers: dict[_Text, _Text] = Field(
        {}, description="Kept sealed; an answer shows the names alone. In a change, an empty value keeps the one that is there."
    )
    content: _Text = Field("", description="Template of the body, with places like `{{result-status}}`; empty: the standard one.")
    recipients: list[_Text] = Field([], max_length=50)

    def draft(self) -> ProfileDraft:
        values = self.model_dump(exclude={"type", "recipients"})
        return ProfileDraft(**values, kind=self.type, recipients=tuple(self.recipients))


class ProfileItem(BaseModel):
    """A profile without the values of its headers."""

    id: str
    name: str
    type: ProfileKind
    enabled: bool
    always: bool
    only_problems: bool
    url: str
    method: str
    headers: list[str] = Field(description="Names of the headers that are set.")
    content: str
    recipients: list[str]
    created_at: datetime
    created_by: str


class NewProfile(ProfileItem):
    secret: str = Field(description="Signs the webhooks (Standard Webhooks); shown this once.")


class ProfileListAnswer(BaseModel):
    items: list[ProfileItem]
    total_count: int


class DeliveryItem(BaseModel):
    """One message for one profile; `id` is its `webhook-id`."""

    id: str
    profile_id: str
    state: DeliveryState
    tries: int
    message: str = Field(description="Why the last try failed.")
    facts: dict[str, Any]
    created_at: datetime
    due_at: datetime = Field(description="When it is tried next, while it waits.")
    ended_at: datetime | None


class DeliveryListAnswer(BaseModel):
    items: list[DeliveryItem]
    total_count: int


class PageQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=200)
    offset: int = Field(0, ge=0, le=2**53)


class MailBody(BaseModel):
    """The mail server of the realm."""

    model_config = ConfigDict(extra="forbid")

    host: _Text
    port: StrictInt = Field(587, ge=1, le=65_535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: _Text = ""
    password: _Text = Field("", description="Kept sealed and never given back; empty keeps the one that is there.")
    sender: _Text = Field(description="From whom e-mails come.")


class MailAnswer(BaseModel):
    """The mail server without its password."""

    configured: bool = Field(description="Whether e-mails can be sent.")
    host: str
    port: int
    security: str
    username: str
    has_password: bool
    sender: str


def router(service: NotificationService, gate: Gate) -> APIRouter:
    """The routes over `service`."""
    routes = APIRouter(tags=["Notifications"])
    _add_profiles(routes, service, gate)
    _add_mail(routes, service, gate)
    return routes


def _add_profiles(routes: APIRouter, service: NotificationService, gate: Gate) -> None:
    may_manage = Annotated[Principal, Depends(gate.requires(Scope.NOTIFICATIONS_MANAGE))]
    profiles = f"{PREFIX}/profiles"

    @routes.get(profiles, responses=answers(401, 403, 503))
    async def list_profiles(principal: may_manage) -> ProfileListAnswer:
        """The profiles of the realm, by name."""
        found = await service.list(principal.realm)
        return ProfileListAnswer(items=[ProfileItem(**_profile(one)) for one in found], total_count=len(found))

    @routes.post(profiles, status_code=201, responses=_CHANGES)
    async def create_profile(principal: may_manage, body: ProfileBody, response: Response) -> NewProfile:
        """Make a profile. The answer alone has the secret that signs its webhooks."""
        made, secret = await service.create(principal, body.draft())
        response.headers.update({"Location": f"{profiles}/{made.id}", "Cache-Control": "no-store"})
        return NewProfile(**_profile(made), secret=secret)

    @routes.get(f"{profiles}/{{profile_id}}", responses=answers(401, 403, 404, 422, 503))
    async def get_profile(principal: may_manage, profile_id: _ProfileId) -> ProfileItem:
        """One profile."""
        return ProfileItem(**_profile(await service.get(principal.realm, profile_id)))

    @routes.put(f"{profiles}/{{profile_id}}", responses=_CHANGES)
    async def replace_profile(principal: may_manage, profile_id: _ProfileId, body: ProfileBody) -> ProfileItem:
        """Give it other values, all at once; its secret stays."""
        return ProfileItem(**_profile(await service.replace(principal, profile_id, body.draft())))

    @routes.delete(f"{profiles}/{{profile_id}}", status_code=204, responses=answers(401, 403, 404, 422, 503))
    async def delete_profile(principal: may_manage, profile_id: _ProfileId) -> None:
        """Forget it, with what was on its way."""
        await service.delete(principal, profile_id)

    @routes.post(f"{profiles}/{{profile_id}}/test", status_code=204, responses=answers(401, 403, 404, 422, 503))
    async def test_profile(principal: may_manage, profile_id: _ProfileId) -> None:
        """Send an example now; 422 says what went wrong."""
        await service.test(principal.realm, profile_id)

    @routes.get(f"{PREFIX}/deliveries", responses=answers(401, 403, 422, 503))
    async def list_deliveries(principal: may_manage, query: Annotated[PageQuery, Query()]) -> DeliveryListAnswer:
        """What was sent and what is on its way, newest first."""
        found, total = await service.deliveries(principal.realm, query.limit, query.offset)
        return DeliveryListAnswer(items=[_delivery(one) for one in found], total_count=total)


def _add_mail(routes: APIRouter, service: NotificationService, gate: Gate) -> None:
    may_manage = Annotated[Principal, Depends(gate.requires(Scope.NOTIFICATIONS_MANAGE))]

    @routes.get("/ai/smtp", responses=answers(401, 403, 503))
    async def get_mail_server(principal: may_manage) -> MailAnswer:
        """The mail server of the realm; `configured` false when there is none."""
        return _mail(await service.mail_settings(principal.realm))

    @routes.put("/ai/smtp", responses=answers(400, 401, 403, 413, 415, 422, 503))
    async def set_mail_server(principal: may_manage, body: MailBody) -> MailAnswer:
        """Set the mail server that notifications go through."""
        return _mail(await service.set_mail(principal, MailSettings(**body.model_dump())))


def _profile(profile: Profile) -> dict[str, Any]:
    draft = profile.draft
    same = ("name", "enabled", "always", "only_problems", "url", "method", "content")
    return {
        **{name: getattr(draft, name) for name in same},
        "id": profile.id,
        "type": draft.kind,
        "headers": sorted(draft.headers),
        "recipients": list(draft.recipients),
        "created_at": profile.created_at,
        "created_by": profile.created_by,
    }


def _delivery(delivery: Delivery) -> DeliveryItem:
    values = {name: getattr(delivery, name) for name in DeliveryItem.model_fields}
    return DeliveryItem(**{**values, "facts": dict(delivery.facts)})


def _mail(settings: MailSettings | None) -> MailAnswer:
    shown = settings or MailSettings(host="")
    names = ("host", "port", "security", "username", "sender")
    return MailAnswer(
        configured=settings is not None, has_password=bool(shown.password), **{name: getattr(shown, name) for name in names}
    )

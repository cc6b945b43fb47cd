"""Notifications: on their way with the end, sent at least once, given up visibly."""

import json
from dataclasses import replace
from email.message import EmailMessage

import pytest

from melanzana.audit.service import AuditService
from melanzana.errors import ConflictError, NotFoundError, RequestError
from melanzana.notifications import signing
from melanzana.notifications.records import PAUSES, DeliveryState, MailSettings, ProfileDraft, ProfileKind
from melanzana.notifications.sending import HttpMessage, SendingFailed
from melanzana.notifications.service import NotificationService
from melanzana.realms.master_key import MasterKey
from support_configurations import Desk, draft, open_desk
from support_executions import CLIENT, REALM

pytestmark = pytest.mark.anyio
HOOK = ProfileDraft(name="chat", kind=ProfileKind.WEBHOOK, url="https://hooks.example.org/ci", headers={"X-Token": "canary-7"})


class Outside:
    """A sender that keeps what it was given, and fails as often as it was told."""

    def __init__(self) -> None:
        self.posts: list[HttpMessage] = []
        self.mails: list[tuple[MailSettings, EmailMessage]] = []
        self.failures = 0

    async def post(self, message: HttpMessage) -> None:
        self._fail()
        self.posts.append(message)

    async def mail(self, settings: MailSettings, message: EmailMessage) -> None:
        self._fail()
        self.mails.append((settings, message))

    def _fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise SendingFailed("hooks.example.org answered 500")


class House:
    """Configurations, notifications, and the outside."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.outside = desk, Outside()
        world = desk.world
        audit = AuditService(world.database, world.clock)
        master = MasterKey(b"m" * 32)
        self.service = NotificationService(world.database, world.clock, master, audit, self.outside, "https://m.example.org")
        desk.service.tell(self.service.on_end)

    async def ended(self, verdict: str = "passed", **fields: object) -> str:
        """A task that has come to its end; its id."""
        return (await self.desk.perform(await self.desk.started(draft(**fields)), verdict)).id


@pytest.fixture
async def house() -> House:
    return House(await open_desk())


async def test_a_webhook_is_signed_and_says_how_it_ended(house: House) -> None:
    """The body has the names of the original, the signature fits the secret that was shown once, the headers come along."""
    _, secret = await house.service.create(CLIENT, HOOK)
    task = await house.ended("failed", notify=("chat",))
    assert await house.service.deliver() == 1
    (message,) = house.outside.posts
    body = json.loads(message.body)
    assert (body["type"], body["result-status"], body["test-configurations"]) == ("test-run-completed", "Failed", "nightly")
    assert body["result-url"].startswith("https://m.example.org/test-configs/")
    assert body["result-url"].endswith(task)
    assert "it failed" in body["problems"]
    at = house.desk.world.clock.now()
    signed = signing.signature_headers(signing.read(secret), message.headers["webhook-id"], at, message.body)
    assert {name: message.headers[name] for name in signed} == signed
    assert (message.headers["X-Token"], message.headers["Content-Type"]) == ("canary-7", "application/json")
    assert await house.service.deliver() == 0


async def test_who_is_told_follows_from_profile_and_configuration(house: House) -> None:
    """Named ones, and those for everything; only problems; not disabled ones."""
    for made in (
        HOOK,
        replace(HOOK, name="everything", always=True),
        replace(HOOK, name="problems", always=True, only_problems=True),
        replace(HOOK, name="off", always=True, enabled=False),
    ):
        await house.service.create(CLIENT, made)
    await house.ended("passed")
    await house.ended("failed", name="other", notify=("chat", "nobody"))
    found, total = await house.service.deliveries(REALM)
    names = {profile.id: profile.draft.name for profile in await house.service.list(REALM)}
    assert total == 4
    assert sorted(names[one.profile_id] for one in found) == ["chat", "everything", "everything", "problems"]


async def test_a_failed_try_is_made_again_and_then_given_up(house: House) -> None:
    """Always under the same id; the message of the last failure is kept; after the last pause it is given up."""
    await house.service.create(CLIENT, HOOK)
    await house.ended(notify=("chat",))
    house.outside.failures = 1
    assert await house.service.deliver() == 1
    assert await house.service.deliver() == 0
    house.desk.world.clock.advance(PAUSES[0].total_seconds())
    await house.service.deliver()
    ((sent,), _) = await house.service.deliveries(REALM)
    assert (sent.state, sent.tries, house.outside.posts[0].headers["webhook-id"]) == (DeliveryState.DELIVERED, 2, sent.id)
    await house.ended(name="other", notify=("chat",))
    house.outside.failures = 100
    for _ in range(len(PAUSES) + 3):
        await house.service.deliver()
        house.desk.world.clock.advance(PAUSES[-1].total_seconds())
    given_up, _ = await house.service.deliveries(REALM)
    assert (given_up[0].state, given_up[0].tries, given_up[0].message) == (
        DeliveryState.FAILED,
        len(PAUSES) + 1,
        "hooks.example.org answered 500",
    )


async def test_two_servers_send_it_once_while_nothing_fails(house: House) -> None:
    """A try belongs to the server that stored it."""
    await house.service.create(CLIENT, HOOK)
    await house.ended(notify=("chat",))
    other = House(house.desk).service
    other._sender = house.outside  # the same outside world
    for server in (house.service, other, house.service):
        await server.deliver()
    assert len(house.outside.posts) == 1


async def test_secrets_are_sealed_and_never_shown_again(house: House) -> None:
    """Neither the answers nor the database hold a header's value or the signing secret; a change keeps what it does not name."""
    made, secret = await house.service.create(CLIENT, HOOK)
    assert made.draft.headers == {"X-Token": ""}
    database = await house.desk.world.database.read(lambda tx: bytes(tx.connection.driver_connection.serialize()))  # type: ignore[union-attr]
    assert b"canary-7" not in database
    assert secret.encode() not in database
    await house.service.replace(CLIENT, made.id, replace(HOOK, headers={"X-Token": "", "X-More": "1"}))
    await house.ended(notify=("chat",))
    await house.service.deliver()
    assert house.outside.posts[0].headers["X-Token"] == "canary-7"


async def test_an_email_needs_a_mail_server_and_says_what_went_wrong(house: House) -> None:
    """Without one the delivery waits with the reason; with one it is a plain text with the address of the result."""
    recipients = ProfileDraft(name="team", kind=ProfileKind.EMAIL, recipients=("ada@example.org", "bob@example.org"))
    made, _ = await house.service.create(CLIENT, recipients)
    with pytest.raises(RequestError, match="no mail server"):
        await house.service.test(REALM, made.id)
    await house.service.set_mail(CLIENT, MailSettings(host="mail.example.org", username="m", password="p", sender="m@example.org"))
    await house.service.set_mail(CLIENT, MailSettings(host="mail.example.org", port=25, username="m", sender="m@example.org"))
    await house.ended("failed", notify=("team",))
    await house.service.deliver()
    ((settings, message),) = house.outside.mails
    assert (settings.password, settings.port, message["To"]) == ("p", 25, "ada@example.org, bob@example.org")
    assert message["Subject"] == "Failed: nightly"
    assert "https://m.example.org/test-configs/" in message.get_content()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"method": "GET"}, "method"),
        ({"headers": {"Host": "x"}}, "headers"),
        ({"headers": {"webhook-id": "x"}}, "headers"),
        ({"headers": {"X-A": "a\r\nX-B: b"}}, "headers.X-A"),
        ({"content": "{{colour}}"}, "content"),
        ({"recipients": ("ada@example.org",)}, "recipients"),
        ({"kind": ProfileKind.EMAIL, "url": "", "headers": {}, "recipients": ()}, "recipients"),
        ({"kind": ProfileKind.EMAIL, "url": "", "headers": {}, "recipients": ("a\nBcc: b@x.org",)}, "recipients.0"),
    ],
)
async def test_a_wrong_profile_is_refused_by_field(house: House, change: dict[str, object], field: str) -> None:
    """Nothing that could change a request or a message from inside is kept."""
    with pytest.raises(RequestError) as caught:
        await house.service.create(CLIENT, replace(HOOK, **change))  # type: ignore[arg-type]
    assert caught.value.detail["field"] == field


async def test_profiles_are_made_and_forgotten_under_their_names(house: House) -> None:
    """A taken name is refused; a forgotten profile is not found, and its deliveries go with it."""
    made, _ = await house.service.create(CLIENT, HOOK)
    with pytest.raises(ConflictError):
        await house.service.create(CLIENT, HOOK)
    await house.ended(notify=("chat",))
    await house.service.delete(CLIENT, made.id)
    with pytest.raises(NotFoundError):
        await house.service.get(REALM, made.id)
    assert (await house.service.deliveries(REALM))[1] == 0

"""The verbs of notifications: profiles and mail servers for administrators, deliveries for the server.

`on_end` is told of each task instance that ends, inside the transaction of the end: a message is on its way exactly when the end is
stored. `deliver` sends what is due; each try is stored before it is made, so a server that is killed sends again and never forgets.
A receiver sees a message at least once, always under the same `webhook-id`.
"""

import asyncio
import json
import random
import uuid
from collections.abc import Mapping
from dataclasses import asdict, replace
from email.message import EmailMessage
from secrets import token_bytes
from typing import Any, Protocol

import structlog
from sqlalchemy import Connection

from melanzana.access.records import Actor, Principal
from melanzana.audit.records import Action, AuditEntry
from melanzana.audit.service import AuditService
from melanzana.clock import Clock
from melanzana.configurations.records import TaskInstance
from melanzana.errors import NotFoundError, RequestError
from melanzana.notifications import signing, store
from melanzana.notifications.checking import check_mail, check_profile
from melanzana.notifications.records import PAUSES, Delivery, DeliveryState, MailSettings, Profile, ProfileDraft, ProfileKind
from melanzana.notifications.sending import HttpMessage, Sender, SendingFailed
from melanzana.notifications.wording import body_of, facts_of, is_problem, mail_of
from melanzana.realms.master_key import MasterKey
from melanzana.storage.database import Database

_log = structlog.get_logger("melanzana.notifications")
DELIVER_SECONDS = 1.0
_MOST = 20


class Randomness(Protocol):
    """Where ids come from; `random.Random` is one."""

    def getrandbits(self, k: int) -> int: ...


class NotificationService:
    """Who is told how things ended, by realm."""

    def __init__(  # noqa: PLR0917 - the parts it is built from
        self, database: Database, clock: Clock, master: MasterKey, audit: AuditService, sender: Sender, base_url: str
    ) -> None:
        self._database, self._clock, self._master, self._audit = database, clock, master, audit
        self._sender, self._base_url = sender, base_url
        self._randomness: Randomness = random.SystemRandom()

    # --- profiles -----------------------------------------------------------------------------------------------------------------

    async def list(self, realm: str) -> tuple[Profile, ...]:
        """By name, with the names of their headers and without their values."""
        found = await self._database.read(lambda tx: store.all_of(tx, realm))
        return tuple(_masked(self._opened(profile, sealed)) for profile, sealed in found)

    async def get(self, realm: str, profile_id: str) -> Profile:
        """Raises NotFoundError."""
        profile, sealed = await self._database.read(lambda tx: store.find(tx, realm, profile_id))
        return _masked(self._opened(profile, sealed))

    async def create(self, principal: Principal, draft: ProfileDraft) -> tuple[Profile, str]:
        """The profile, and the secret that signs its webhooks, which is shown this once. RequestError, ConflictError."""
        check_profile(draft)
        secret = token_bytes(signing.SECRET_BYTES)
        profile = Profile(
            id=self._new_id(),
            realm=principal.realm,
            draft=draft,
            created_at=self._clock.now(),
            created_by=principal.name,
        )

        def made(tx: Connection) -> None:
            store.add(tx, profile, self._sealed(profile, secret))
            self._record(tx, profile, Action.NOTIFICATION_CREATE, principal.actor)

        await self._database.write(made)
        return _masked(profile), signing.written(secret)

    async def replace(self, principal: Principal, profile_id: str, draft: ProfileDraft) -> Profile:
        """Give it other values, all at once; a header that is sent without a value keeps the one it has, and so does the secret.

        Raises NotFoundError, RequestError naming the field, ConflictError when the name is taken.
        """

        def changed(tx: Connection) -> Profile:
            before, sealed = store.find(tx, principal.realm, profile_id)
            kept = self._opened(before, sealed).draft.headers
            headers = {name: value or kept.get(name, "") for name, value in draft.headers.items()}
            after = replace(before, draft=replace(draft, headers=headers))
            check_profile(after.draft)
            store.change(tx, after, self._sealed(after, self._secret(before, sealed)))
            self._record(tx, after, Action.NOTIFICATION_CHANGE, principal.actor)
            return after

        return _masked(await self._database.write(changed))

    async def delete(self, principal: Principal, profile_id: str) -> None:
        """Forget it and what it was told. Raises NotFoundError."""

        def removed(tx: Connection) -> None:
            profile, _ = store.find(tx, principal.realm, profile_id)
            store.remove(tx, profile.id)
            self._record(tx, profile, Action.NOTIFICATION_DELETE, principal.actor)

        await self._database.write(removed)

    async def test(self, realm: str, profile_id: str) -> None:
        """Send an example now. Raises NotFoundError, and RequestError with what went wrong."""
        profile, sealed = await self._database.read(lambda tx: store.find(tx, realm, profile_id))
        delivery = self._delivery(profile, EXAMPLE)
        try:
            await self._send(self._opened(profile, sealed), self._secret(profile, sealed), delivery)
        except SendingFailed as error:
            raise RequestError(f"the example was not delivered: {error}", field="url") from None

    async def deliveries(self, realm: str, limit: int = 50, offset: int = 0) -> tuple[tuple[Delivery, ...], int]:
        """One page, newest first, and how many there are."""
        return await self._database.read(lambda tx: store.page(tx, realm, limit, offset))

    # --- mail ---------------------------------------------------------------------------------------------------------------------

    async def mail_settings(self, realm: str) -> MailSettings | None:
        """None when no mail server is set."""
        sealed = await self._database.read(lambda tx: store.mail_server(tx, realm))
        return None if sealed is None else MailSettings(**json.loads(self._master.open(sealed, _mail_name(realm))))

    async def set_mail(self, principal: Principal, settings: MailSettings) -> MailSettings:
        """Set the mail server; an empty password keeps the one that is there. Raises RequestError naming the field."""
        check_mail(settings)
        before = await self.mail_settings(principal.realm)
        if not settings.password and before is not None:
            settings = replace(settings, password=before.password)
        sealed = self._master.seal(json.dumps(asdict(settings)).encode(), _mail_name(principal.realm))

        def changed(tx: Connection) -> None:
            store.set_mail_server(tx, principal.realm, sealed)
            entry = AuditEntry(
                realm=principal.realm,
                action=Action.MAIL_SERVER_CHANGE,
                actor=principal.actor,
                subject=settings.host,
                detail={"port": str(settings.port)},
            )
            self._audit.record(tx, entry)

        await self._database.write(changed)
        return settings

    # --- for the server -----------------------------------------------------------------------------------------------------------

    def on_end(self, tx: Connection, instance: TaskInstance) -> None:
        """Put a message on its way to everybody who is to hear of it; part of the transaction that stores the end."""
        facts = facts_of(instance, self._base_url)
        for profile, _ in store.all_of(tx, instance.realm):
            wanted = profile.draft.always or profile.draft.name in instance.draft.notify
            if profile.draft.enabled and wanted and (is_problem(instance) or not profile.draft.only_problems):
                store.add_delivery(tx, self._delivery(profile, facts))

    async def deliver(self) -> int:
        """Send what is due now; how many tries that were."""
        waiting = await self._database.read(lambda tx: store.due(tx, self._clock.now(), _MOST))
        return sum(await asyncio.gather(*(self._try(delivery) for delivery in waiting)))

    async def run(self) -> None:
        """Deliver again and again, until cancelled; what fails is logged and tried again."""
        while True:
            try:
                await self.deliver()
            except Exception as error:
                _log.error("delivering notifications failed", error=str(error))
            await asyncio.sleep(DELIVER_SECONDS)

    async def _try(self, delivery: Delivery) -> bool:
        """One try: first it is stored that it is made, with the time of the next; then it is made."""
        pause = PAUSES[min(delivery.tries, len(PAUSES) - 1)]
        mine = replace(delivery, tries=delivery.tries + 1, due_at=self._clock.now() + pause)
        values = {"tries": mine.tries, "due_at": mine.due_at}
        if not await self._database.write(lambda tx: store.write_delivery(tx, delivery, **values)):
            return False
        try:
            profile, sealed = await self._database.read(lambda tx: store.find(tx, delivery.realm, delivery.profile_id))
            await self._send(self._opened(profile, sealed), self._secret(profile, sealed), delivery)
        except NotFoundError:
            return False  # the profile was forgotten, and its deliveries with it
        except SendingFailed as error:
            await self._note(mine, str(error))
        else:
            ended = {"state": DeliveryState.DELIVERED.value, "ended_at": self._clock.now(), "message": ""}
            await self._database.write(lambda tx: store.write_delivery(tx, mine, **ended))
        return True

    async def _note(self, delivery: Delivery, message: str) -> None:
        values: dict[str, Any] = {"message": message[:500]}
        if delivery.tries > len(PAUSES):
            values |= {"state": DeliveryState.FAILED.value, "ended_at": self._clock.now()}
            _log.warning("a notification was given up", delivery=delivery.id, profile=delivery.profile_id, reason=message)
        await self._database.write(lambda tx: store.write_delivery(tx, delivery, **values))

    async def _send(self, profile: Profile, secret: bytes, delivery: Delivery) -> None:
        draft = profile.draft
        if draft.kind is ProfileKind.EMAIL:
            await self._mail(profile, delivery)
            return
        text, kind = body_of(draft.content, delivery.facts)
        body = text.encode()
        signed = signing.signature_headers(secret, delivery.id, self._clock.now(), body)
        headers = {"Content-Type": kind, **draft.headers, **signed}
        await self._sender.post(HttpMessage(url=draft.url, method=draft.method, headers=headers, body=body))

    async def _mail(self, profile: Profile, delivery: Delivery) -> None:
        settings = await self.mail_settings(profile.realm)
        if settings is None:
            raise SendingFailed("this realm has no mail server; set one with PUT /ai/smtp")
        message = EmailMessage()
        message["Subject"], text = mail_of(delivery.facts)
        message["From"], message["To"] = settings.sender, ", ".join(profile.draft.recipients)
        message["Message-ID"] = f"<{delivery.id}@{settings.sender.rpartition('@')[2]}>"
        message.set_content(text)
        await self._sender.mail(settings, message)

    def _delivery(self, profile: Profile, facts: Mapping[str, Any]) -> Delivery:
        now = self._clock.now()
        return Delivery(
            id=self._new_id(),
            realm=profile.realm,
            profile_id=profile.id,
            facts=facts,
            state=DeliveryState.WAITING,
            tries=0,
            due_at=now,
            created_at=now,
        )

    def _sealed(self, profile: Profile, secret: bytes) -> bytes:
        content = {"secret": signing.written(secret), "headers": dict(profile.draft.headers)}
        return self._master.seal(json.dumps(content).encode(), _seal_name(profile))

    def _secret(self, profile: Profile, sealed: bytes) -> bytes:
        return signing.read(json.loads(self._master.open(sealed, _seal_name(profile)))["secret"])

    def _opened(self, profile: Profile, sealed: bytes) -> Profile:
        headers = json.loads(self._master.open(sealed, _seal_name(profile)))["headers"]
        return replace(profile, draft=replace(profile.draft, headers=headers))

    def _record(self, tx: Connection, profile: Profile, action: Action, actor: Actor) -> None:
        told = {"name": profile.draft.name, "kind": profile.draft.kind.value}
        self._audit.record(tx, AuditEntry(realm=profile.realm, action=action, actor=actor, subject=profile.id, detail=told))

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._randomness.getrandbits(128), version=4))


#: What `test` sends.
EXAMPLE = {
    "test-configurations": "an example",
    "result-status": "Passed",
    "result-url": "",
    "execution-start-time": "2030-01-01T00:00:00+00:00",
    "test-run-completed": "2030-01-01T00:00:01+00:00",
    "total-run-duration": "1.0",
    "task-instance-id": "",
    "flaky": "false",
    "steps": "1",
    "problems": "",
    "trigger": "a test of this profile",
}


def _masked(profile: Profile) -> Profile:
    return replace(profile, draft=replace(profile.draft, headers=dict.fromkeys(profile.draft.headers, "")))


def _seal_name(profile: Profile) -> str:
    return f"notification {profile.realm} {profile.id}"


def _mail_name(realm: str) -> str:
    return f"mail server {realm}"

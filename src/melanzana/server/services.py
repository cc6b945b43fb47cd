"""Every service, built once from the settings and handed to the routes.

`process.py` opens them for a real server; contract tests open them over a temporary folder.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog

from melanzana.access.gate import Gate
from melanzana.access.rates import HeldRequests, StartRate
from melanzana.agents.service import AgentService
from melanzana.audit.service import AuditService
from melanzana.auth.believing import Rooms
from melanzana.auth.service import AuthService
from melanzana.catalog.drafts import DraftService
from melanzana.catalog.service import CatalogService
from melanzana.catalog.suites_service import SuiteService
from melanzana.clients.service import ClientService
from melanzana.clock import Clock
from melanzana.configurations.scheduling import ScheduleService
from melanzana.configurations.service import ConfigurationService
from melanzana.errors import UnavailableError
from melanzana.executions.figures import LeaseFigures
from melanzana.executions.retention import KeepRule, Retention, Rules, Watch
from melanzana.executions.service import ExecutionService
from melanzana.executions.waking import Waker
from melanzana.notifications.sending import NetworkSender
from melanzana.notifications.service import NotificationService
from melanzana.realms.master_key import MasterKey
from melanzana.realms.service import RealmService, RealmSettings
from melanzana.reports.coverage_models import CoverageModels
from melanzana.reports.service import ReportService
from melanzana.server.logins import AccessRooms, Logins
from melanzana.server.settings import ServerSettings
from melanzana.shrinking.service import ShrinkService
from melanzana.storage.blob_places import in_bucket, in_folder
from melanzana.storage.blobs import BlobStore
from melanzana.storage.database import Database
from melanzana.storage.migrations import migrate
from melanzana.storage.opening import open_bus, open_database
from melanzana.suts.service import SutService
from melanzana.telemetry.exporting import OtlpExporter
from melanzana.telemetry.service import TelemetryService
from melanzana.users.records import UserSettings
from melanzana.users.service import UserService

_log = structlog.get_logger("melanzana.server")
#: Between two looks for runs to export, and after a collector that did not answer.
_EXPORT_PAUSE_SECONDS, _EXPORT_AGAIN_SECONDS = 2.0, 10.0
_DIGESTED_AT_ONCE, _DIGEST_PAUSE_SECONDS = 10, 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The open parts of one server."""

    settings: ServerSettings
    database: Database
    audit: AuditService
    realms: RealmService
    clients: ClientService
    users: UserService
    auth: AuthService
    logins: Logins
    gate: Gate
    catalog: CatalogService
    suites: SuiteService
    drafts: DraftService
    executions: ExecutionService
    agents: AgentService
    suts: SutService
    configurations: ConfigurationService
    schedules: ScheduleService
    notifications: NotificationService
    reports: ReportService
    coverage_models: CoverageModels
    shrinking: ShrinkService
    telemetry: TelemetryService | None  #: None: no collector is named
    retention: Retention
    waker: Waker
    rate: StartRate
    held: HeldRequests
    clock: Clock

    async def sweep_forever(self) -> None:
        """Release lapsed leases again and again; a sweep that fails is logged and tried again."""
        while True:
            try:
                await self.executions.release_expired()
            except Exception as error:
                _log.error("sweep failed", error=str(error))
            await asyncio.sleep(self.executions.figures.sweep_seconds)

    async def digest_forever(self) -> None:
        """Keep what runs came to, in a fifth of one core at most; what fails is logged and tried again."""
        while True:
            begun, found = self.clock.monotonic(), 0
            try:
                found = await self.reports.digests.catch_up(_DIGESTED_AT_ONCE)
            except Exception as error:
                _log.error("runs could not be digested", error=str(error))
            busy = self.clock.monotonic() - begun
            await asyncio.sleep(max(4 * busy, 0.1) if found else _DIGEST_PAUSE_SECONDS)

    async def export_forever(self) -> None:
        """Send runs that have ended to the collector of traces, should there be one; what fails is logged and tried again."""
        while self.telemetry is not None:
            try:
                found = await self.telemetry.catch_up()
            except Exception as error:
                found = 0
                _log.warning("runs were not exported as traces", error=str(error))
                await asyncio.sleep(_EXPORT_AGAIN_SECONDS)
            await asyncio.sleep(0.1 if found else _EXPORT_PAUSE_SECONDS)

    async def retain_forever(self) -> None:
        """Remove what is over the rules of retention, in a fifth of one core at most; what fails is logged and tried again."""
        while True:
            begun, removed = self.clock.monotonic(), 0
            try:
                removed = await self.retention.sweep([realm.name for realm in await self.realms.realms()])
            except Exception as error:
                _log.error("nothing more could be removed now", error=str(error))
            busy = self.clock.monotonic() - begun
            await asyncio.sleep(max(4 * busy, 0.1) if removed else self.settings.keep_sweep_minutes * 60)

    def release_polls(self) -> None:
        """Answer every held request now: the server is stopping."""
        self.waker.close()

    async def hosted_agent(self, name: str, *, dry: bool) -> Path:
        """The `.ini` file, with fresh credentials, of an agent that this server starts itself."""
        text = await self.agents.hosted_ini(self.settings.realm, name, internal=dry, base_url=self.settings.local_url)
        file = self.settings.data / "agents" / f"{name}.ini"
        await asyncio.to_thread(_write_secret, file, text)
        return file


@contextlib.asynccontextmanager
async def open_services(settings: ServerSettings, clock: Clock) -> AsyncIterator[Services]:
    """Open the database of the data folder, bring it up to date, build the services; close it at the end.

    Raises SettingsError when the folder cannot be used or another server holds it.
    """
    database = open_database(settings.data, settings.database)
    try:
        await migrate(database)
        services = await _build(settings, clock, database)
        try:
            yield services
        finally:
            await services.shrinking.close()
            await services.waker.leave()
            await services.users.close()
    finally:
        await database.close()


async def _build(settings: ServerSettings, clock: Clock, database: Database) -> Services:
    master = MasterKey.load(settings.data / "secrets")
    audit = AuditService(database, clock)
    realms = RealmService(database, clock, master, audit, RealmSettings(base_url=settings.base_url, realm=settings.realm))
    await realms.start()
    clients = ClientService(database, clock, master, realms, audit)
    users = UserService(database, clock, audit, realms, _user_settings(settings))
    auth = AuthService(database, clock, Rooms(realms=realms, clients=clients, users=users), audit)
    access = AccessRooms(realms=realms, clients=clients, users=users, audit=audit, auth=auth, master=master)
    figures = LeaseFigures(
        heartbeat_seconds=settings.heartbeat_seconds,
        lease_seconds=settings.lease_seconds,
        grace_seconds=settings.grace_seconds,
        kill_seconds=settings.kill_seconds,
        queue_bound=settings.max_queued,
    )
    waker = Waker(open_bus(settings.bus, settings.database))
    await waker.open()
    catalog = CatalogService(database, clock)
    blobs = await asyncio.to_thread(open_blobs, settings)
    suts = SutService(database, clock, master, audit)
    executions = ExecutionService(database, clock, figures, waker, catalog=catalog, suts=suts)
    await executions.time.correct()
    agents = AgentService(database, clock, executions, figures, clients=clients, blobs=blobs)
    configurations = ConfigurationService(database, clock, catalog=catalog, executions=executions)
    reports = ReportService(catalog, executions, agents.names, blobs, database=database)
    watch = Watch(database, clock, keep_rules(settings))
    sender = NetworkSender(private=settings.webhook_private)
    notifications = NotificationService(database, clock, master, audit, sender, settings.base_url)
    configurations.tell(notifications.on_end)
    return Services(
        settings=settings,
        database=database,
        audit=audit,
        realms=realms,
        clients=clients,
        users=users,
        auth=auth,
        logins=Logins(database, clock, access),
        gate=Gate(auth.believe, users.recognise),
        catalog=catalog,
        suites=SuiteService(database, clock, blobs),
        drafts=DraftService(database, clock, catalog),
        executions=executions,
        agents=agents,
        suts=suts,
        configurations=configurations,
        schedules=ScheduleService(database, clock, configurations),
        notifications=notifications,
        shrinking=ShrinkService(database, clock, executions, catalog),
        telemetry=_telemetry(settings, clock, database, executions),
        reports=reports,
        retention=Retention(database, clock, watch, executions=executions, contents=blobs, summary=reports.summary),
        coverage_models=CoverageModels(database, clock),
        waker=waker,
        rate=StartRate(clock, settings.starts_per_minute),
        held=HeldRequests(settings.held_requests),
        clock=clock,
    )


def keep_rules(settings: ServerSettings) -> Rules:
    """How long what is kept, as the settings say."""
    default = KeepRule(
        runs_days=settings.keep_runs_days,
        runs_count=settings.keep_runs_count,
        logs_days=settings.keep_logs_days,
        attachments_days=settings.keep_attachments_days,
    )
    return Rules(default, {realm: KeepRule(**one.model_dump()) for realm, one in settings.keep_in_realm.items()})


def open_blobs(settings: ServerSettings) -> BlobStore:
    """Where attachments are kept. A bucket that does not answer now is no reason not to start; one that never will is.

    Errors: SettingsError.
    """
    if settings.attachments is None:
        return BlobStore(in_folder(settings.data / "blobs"), maximum_bytes=settings.max_attachment_bytes, drafts=settings.data)
    place = in_bucket(settings.attachments, settings.attachments_endpoint)
    blobs = BlobStore(place, maximum_bytes=settings.max_attachment_bytes, drafts=settings.data)
    try:
        blobs.require()
    except UnavailableError as error:
        _log.warning("attachments cannot be kept until their store answers", reason=error.message)
    return blobs


def _telemetry(settings: ServerSettings, clock: Clock, database: Database, executions: ExecutionService) -> TelemetryService | None:
    """Errors: SettingsError when a collector is named and OpenTelemetry is not installed."""
    if settings.otlp_endpoint is None:
        return None
    return TelemetryService(database, clock, executions, OtlpExporter(settings.otlp_endpoint), settings.base_url)


def _user_settings(settings: ServerSettings) -> UserSettings:
    return UserSettings(
        base_url=settings.base_url,
        session_idle=timedelta(minutes=settings.session_idle_minutes),
        session_lifetime=timedelta(hours=settings.session_hours),
    )


def _write_secret(file: Path, text: str) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.chmod(0o600)
    file.write_text(text, "utf-8")

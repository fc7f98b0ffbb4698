"""The composition root: the only module that knows every concrete class of the core; opens and closes everything."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from clarion.db import Database
from clarion.db.installation import open_keeper
from clarion.features.accounts.audit_log import AuditService
from clarion.features.accounts.keys import KeyService
from clarion.features.accounts.links import LinkService
from clarion.features.accounts.members import MemberService
from clarion.features.accounts.profile import ProfileService
from clarion.features.accounts.service import AccountService
from clarion.features.accounts.sessions import SessionService
from clarion.features.accounts.signing_in import SignInService
from clarion.features.apps.groups import AppGroupService
from clarion.features.apps.service import AppService
from clarion.features.apps.zones import DefaultZoneService
from clarion.features.audiences.groups import AudienceGroupService
from clarion.features.audiences.growth import GrowthService
from clarion.features.audiences.reach import ReachService
from clarion.features.audiences.saved import SavedFilterService
from clarion.features.audiences.service import AudienceService
from clarion.features.deliveries.backlog import BacklogService
from clarion.features.deliveries.checking import CheckService
from clarion.features.deliveries.credentials import CredentialService
from clarion.features.deliveries.feedback import Feedback
from clarion.features.deliveries.service import DeliveryService
from clarion.features.deliveries.story import StoryService
from clarion.features.deliveries.system import SystemService
from clarion.features.devices.finding import FindingService
from clarion.features.devices.privacy import PrivacyService
from clarion.features.devices.query import DeviceQueryService
from clarion.features.devices.service import DeviceService
from clarion.features.events.postbacks import PostbackService
from clarion.features.events.service import EventService
from clarion.features.idempotency.service import IdempotencyService
from clarion.features.pushes.service import PushService
from clarion.features.rules.service import RuleService
from clarion.features.schedulers.comparing import ComparisonService
from clarion.features.schedulers.conversion_firing import AutoPushService
from clarion.features.schedulers.conversion_service import ConversionService
from clarion.features.schedulers.editing import EditingService
from clarion.features.schedulers.service import SchedulerService
from clarion.features.schedulers.timeline import TimelineService
from clarion.features.sends.progress import ProgressService
from clarion.features.sends.results import ResultsService
from clarion.features.sends.service import SendService
from clarion.features.statistics.service import StatisticsService
from clarion.features.statistics.totals import TotalsService
from clarion.features.webhooks.service import WebhookService
from clarion.foundation.clock import Clock, SystemClock
from clarion.foundation.errors import ConfigurationError
from clarion.foundation.ids import MessageIds
from clarion.foundation.secrets import Keeper, parse_master_key
from clarion.services import Services
from clarion.settings import Settings


@dataclass(frozen=True, slots=True)
class Installation:
    """What one process of an installation works with."""

    settings: Settings
    database: Database
    keeper: Keeper
    services: Services


@asynccontextmanager
async def open_installation(settings: Settings, *, connections: int = 10) -> AsyncIterator[Installation]:
    """Connect this process to the installation that `settings` name; at most `connections` to the database.

    The schema must be up to date. Raises `ConfigurationError` when the database or the master key is not named or the
    key is the wrong one, `Unavailable` when the database cannot be reached.
    """
    if settings.database_url is None:
        raise ConfigurationError("CLARION_DATABASE_URL is not set; it names the PostgreSQL database to use")
    if settings.master_key is None:
        raise ConfigurationError(
            "CLARION_MASTER_KEY is not set; make one with `openssl rand -base64 32` and keep it outside the database"
        )
    master_key = parse_master_key(settings.master_key.reveal())
    database = await Database.connect(settings.database_url.reveal(), max_size=connections)
    try:
        keeper = await open_keeper(database, master_key)
        yield Installation(settings, database, keeper, build_services(settings, database=database, keeper=keeper))
    finally:
        await database.close()


def build_services(settings: Settings, *, database: Database, keeper: Keeper, clock: Clock | None = None) -> Services:
    """All feature services on one database."""
    clock = clock or SystemClock()
    accounts = AccountService(database=database, clock=clock)
    apps = AppService(database=database, keeper=keeper, token_uri_allow=settings.token_uri_allow)
    events = EventService(database=database)
    audiences = AudienceService(database=database, events=events)
    pushes = PushService(database=database)
    statistics = StatisticsService(database=database)
    sends = SendService(database=database, apps=apps, audiences=audiences)
    progress = ProgressService(database=database, statistics=statistics)
    deliveries = DeliveryService(database=database, progress=progress, clock=clock)
    message_ids = MessageIds(keeper.message_key)
    instant_delay = timedelta(seconds=settings.instant_delay_sec)
    return Services(
        accounts=accounts,
        sessions=SessionService(database=database),
        sign_in=SignInService(database=database, keeper=keeper, accounts=accounts, clock=clock),
        links=LinkService(database=database, accounts=accounts),
        members=MemberService(database=database),
        profiles=ProfileService(database=database, keeper=keeper, clock=clock),
        keys=KeyService(database=database),
        idempotency=IdempotencyService(database=database, keeper=keeper, clock=clock),
        audit_log=AuditService(database=database),
        comparisons=ComparisonService(database=database, pushes=pushes),
        webhooks=WebhookService(database=database, keeper=keeper, hosts=settings.webhook_hosts),
        apps=apps,
        app_groups=AppGroupService(database=database),
        default_zones=DefaultZoneService(database=database),
        events=events,
        postbacks=PostbackService(database=database, keeper=keeper),
        devices=DeviceService(database=database, keeper=keeper),
        finding=FindingService(database=database, keeper=keeper),
        privacy=PrivacyService(database=database, keeper=keeper),
        device_query=DeviceQueryService(database=database, keeper=keeper, audiences=audiences, events=events),
        audiences=audiences,
        audience_groups=AudienceGroupService(database=database),
        saved_filters=SavedFilterService(database=database, audiences=audiences),
        reach=ReachService(database=database),
        growth=GrowthService(database=database),
        pushes=pushes,
        rules=RuleService(database=database),
        schedulers=SchedulerService(
            database=database,
            audiences=audiences,
            pushes=pushes,
            sends=sends,
            clock=clock,
            instant_delay=instant_delay,
        ),
        editing=EditingService(
            database=database,
            audiences=audiences,
            pushes=pushes,
            sends=sends,
            clock=clock,
            instant_delay=instant_delay,
        ),
        timelines=TimelineService(database=database, audiences=audiences, clock=clock, instant_delay=instant_delay),
        conversions=ConversionService(database=database, audiences=audiences),
        auto_push=AutoPushService(database=database, audiences=audiences, pushes=pushes, apps=apps),
        sends=sends,
        progress=progress,
        results=ResultsService(database=database),
        deliveries=deliveries,
        stories=StoryService(database=database, audiences=audiences, deliveries=deliveries, clock=clock),
        credentials=CredentialService(database=database),
        checks=CheckService(settings=settings, database=database, keeper=keeper, apps=apps, clock=clock),
        backlog=BacklogService(database=database),
        system=SystemService(database=database),
        feedback=Feedback(database=database, statistics=statistics, message_ids=message_ids, clock=clock),
        statistics=statistics,
        totals=TotalsService(database=database),
    )

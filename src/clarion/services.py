"""The feature services by name; built by `bootstrap`, used by the API, the console and the worker. Holds no logic."""

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Services:
    """Every feature's use cases, on one database."""

    accounts: AccountService
    sessions: SessionService
    sign_in: SignInService
    links: LinkService
    members: MemberService
    profiles: ProfileService
    keys: KeyService
    idempotency: IdempotencyService
    comparisons: ComparisonService
    webhooks: WebhookService
    audit_log: AuditService
    apps: AppService
    app_groups: AppGroupService
    default_zones: DefaultZoneService
    events: EventService
    postbacks: PostbackService
    devices: DeviceService
    device_query: DeviceQueryService
    finding: FindingService
    privacy: PrivacyService
    audiences: AudienceService
    audience_groups: AudienceGroupService
    saved_filters: SavedFilterService
    reach: ReachService
    growth: GrowthService
    pushes: PushService
    rules: RuleService
    schedulers: SchedulerService
    editing: EditingService
    timelines: TimelineService
    conversions: ConversionService
    auto_push: AutoPushService
    sends: SendService
    progress: ProgressService
    results: ResultsService
    deliveries: DeliveryService
    stories: StoryService
    credentials: CredentialService
    checks: CheckService
    backlog: BacklogService
    system: SystemService
    feedback: Feedback
    statistics: StatisticsService
    totals: TotalsService

"""Our own extensions of the management API under `/api/v1` (operator.md §4)."""

from litestar.types import ControllerRouterHandler

from clarion.api.b_v2.pushes import PushesController
from clarion.api.v1.audience_groups import AudienceGroupsController
from clarion.api.v1.audiences import estimate_audience, list_audiences
from clarion.api.v1.audit import read_audit
from clarion.api.v1.comparisons import ComparisonsController
from clarion.api.v1.credentials import (
    check_credential,
    confirm_suspects,
    dismiss_suspects,
    list_credentials,
    resume_credential,
)
from clarion.api.v1.device_search import search_devices
from clarion.api.v1.devices import device_story
from clarion.api.v1.events import EventsController, PostbacksController
from clarion.api.v1.filters import FiltersController
from clarion.api.v1.privacy import erase_device, erase_person, export_device, export_person
from clarion.api.v1.rules import replace_app_rules, replace_rules, show_app_rules, show_rules
from clarion.api.v1.schedulers import SchedulersController
from clarion.api.v1.sends import SendsController
from clarion.api.v1.statistics import read_statistics
from clarion.api.v1.trying import dry_run, preview, send_test, timeline
from clarion.api.v1.webhooks import WebhooksController
from clarion.api.v1.zones import set_default_zone, show_default_zone

ROUTES: list[ControllerRouterHandler] = [
    PushesController,
    SchedulersController,
    dry_run,
    preview,
    timeline,
    send_test,
    EventsController,
    PostbacksController,
    SendsController,
    ComparisonsController,
    WebhooksController,
    show_rules,
    replace_rules,
    show_app_rules,
    replace_app_rules,
    read_audit,
    read_statistics,
    device_story,
    search_devices,
    export_device,
    erase_device,
    export_person,
    erase_person,
    list_audiences,
    estimate_audience,
    AudienceGroupsController,
    FiltersController,
    show_default_zone,
    set_default_zone,
    list_credentials,
    resume_credential,
    check_credential,
    confirm_suspects,
    dismiss_suspects,
]
"""Everything served under `/api/v1`."""

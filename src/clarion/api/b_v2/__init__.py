"""The Push.Express-compatible management API under `/api/b/v2` (management-api.md)."""

from litestar.types import ControllerRouterHandler

from clarion.api.b_v2.app_groups import AppGroupsController
from clarion.api.b_v2.apps import AppsController
from clarion.api.b_v2.conversion import create_conversion
from clarion.api.b_v2.devices import find_devices
from clarion.api.b_v2.events import EventsController
from clarion.api.b_v2.instant import send_instant
from clarion.api.b_v2.pushes import PushesController
from clarion.api.b_v2.schedulers import SchedulersController

ROUTES: list[ControllerRouterHandler] = [
    AppsController,
    AppGroupsController,
    find_devices,
    PushesController,
    SchedulersController,
    create_conversion,
    send_instant,
    EventsController,
]
"""Everything served under `/api/b/v2`."""

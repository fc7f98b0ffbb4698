"""The Push.Express-compatible management API under `/api/b/v2` (management-api.md)."""

from litestar.types import ControllerRouterHandler

from clarion.api.b_v2.app_groups import AppGroupsController
from clarion.api.b_v2.apps import AppsController
from clarion.api.b_v2.events import EventsController

ROUTES: list[ControllerRouterHandler] = [AppsController, AppGroupsController, EventsController]
"""Everything served under `/api/b/v2`."""

"""The Push.Express-compatible management API under `/api/b/v2` (management-api.md)."""

from litestar.types import ControllerRouterHandler

ROUTES: list[ControllerRouterHandler] = []
"""Everything served under `/api/b/v2`."""

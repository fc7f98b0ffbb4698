"""Our own extensions of the management API under `/api/v1` (operator.md §4)."""

from litestar.types import ControllerRouterHandler

ROUTES: list[ControllerRouterHandler] = []
"""Everything served under `/api/v1`."""

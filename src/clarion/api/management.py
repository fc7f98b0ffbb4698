"""Builds the Litestar application of the management API and the operator's routes from the services."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from litestar import Litestar, Router
from litestar.di import Provide
from prometheus_client import CollectorRegistry

from clarion.api import b_v2, operations, sdk, v1
from clarion.api.auth import authentication, current_caller
from clarion.api.backlog_metrics import BacklogMetrics
from clarion.api.binding import TYPE_DECODERS, ApiRequest, JsonBody, NumberSchemas
from clarion.api.decoding import BODY_LIMIT
from clarion.api.errors import EXCEPTION_HANDLERS
from clarion.api.idempotency import idempotency
from clarion.api.openapi import openapi_config, openapi_document
from clarion.api.operations import Readiness
from clarion.api.rate_limit import RateLimiter
from clarion.foundation.clock import SystemClock
from clarion.services import Services
from clarion.settings import Settings


def management_app(
    services: Services, settings: Settings, *, readiness: Readiness, registry: CollectorRegistry
) -> Litestar:
    """The application. `readiness` decides what `/readyz` answers; `registry` holds the metrics of this process."""
    return Litestar(
        route_handlers=[*operations.ROUTES, *sdk.ROUTES, openapi_document, *_routers(services, settings)],
        dependencies={
            **service_dependencies(services),
            "settings": constant(settings),
            "readiness": constant(readiness),
            "registry": constant(registry),
            "backlog_metrics": constant(BacklogMetrics(services.backlog)),
            "caller": Provide(current_caller, sync_to_thread=False),
        },
        dto=JsonBody,
        return_dto=None,
        request_class=ApiRequest,
        request_max_body_size=BODY_LIMIT,
        type_decoders=TYPE_DECODERS,
        exception_handlers=EXCEPTION_HANDLERS,
        plugins=[NumberSchemas()],
        openapi_config=openapi_config(),
        logging_config=None,
    )


def _routers(services: Services, settings: Settings) -> list[Router]:
    """The routes that need an API key: Push.Express's and our own."""
    limiter = RateLimiter(per_minute=settings.api_rate_per_min, clock=SystemClock())
    check_key = authentication(accounts=services.accounts, limiter=limiter)
    return [
        Router(
            path=path,
            route_handlers=routes,
            middleware=[check_key, idempotency(services.idempotency)],
            security=[{"BearerToken": []}],
        )
        for path, routes in (("/api/b/v2", b_v2.ROUTES), ("/api/v1", v1.ROUTES))
    ]


def service_dependencies(services: Services) -> dict[str, Provide]:
    """Every service under its name in `Services`, for route functions to ask for."""
    return {item.name: constant(getattr(services, item.name)) for item in fields(services)}


def constant(value: object) -> Provide:
    """Gives route functions the same object every time."""
    give: Callable[[], Any] = lambda: value  # noqa: E731
    return Provide(give, sync_to_thread=False, use_cache=True)

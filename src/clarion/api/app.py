"""The whole HTTP application: the management API and the operator's routes, the device API beside them."""

from prometheus_client import REGISTRY, CollectorRegistry

from clarion.api.front import AsgiApp, Front
from clarion.api.management import management_app
from clarion.api.metrics import RequestMetrics
from clarion.api.operations import Readiness
from clarion.api.r_v2 import device_app
from clarion.services import Services
from clarion.settings import Settings


def create_app(
    services: Services,
    settings: Settings,
    *,
    readiness: Readiness,
    registry: CollectorRegistry = REGISTRY,
    console: AsgiApp | None = None,
) -> Front:
    """The ASGI object that servers run.

    `readiness` decides what `/readyz` answers (see `clarion.db.readiness`); `registry` holds this process's metrics;
    `console` serves what people see, where there is one.
    """
    device = device_app(services, settings)
    management = management_app(services, settings, readiness=readiness, registry=registry)
    management.on_startup.append(device.start)
    management.on_shutdown.append(device.stop)
    return Front(management=management, device=device, console=console, metrics=RequestMetrics(registry))

"""The operator's page: what the installation has before it, what it consists of, and with which settings it runs.

The operator is whoever owns the installation's first account; nobody else sees this page.
"""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from typing import Any
from urllib.parse import urlsplit

from litestar import Response, get
from litestar.di import NamedDependency

from clarion import __version__
from clarion.console.pages.apps.transports import TITLES
from clarion.console.texts import N_
from clarion.console.visit import CurrentVisit
from clarion.features.accounts.roles import Role
from clarion.features.deliveries.backlog import Backlog, BacklogService
from clarion.features.deliveries.system import System, SystemService
from clarion.foundation.errors import Forbidden
from clarion.foundation.secrets import Secret
from clarion.settings import Settings

BLOCKS: Mapping[str, str] = {
    "breaker": N_("most requests fail: one is tried now and then"),
    "throttled": N_("the provider asked to slow down"),
    "access_token": N_("the provider gives no access token"),
    "retry_budget": N_("repetitions wait, first attempts go on"),
    "push_service": N_("a push service refuses messages"),
}


@get("/system", role=Role.OWNER)
async def system_page(
    visit: CurrentVisit,
    system: NamedDependency[SystemService],
    backlog: NamedDependency[BacklogService],
    settings: NamedDependency[Settings],
) -> Response[str]:
    """The page; htmx asks for its part `live` every five seconds."""
    if not visit.member.operator:
        raise Forbidden("only owners of the installation's first account see this page")
    now = await system.look()
    waiting = await backlog.look()
    context: dict[str, Any] = {"system": now, "queue": list(_queue(now, waiting)), "late": waiting.triggers_late}
    if visit.is_partial:
        return visit.page("system/system.html", fragment="live", blocks=BLOCKS, **context)
    settings_shown = list(in_force(settings))
    return visit.page("system/system.html", version=__version__, settings=settings_shown, blocks=BLOCKS, **context)


def _queue(system: System, backlog: Backlog) -> Iterator[Mapping[str, object]]:
    """A line for each provider that has credentials or work."""
    states = {state.provider: state for state in system.providers}
    for provider in sorted({*states, *backlog.ready, *backlog.leased, *backlog.waiting}):
        yield {
            "title": TITLES[provider],
            "state": states.get(provider),
            "ready": int(backlog.ready.get(provider, 0)),
            "leased": int(backlog.leased.get(provider, 0)),
            "waiting": int(backlog.waiting.get(provider, 0)),
            "oldest": backlog.oldest.get(provider, 0.0),
            "paused": int(backlog.paused.get(provider, 0)),
            "tripped": int(backlog.tripped.get(provider, 0)),
            "expiring": int(backlog.expiring.get(provider, 0)),
        }


def in_force(settings: Settings) -> Iterator[tuple[str, str, bool]]:
    """Variable, value as it may be shown, and whether it is the usual one. Secrets are only set or not set."""
    for item in fields(Settings):
        value, usual = getattr(settings, item.name), item.default
        yield item.metadata["variable"], _shown(value), usual is not MISSING and value == usual


def _shown(value: object) -> str:
    if value is None or value == ():
        return ""
    if isinstance(value, Secret):
        return "•••"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    values = value if isinstance(value, tuple) else (value,)
    return ", ".join(_without_password(str(each)) for each in values)


def _without_password(text: str) -> str:
    """An address may carry a name and a password."""
    parts = urlsplit(text) if "://" in text else None
    if parts is None or "@" not in parts.netloc:
        return text
    return parts._replace(netloc=f"•••@{parts.netloc.rpartition('@')[2]}").geturl()


ROUTES = [system_page]

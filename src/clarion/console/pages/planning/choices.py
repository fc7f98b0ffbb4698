"""What there is to choose from while a sending is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from litestar.di import NamedDependency, Provide

from clarion.console.forms import Form
from clarion.console.pages.planning import draft, when, who
from clarion.console.pages.pushes import content
from clarion.console.pages.pushes.composing import composer
from clarion.console.pages.sendings.words import DAYS
from clarion.console.texts import locale_of
from clarion.console.visit import Visit
from clarion.features.apps.groups import AppGroupService
from clarion.features.apps.service import AppService
from clarion.features.audiences.groups import AudienceGroupService
from clarion.features.events.service import EventService
from clarion.features.pushes import PushService

EVENTS_SHOWN = 200
PUSHES_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Sources:
    """Where apps, groups, events and pushes come from."""

    apps: AppService
    app_groups: AppGroupService
    audience_groups: AudienceGroupService
    events: EventService
    pushes: PushService

    async def offered(self, visit: Visit) -> Mapping[str, Any]:
        """Everything that the account has."""
        account_id = visit.account_id
        events, _ = await self.events.page(account_id, offset=0, limit=EVENTS_SHOWN, with_system=True)
        return {
            "apps": [(one.id, one.name) for one in await self.apps.list(account_id, archived=False)],
            "groups": [(one.id, one.name) for one in await self.app_groups.list(account_id, archived=False)],
            "audience_groups": [
                (one.id, one.name) for one in await self.audience_groups.list(account_id, archived=False)
            ],
            "events": [(one.code, one.name) for one in events],
            "pushes": [
                (one.id, f"{one.title} · {', '.join(one.languages)}")
                for one in await self.pushes.list(account_id, limit=PUSHES_SHOWN, free=True)
            ],
        }


def make_sources(
    apps: NamedDependency[AppService],
    app_groups: NamedDependency[AppGroupService],
    audience_groups: NamedDependency[AudienceGroupService],
    events: NamedDependency[EventService],
    pushes: NamedDependency[PushService],
) -> Sources:
    """For `PROVIDED`."""
    return Sources(apps, app_groups, audience_groups, events, pushes)


PROVIDED = {"sources": Provide(make_sources, sync_to_thread=False)}
"""Dependencies of the routes that show the form."""


@cache
def countries(shown_in: str) -> Sequence[tuple[str, str]]:
    """Two-letter codes with their names, by name."""
    known = locale_of(shown_in).territories
    named = [(code, name) for code, name in known.items() if len(code) == 2 and code.isalpha() and code not in _NONE]
    return sorted(named, key=lambda pair: pair[1].casefold())


_NONE = {"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"}
"""Codes that name no country."""


async def form_context(
    visit: Visit, form: Form, sources: Sources, *, kinds: Sequence[str], do: str = ""
) -> dict[str, Any]:
    """What the template `planning/_form.html` needs."""
    return {
        **composer(visit, form, do=do),
        "offered": await sources.offered(visit),
        "countries": countries(visit.language),
        "platforms": list(who.PLATFORMS.items()),
        "kinds": [(kind, *when.KINDS[kind]) for kind in kinds],
        "kind": draft.kind_of(Form(form.fields), {kind: when.KINDS[kind] for kind in kinds}),
        "zone_options": _zones(visit, form),
        "late_options": [(str(late), visit.text(words)) for late, words in when.LATE.items()],
        "weekdays": list(enumerate(DAYS, 1)),
        "today": datetime.now(UTC).astimezone(visit.fmt.tz).date().isoformat(),
        "known_languages": content.languages(visit.language),
    }


def _zones(visit: Visit, form: Form) -> list[tuple[str, str]]:
    told = [form.value("zone"), visit.member.zone]
    offered = dict.fromkeys([*(zone for zone in told if zone), *when.zones()])
    return [(zone, f"UTC{zone}" if zone[0] in "+-" else zone.replace("_", " ")) for zone in offered]

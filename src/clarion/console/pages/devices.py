"""Devices: found by what a person has at hand, looked at by filter, and the story of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from clarion.console.pages.sendings.words import MESSAGE_STATES
from clarion.console.texts import N_
from clarion.console.visit import CurrentVisit
from clarion.features.accounts.roles import Role
from clarion.features.apps.service import AppService
from clarion.features.audiences import AudienceService, Filter
from clarion.features.audiences.estimating import Example
from clarion.features.audiences.model import Estimate
from clarion.features.deliveries.story import StoryService
from clarion.features.devices.finding import FindingService, Found
from clarion.features.devices.model import TokenState
from clarion.features.devices.privacy import PrivacyService
from clarion.foundation.errors import InvalidInput, UnknownReference

SAMPLE = 50
_LIMIT = 200
PLATFORMS = ("android", "ios", "browser", "huawei")
TOKENS: Mapping[TokenState, tuple[str, str, str]] = {
    TokenState.NONE: (
        N_("no token yet"),
        "yellow",
        N_("The app has told no push token: nothing can be sent to it."),
    ),
    TokenState.VALID: (N_("can be reached"), "green", ""),
    TokenState.INVALID: (
        N_("token dead"),
        "red",
        N_("The provider says that the token is no longer valid: the app was removed, or it must be opened again."),
    ),
    TokenState.SUPERSEDED: (
        N_("token moved"),
        "secondary",
        N_("Another device of this app has the same token now: messages go there."),
    ),
    TokenState.UNUSABLE: (N_("token unusable"), "red", N_("The token cannot be used: see the reason below.")),
}


@dataclass(frozen=True, slots=True)
class Look:
    """What the list shows: what was found by name, or how many a filter means with some of them, or its fault."""

    estimate: Estimate | None = None
    sample: Sequence[Example] = ()
    found: Sequence[Found] | None = None
    fault: str | None = None


@get("/devices")
async def device_list(
    visit: CurrentVisit,
    finding: NamedDependency[FindingService],
    audiences: NamedDependency[AudienceService],
    apps: NamedDependency[AppService],
) -> Response[str]:
    """With `q` what it names; else how many a filter means, with some of them."""
    wanted, look = visit.query("q").strip(), Look()
    if wanted:
        look = Look(found=await finding.find(visit.account_id, wanted))
    else:
        try:
            filter_ = _filter(visit)
            estimate = await audiences.estimate(visit.account_id, filter_)
            look = Look(estimate, await audiences.examples(visit.account_id, filter_, limit=SAMPLE))
        except (InvalidInput, UnknownReference) as error:
            look = Look(fault=str(error))
    names = {app.id: app.name for app in await apps.list(visit.account_id, archived=False)}
    return visit.page("devices/list.html", names=names, platforms=PLATFORMS, look=look)


@get("/devices/{device_id:int}")
async def device_page(
    device_id: FromPath[int],
    visit: CurrentVisit,
    stories: NamedDependency[StoryService],
    apps: NamedDependency[AppService],
) -> Response[str]:
    """Why did this person not get it?"""
    story = await stories.tell(visit.account_id, device_id)
    app = await apps.get(visit.account_id, story.device.app_id)
    return visit.page(
        "devices/device.html", story=story, app=app, token=TOKENS[story.device.token_state], states=MESSAGE_STATES
    )


@get("/devices/{device_id:int}/export", role=Role.EDITOR)
async def export_device(
    device_id: FromPath[int], visit: CurrentVisit, privacy: NamedDependency[PrivacyService]
) -> Response[bytes]:
    """Everything on it as a file: its tokens, too, so not for viewers."""
    records = await privacy.export_device(visit.caller, device_id)
    headers = {"Content-Disposition": f'attachment; filename="device-{device_id}.json"'}
    content = msgspec.json.format(msgspec.json.encode({"devices": records}))
    return Response(content, media_type="application/json", headers=headers)


@post("/devices/{device_id:int}/erase", role=Role.OWNER, status_code=200)
async def erase_device(
    device_id: FromPath[int], visit: CurrentVisit, privacy: NamedDependency[PrivacyService]
) -> Response[str]:
    """Erase one device."""
    await privacy.erase_device(visit.caller, device_id)
    return await visit.go("/devices", N_("The device is erased."))


@post("/devices/erase-person", role=Role.OWNER, status_code=200)
async def erase_person(visit: CurrentVisit, privacy: NamedDependency[PrivacyService]) -> Response[str]:
    """Erase every device of an external id."""
    erased = await privacy.erase_user(visit.caller, (await visit.form()).value("external_id"))
    return await visit.go("/devices", N_("The person is erased. Devices: %(n)s"), n=erased)


def _filter(visit: CurrentVisit) -> Filter:
    app = visit.query("app")
    return Filter(
        all_apps=None if app else True,
        app_ids_include=[int(app)] if app.isascii() and app.isdigit() and len(app) < 19 else None,
        countries_include=_list(visit.query("countries")),
        languages_include=_list(visit.query("languages")),
        audiences_include=_list(visit.query("audiences")),
        platforms_include=_list(visit.query("platforms")),
        event_include=visit.query("event").strip()[:_LIMIT] or None,
        event_exclude=visit.query("no_event").strip()[:_LIMIT] or None,
    )


def _list(text: str) -> list[str] | None:
    return [part.strip() for part in text.split(",") if part.strip()][:_LIMIT] or None


ROUTES = [device_list, device_page, export_device, erase_device, erase_person]

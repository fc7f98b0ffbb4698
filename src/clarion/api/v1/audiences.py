"""Audiences: which there are, and how many devices a filter means."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody

from clarion.api.auth import CurrentCaller
from clarion.api.binding import QueryNumber
from clarion.api.v1.arguments import optional_text, page_size
from clarion.features.audiences import AudienceService, Filter, filter_of
from clarion.features.audiences.estimating import Example
from clarion.features.audiences.reach import ReachService
from clarion.features.devices.query import masked

SAMPLE_LIMIT = 50
SHOWN = 100
"""Values that an estimate tells of each kind."""


class AudienceView(msgspec.Struct, frozen=True):
    """An audience as devices name it in their tags."""

    audience: str
    devices: int
    """Reachable devices of active apps."""


class AudienceList(msgspec.Struct, frozen=True):
    """Some audiences in the order of their names; `next_cursor` is null at the end of the list."""

    audiences: list[AudienceView]
    next_cursor: str | None


class EstimateBody(Filter, frozen=True, kw_only=True):
    """The filter's fields, and what else is wanted."""

    sample: Annotated[int, msgspec.Meta(ge=0, le=SAMPLE_LIMIT)] = 0
    """So many of the devices are shown."""


class AppEstimate(msgspec.Struct, frozen=True):
    """The share of one app."""

    app_id: int
    devices: int


class ValueEstimate(msgspec.Struct, frozen=True):
    """The share of one value; an empty value stands for devices that do not tell it."""

    value: str
    devices: int


class SampleDevice(msgspec.Struct, frozen=True):
    """One of the devices that the filter means."""

    id: str
    app_id: int
    external_id: str
    transport_type: str
    transport_token_masked: str
    platform_type: str
    country: str
    language: str
    last_active_at: datetime


class EstimateView(msgspec.Struct, frozen=True):
    """How many reachable devices a filter means at present."""

    devices: int
    exact: bool
    """False: extrapolated from a sample of each app's devices."""
    margin: int
    """The true number lies within this of `devices` in 95 of 100 cases; 0 if exact."""
    by_app: list[AppEstimate]
    by_platform: list[ValueEstimate]
    """The largest first, at most 100 values; as `by_country` and `by_language`."""
    by_country: list[ValueEstimate]
    by_language: list[ValueEstimate]
    sample: list[SampleDevice]
    """Some of the devices, if asked for; of a rare kind maybe fewer than there are."""


@get("/audiences", summary="List audiences", tags=["audiences"])
async def list_audiences(
    caller: CurrentCaller,
    reach: NamedDependency[ReachService],
    prefix: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: FromQuery[QueryNumber | None] = None,
) -> AudienceList:
    """Every audience that reachable devices carry, with their number as counted some seconds ago."""
    page = await reach.audiences(
        caller.account_id,
        prefix=optional_text("prefix", prefix) or "",
        after=optional_text("cursor", cursor),
        limit=page_size(limit),
    )
    return AudienceList([AudienceView(item.audience, item.devices) for item in page.items], page.next_after)


@post("/audiences/estimate", status_code=200, summary="Estimate an audience", tags=["audiences"])
async def estimate_audience(
    data: JSONBody[EstimateBody], caller: CurrentCaller, audiences: NamedDependency[AudienceService]
) -> EstimateView:
    """The devices that would get a message now, for the filter of a scheduler; takes bounded time."""
    filter_ = filter_of(data)
    found = await audiences.estimate(caller.account_id, filter_)
    chosen = await audiences.examples(caller.account_id, filter_, limit=data.sample) if data.sample else []
    return EstimateView(
        devices=found.devices,
        exact=found.exact,
        margin=found.margin,
        by_app=[AppEstimate(app_id, devices) for app_id, devices in sorted(found.by_app.items())],
        by_platform=_largest(found.by_platform),
        by_country=_largest(found.by_country),
        by_language=_largest(found.by_language),
        sample=[_sample(example) for example in chosen],
    )


def _largest(shares: Mapping[str, int]) -> list[ValueEstimate]:
    ordered = sorted(shares.items(), key=lambda share: (-share[1], share[0]))
    return [ValueEstimate(value, devices) for value, devices in ordered[:SHOWN]]


def _sample(example: Example) -> SampleDevice:
    return SampleDevice(
        id=str(example.id),
        app_id=example.app_id,
        external_id=example.ext_id,
        transport_type=example.transport,
        transport_token_masked=masked(example.token),
        platform_type=example.platform,
        country=example.country,
        language=example.lang,
        last_active_at=example.last_seen_at,
    )

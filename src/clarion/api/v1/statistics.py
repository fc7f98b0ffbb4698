"""Statistics: counts of any period, narrowed and grouped by any dimension, as JSON or CSV."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from clarion.api.auth import CurrentCaller
from clarion.api.binding import QueryNumber
from clarion.api.v1.arguments import optional_id, optional_text
from clarion.api.v1.counts import CountsView, counts_view
from clarion.api.v1.csv_text import MEDIA_TYPE, csv_text
from clarion.features.audiences.model import country as country_code
from clarion.features.statistics import Dimension, Group, StatisticsQuery, StatisticsService, period_of
from clarion.foundation.clock import SystemClock

_FROM = "A date (that whole day, in UTC) or an instant with its offset. 30 days before `to` unless given."
_TO = "A date (up to the end of that day, in UTC) or an instant with its offset. Now unless given."
_GROUP_BY = "Repeat the parameter to group by more than one dimension."
_FORMAT = "`csv` for a table; the header `Accept: text/csv` asks for the same."


class Format(StrEnum):
    """How the counts are answered."""

    JSON = "json"
    CSV = "csv"


class GroupView(msgspec.Struct, frozen=True):
    """The counts of one group; dimensions that were not asked for are null."""

    day: date | None
    hour: datetime | None
    app_id: int | None
    push_id: int | None
    send_id: int | None
    country: str | None
    language: str | None
    platform: str | None
    counts: CountsView


class Statistics(msgspec.Struct, frozen=True, rename={"begin": "from", "end": "to"}):
    """The counts of a period, in order of time, then of ids."""

    begin: datetime
    """Inclusive."""
    end: datetime
    """Exclusive."""
    group_by: list[Dimension]
    groups: list[GroupView]


DIMENSIONS = ("day", "hour", "app_id", "push_id", "send_id", "country", "language", "platform")
REASONS = ("token", "message", "internal", "expired")
SKIP_REASONS = ("frequency", "gap", "too_late")
HEADER = (
    *DIMENSIONS,
    "sent",
    "failed",
    *(f"failed_{reason}" for reason in REASONS),
    "cancelled",
    "skipped",
    *(f"skipped_{reason}" for reason in SKIP_REASONS),
    "delivered",
    "clicked",
    "delivery_rate",
    "click_rate",
)


@get("/statistics", summary="Read statistics", tags=["statistics"])
async def read_statistics(
    request: Request[Any, Any, Any],
    caller: CurrentCaller,
    statistics: NamedDependency[StatisticsService],
    begin: Annotated[str | None, QueryParameter(name="from", description=_FROM)] = None,
    end: Annotated[str | None, QueryParameter(name="to", description=_TO)] = None,
    group_by: Annotated[list[Dimension] | None, QueryParameter(description=_GROUP_BY)] = None,
    app_id: FromQuery[QueryNumber | None] = None,
    push_id: FromQuery[QueryNumber | None] = None,
    send_id: FromQuery[QueryNumber | None] = None,
    country: FromQuery[str | None] = None,
    language: FromQuery[str | None] = None,
    platform: FromQuery[str | None] = None,
    format_: Annotated[Format | None, QueryParameter(name="format", description=_FORMAT)] = None,
) -> Response[Statistics | str]:
    """Counts of messages by the hour in which it happened: sent when the provider accepted, delivered and clicked when
    the device said so. A message sent before midnight and confirmed after it counts on both days.
    """
    dimensions = list(dict.fromkeys(group_by or []))
    query = StatisticsQuery(
        period=period_of(begin, end, now=SystemClock().now()),
        dimensions=dimensions,
        app_id=optional_id("app_id", app_id),
        push_id=optional_id("push_id", push_id),
        send_id=optional_id("send_id", send_id),
        country=None if country is None else country_code(country),
        language=optional_text("language", language),
        platform=optional_text("platform", platform),
    )
    groups = [_view(group) for group in await statistics.read(caller.account_id, query)]
    if format_ is Format.CSV or (format_ is None and _prefers_csv(request)):
        return Response(csv_text(HEADER, map(_row, groups)), media_type=MEDIA_TYPE)
    answer = Statistics(query.period.begin, query.period.end, dimensions, groups)
    return Response(answer, media_type="application/json")


def _prefers_csv(request: Request[Any, Any, Any]) -> bool:
    return request.accept.best_match(["application/json", "text/csv"], default="application/json") == "text/csv"


def _view(group: Group) -> GroupView:
    return GroupView(
        day=group.day,
        hour=group.hour,
        app_id=group.app_id,
        push_id=group.push_id,
        send_id=group.send_id,
        country=group.country,
        language=group.language,
        platform=group.platform,
        counts=counts_view(group.counts),
    )


def _row(group: GroupView) -> Sequence[str | int | float | None]:
    counts = group.counts
    return (
        group.day.isoformat() if group.day else None,
        group.hour.isoformat() if group.hour else None,
        group.app_id,
        group.push_id,
        group.send_id,
        group.country,
        group.language,
        group.platform,
        counts.sent,
        counts.failed,
        *(getattr(counts.failed_by_reason, reason) for reason in REASONS),
        counts.cancelled,
        counts.skipped,
        *(getattr(counts.skipped_by_reason, reason) for reason in SKIP_REASONS),
        counts.delivered,
        counts.clicked,
        counts.delivery_rate,
        counts.click_rate,
    )

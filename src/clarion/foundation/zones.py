"""Time zones from the pinned `tzdata` package, never from the machine (reliability.md TM-6)."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo


@cache
def names() -> frozenset[str]:
    """Every zone name there is."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("utf-8").split())


@cache
def named(name: str) -> tzinfo | None:
    """The zone of this IANA name; None if there is none."""
    if name not in names():
        return None
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def told(zone: str, default: str) -> tzinfo:
    """The zone of a device: a name, seconds from UTC as text, or '' for its app's default; UTC failing that."""
    if zone.lstrip("-").isdecimal():
        return timezone(timedelta(seconds=int(zone)))
    return named(zone) or named(default) or UTC


def instant(wall: datetime, zone: tzinfo) -> datetime:
    """When clocks in the zone show `wall` (naive), in UTC.

    A time that a clock change skips is taken by the offset before the change, so it falls behind the gap by as much as
    it lies in it; of a time that comes twice the first one counts (reliability.md TM-3).
    """
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)

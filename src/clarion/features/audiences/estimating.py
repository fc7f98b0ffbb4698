"""How many devices a filter means, in bounded time on any number of devices (docs/adr/0009-estimates.md).

Three ways, the first that fits: the counts kept of reachable devices (`reach.py`) where they have all that the filter
asks about; an index where few devices can be meant; else a sample, whose random ids make it a fair one. The first two
are exact, and given up after a while in favour of the third.
"""

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil, sqrt
from typing import NamedTuple, TypeVar

import asyncpg

from clarion.db import Conditions, Connection, load
from clarion.db.statements import Record
from clarion.features.audiences.compiler import countable, sendable
from clarion.features.audiences.model import Estimate
from clarion.foundation.ids import DEVICE_ID_BITS

SQL = load(__package__, "estimating.sql")

SAMPLE = 10_000
"""Devices that one estimate looks at, spread over the apps."""
SAMPLE_PER_APP = 20
"""But of each app at least so many."""
SAMPLE_OF_ONE = 1_000
"""Devices that are looked at to plan the slices of one app."""
FEW = 5_000
"""Audiences with at most so many devices are read through their index."""
PATIENCE_MS = 50
"""How long an exact answer may take."""
_CONFIDENCE = 1.96
"""Standard deviations that hold 95 of 100 cases."""
_ALL_IDS = 1 << DEVICE_ID_BITS

_Key = TypeVar("_Key", int, str)


@dataclass(frozen=True, slots=True)
class Question:
    """A filter as the database understands it."""

    account_id: int
    app_ids: Sequence[int]
    conditions: Conditions
    base: Conditions
    """The part of the conditions that the counts can answer."""
    audiences: Sequence[str] | None
    """A device must be in one of these; None = the filter asks for none."""
    has_external_ids: bool


class Example(NamedTuple):
    """A device that a filter means."""

    app_id: int
    id: int
    ext_id: str
    transport: str
    token: str
    platform: str
    country: str
    lang: str
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Tally:
    """Devices by app, platform, country and language."""

    by_app: dict[int, float] = field(default_factory=dict)
    by_platform: dict[str, float] = field(default_factory=dict)
    by_country: dict[str, float] = field(default_factory=dict)
    by_language: dict[str, float] = field(default_factory=dict)

    def add(self, app_id: int | None, *, platform: str | None, country: str | None, lang: str | None, n: float) -> None:
        """So many more with these traits; a trait that is None is not counted."""
        _count(self.by_app, app_id, n)
        _count(self.by_platform, platform, n)
        _count(self.by_country, country, n)
        _count(self.by_language, lang, n)

    def estimate(self, *, exact: bool, margin: float) -> Estimate:
        """The answer with these shares."""
        return Estimate(
            devices=round(sum(self.by_app.values())),
            exact=exact,
            margin=0 if exact else max(1, ceil(margin)),
            by_app=_rounded(self.by_app),
            by_platform=_rounded(self.by_platform),
            by_country=_rounded(self.by_country),
            by_language=_rounded(self.by_language),
        )


async def estimate(conn: Connection, question: Question) -> Estimate:
    """The answer; `conn` is in a transaction."""
    counts = await _counted(conn, question, question.base)
    if counts is not None and countable(question.conditions):
        return counts.estimate(exact=True, margin=0)
    found = await _looked_up(conn, question) if await _may_be_few(conn, question) else None
    if found is not None:
        return found.estimate(exact=True, margin=0)
    return await _sampled(conn, question, counts)


async def examples(conn: Connection, question: Question, limit: int) -> list[Example]:
    """Up to `limit` devices that are meant; of a rare kind maybe fewer than there are."""
    statement, rows = SQL.examples_among_few.where(sendable(question.conditions)), None
    scope = {"account_id": question.account_id, "app_ids": question.app_ids, "limit": limit}
    if await _may_be_few(conn, question):
        rows = await _patiently(conn, statement.fetch(conn, **scope))
    if rows is None:
        size = max(SAMPLE // max(len(question.app_ids), 1), SAMPLE_PER_APP)
        rows = await SQL.examples.where(sendable(question.conditions)).fetch(conn, size=size, **scope)
    return [Example(*row) for row in rows]


async def matches(conn: Connection, account_id: int, *, app_id: int, conditions: Conditions) -> int:
    """Reachable devices of one app: exact where the counts tell, else from a small sample."""
    question = Question(account_id, [app_id], conditions, Conditions(), None, has_external_ids=False)
    if countable(conditions):
        counts = await _counted(conn, question, conditions)
        if counts is not None:
            return round(sum(counts.by_app.values()))
    looked = await _look(conn, question, {app_id: SAMPLE_OF_ONE})
    return round(sum(app.share(None).devices for app in looked.values()))


async def _counted(conn: Connection, question: Question, conditions: Conditions) -> Tally | None:
    """What the counts say; None while an app has not been counted, or when that takes too long."""
    app_ids = question.app_ids
    if await SQL.counted_apps.fetchval(conn, account_id=question.account_id, app_ids=app_ids) < len(app_ids):
        return None
    statement = SQL.reach.where(conditions)
    rows = await _patiently(conn, statement.fetch(conn, account_id=question.account_id, app_ids=app_ids))
    return None if rows is None else _tally(rows)


async def _may_be_few(conn: Connection, question: Question) -> bool:
    """Whether an index may tell the few devices that can be meant."""
    if question.has_external_ids:
        return True
    if not question.audiences:
        return False
    size = await SQL.audience_members.fetchval(conn, account_id=question.account_id, audiences=question.audiences)
    return bool(size <= FEW)


async def _looked_up(conn: Connection, question: Question) -> Tally | None:
    """Every device that is meant, read through an index; None when that takes too long."""
    statement = SQL.tally.where(sendable(question.conditions))
    rows = await _patiently(conn, statement.fetch(conn, account_id=question.account_id, app_ids=question.app_ids))
    return None if rows is None else _tally(rows)


async def _patiently(conn: Connection, reading: Awaitable[list[Record]]) -> list[Record] | None:
    """What is read; None if it takes longer than `PATIENCE_MS`."""
    before = await SQL.patience.fetchval(conn)
    try:
        async with conn.transaction():
            await SQL.set_patience.fetchval(conn, time=f"{PATIENCE_MS}ms", scans="off")
            rows = await reading
            await SQL.set_patience.fetchval(conn, time=before, scans="on")
    except asyncpg.QueryCanceledError:
        return None
    return rows


def _tally(rows: Iterable[Record]) -> Tally:
    found = Tally()
    for row in rows:
        found.add(row["app_id"], platform=row["platform"], country=row["country"], lang=row["lang"], n=row["n"])
    return found


class _Share(NamedTuple):
    """What a sample says of one app."""

    devices: float
    variance: float
    scale: float
    """Devices of the app for each one of the sample."""


@dataclass(slots=True)
class _Looked:
    """The sample of one app."""

    size: int
    """Devices that were to be looked at."""
    rows: list[Record] = field(default_factory=list)

    def _sum(self, name: str) -> int:
        return sum(row[name] for row in self.rows)

    @property
    def complete(self) -> bool:
        """Every device of the app was looked at."""
        return self._sum("seen") < self.size

    def share(self, known: float | None) -> _Share:
        """Devices meant in the whole app; `known` is how many meet the part of the filter that the counts answer."""
        matching, base = self._sum("matching"), self._sum("base")
        if self.complete:
            return _Share(matching, 0, 1)
        if known is None:
            return self._by_ids(matching)
        if not base:
            return _Share(known / 2, known * known / 16, 0)
        part = (matching + 1) / (base + 2)
        left = max(0.0, 1 - base / known)
        return _Share(known * matching / base, known * known * part * (1 - part) / base * left, known / base)

    def _by_ids(self, matching: int) -> _Share:
        """Ids are uniform, so the part of their range that was seen is the part of the devices that was seen."""
        # The last device of the sample marks its end, so it is not counted itself: that keeps the estimate unbiased.
        seen = self._sum("seen")
        scale = max(1.0, (seen - 1) * _ALL_IDS / max(row["last_id"] for row in self.rows) / seen)
        return _Share(matching * scale, (matching + 1) * scale * (scale - 1), scale)


async def _sampled(conn: Connection, question: Question, counts: Tally | None) -> Estimate:
    looked = await _look(conn, question, _sizes(question.app_ids, counts))
    found, variance = Tally(), 0.0
    for app_id, app in looked.items():
        share = app.share(counts.by_app.get(app_id, 0) if counts else None)
        variance += share.variance
        found.by_app[app_id] = share.devices
        for row in app.rows:
            n = row["matching"] * share.scale
            found.add(None, platform=row["platform"], country=row["country"], lang=row["lang"], n=n)
    exact = all(app.complete for app in looked.values())
    return found.estimate(exact=exact, margin=_CONFIDENCE * sqrt(variance))


def _sizes(app_ids: Sequence[int], counts: Tally | None) -> dict[int, int]:
    """How many devices to look at in each app: as many as it has of those that may be meant, none where it has none."""
    if counts is None:
        return dict.fromkeys(app_ids, max(SAMPLE // max(len(app_ids), 1), SAMPLE_PER_APP))
    total = sum(counts.by_app.values())
    return {app_id: max(SAMPLE_PER_APP, ceil(SAMPLE * n / total)) for app_id, n in counts.by_app.items() if n > 0}


async def _look(conn: Connection, question: Question, sizes: Mapping[int, int]) -> dict[int, _Looked]:
    """The first devices of each app in id order."""
    # Without fresh statistics (after an import) the planner would read and sort whole apps to find the first devices.
    await SQL.allow_detours.fetchval(conn, state="off")
    statement = SQL.sample.where(sendable(question.conditions), base=sendable(question.base))
    rows = await statement.fetch(conn, account_id=question.account_id, app_ids=list(sizes), sizes=list(sizes.values()))
    await SQL.allow_detours.fetchval(conn, state="on")
    looked = {app_id: _Looked(size) for app_id, size in sizes.items()}
    for row in rows:
        looked[row["app_id"]].rows.append(row)
    return looked


def _count(counts: dict[_Key, float], key: _Key | None, n: float) -> None:
    if key is not None:
        counts[key] = counts.get(key, 0) + n


def _rounded(counts: Mapping[_Key, float]) -> dict[_Key, int]:
    return {key: round(n) for key, n in counts.items() if round(n)}

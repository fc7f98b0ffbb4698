"""How many devices a filter means, in bounded time on any number of devices (docs/adr/0009-estimates.md).

Three ways, the first that fits: the counts kept of reachable devices (`reach.py`) where they have all that the filter
asks about; an index where few devices can be meant; else a sample, whose random ids make it a fair one. The first two
are exact, and given up after a while in favour of the third.
"""

import time
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from itertools import pairwise
from math import ceil, sqrt
from typing import NamedTuple, TypeVar

import asyncpg

from clarion.db import Conditions, Connection, load
from clarion.db.statements import Record
from clarion.features.audiences.compiler import Counts, counts_for, sendable
from clarion.features.audiences.model import Estimate
from clarion.foundation.errors import Unavailable
from clarion.foundation.ids import DEVICE_ID_BITS

SQL = load(__package__, "estimating.sql")

_COUNTS = {Counts.PLAIN: SQL.reach, Counts.WITH_EVENTS: SQL.reach_events, Counts.NONE: None}

ROUNDS = (500, 1_500, 4_000, 8_000)
"""Devices that one estimate looks at, spread over the apps: the later rounds only if there is time."""
SAMPLE_PER_APP = 20
"""But of each app at least so many in a round."""
SAMPLE_MS = 50
"""A round begins only if it will end before, at the pace of the one before it."""
FIRST_ROUND_MS = 5_000
"""The first round is not given up for being slow: its devices may have to come from a disk."""
SAMPLE_OF_ONE = 1_000
"""Devices that are looked at to plan the slices of one app."""
EXAMPLES_AMONG = 6_000
"""Devices that are looked at to find examples, spread over the apps."""
FEW = 5_000
"""Audiences with at most so many devices, and so many external ids, are read through their index."""
PATIENCE_MS = 75
"""How long an exact answer may take."""
_CONFIDENCE = 1.96
"""Standard deviations that hold 95 of 100 cases."""
_ASSUMED = 20
"""As many devices of an app are taken to be as usual before any of it is seen."""
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
    external_ids: int


class _Way(Enum):
    """Which ways the planner may go. Without fresh statistics (after an import) it would take the wrong ones."""

    ANY = ("on", "on")
    BY_INDEX = ("off", "on")
    """Never through a whole table."""
    IN_ORDER = ("off", "off")
    """Along an index, and no further than needed: no sorting of whole apps to find their first devices."""

    @property
    def scans(self) -> str:
        """Whether whole tables may be read."""
        return self.value[0]

    @property
    def detours(self) -> str:
        """Whether rows may be sorted, or gathered before they are read."""
        return self.value[1]


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
    counted = await _is_counted(conn, question)
    found = await _exactly(conn, question, counted=counted)
    if found is not None:
        return found.estimate(exact=True, margin=0)
    return await _sampled(conn, question, await _base(conn, question) if counted else None)


async def examples(conn: Connection, question: Question, limit: int) -> list[Example]:
    """Up to `limit` devices that are meant; of a rare kind maybe fewer than there are."""
    statement, rows = SQL.examples_among_few.where(sendable(question.conditions)), None
    scope = {"account_id": question.account_id, "app_ids": question.app_ids, "limit": limit}
    if await _may_be_few(conn, question):
        rows = await _patiently(conn, statement.fetch(conn, **scope), way=_Way.BY_INDEX)
    if rows is None:
        size = max(EXAMPLES_AMONG // max(len(question.app_ids), 1), SAMPLE_PER_APP)
        rows = await SQL.examples.where(sendable(question.conditions)).fetch(conn, size=size, **scope)
    return [Example(*row) for row in rows]


async def matches(conn: Connection, account_id: int, *, app_id: int, conditions: Conditions) -> int:
    """Reachable devices of one app: exact where the counts tell, else from a small sample."""
    question = Question(account_id, [app_id], conditions, Conditions(), None, external_ids=0)
    if await _is_counted(conn, question):
        found = await _exactly(conn, question, counted=True)
        if found is not None:
            return round(sum(found.by_app.values()))
    looked = {app_id: _Looked(1.0)}
    await _look_first(conn, question, looked, number=SAMPLE_OF_ONE)
    return round(sum(app.share(None).devices for app in looked.values()))


async def _is_counted(conn: Connection, question: Question) -> bool:
    """Whether the counts know all devices of the apps."""
    found = await SQL.counted_apps.fetchval(conn, account_id=question.account_id, app_ids=question.app_ids)
    return bool(found == len(question.app_ids))


async def _exactly(conn: Connection, question: Question, *, counted: bool) -> Tally | None:
    """Everybody who is meant, from the counts or through an index; None where neither tells, or it takes too long."""
    scope = {"account_id": question.account_id, "app_ids": question.app_ids}
    statement = _COUNTS[counts_for(question.conditions)] if counted else None
    if statement is not None:
        rows = await _patiently(conn, statement.where(question.conditions).fetch(conn, **scope))
    elif await _may_be_few(conn, question):
        narrowed = SQL.tally.where(sendable(question.conditions))
        rows = await _patiently(conn, narrowed.fetch(conn, **scope), way=_Way.BY_INDEX)
    else:
        return None
    return None if rows is None else _tally(rows)


async def _base(conn: Connection, question: Question) -> dict[int, int]:
    """Devices of each app that meet the part of the filter that the plain counts answer; no app without any."""
    statement = SQL.base.where(question.base)
    rows = await statement.fetch(conn, account_id=question.account_id, app_ids=question.app_ids)
    return {row["app_id"]: row["n"] for row in rows}


async def _may_be_few(conn: Connection, question: Question) -> bool:
    """Whether an index may tell the few devices that can be meant."""
    if question.external_ids:
        return question.external_ids <= FEW
    if not question.audiences:
        return False
    size = await SQL.audience_members.fetchval(conn, account_id=question.account_id, audiences=question.audiences)
    return bool(size <= FEW)


async def _patiently(
    conn: Connection, reading: Awaitable[list[Record]], *, ms: float | None = None, way: _Way = _Way.ANY
) -> list[Record] | None:
    """What is read in some way; None if it takes longer. The caller's transaction keeps its settings."""
    attempt = conn.transaction()
    await attempt.start()
    try:
        limit = PATIENCE_MS if ms is None else ms
        await SQL.bound.fetchval(conn, time=f"{ceil(limit)}ms", scans=way.scans, detours=way.detours)
        return await reading
    except asyncpg.QueryCanceledError:
        return None
    finally:
        await attempt.rollback()


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

    weight: float
    """Its part of the whole sample."""
    rows: list[Record] = field(default_factory=list)
    last_id: int = 0
    complete: bool = False
    """Every device of the app was looked at."""

    def size(self, number: int) -> int:
        """How many devices of the app a round of so many looks at."""
        return max(SAMPLE_PER_APP, ceil(number * self.weight))

    def take(self, rows: list[Record], size: int) -> None:
        """What a round found among so many devices."""
        self.rows += rows
        self.last_id = max([self.last_id, *(row["last_id"] for row in rows)])
        self.complete = sum(row["seen"] for row in rows) < size

    def found(self, name: str) -> int:
        """A column of the sample, summed up."""
        return sum(row[name] for row in self.rows)

    def share(self, known: int | None, usual: float = 0.5) -> _Share:
        """Devices meant in the whole app.

        `known` is how many meet the part of the filter that the counts answer, `usual` the part of those that is meant
        over all apps: what is assumed of an app as long as little of it was seen.
        """
        matching = self.found("matching")
        if self.complete:
            return _Share(matching, 0, 1)
        if known is None:
            return self._by_ids(matching)
        seen = self.found("base")
        part = (matching + _ASSUMED * usual) / (seen + _ASSUMED)
        careful = (part * seen + 1) / (seen + 2)
        variance = known * known * careful * (1 - careful) / max(seen, 1) * max(0.0, 1 - seen / known)
        return _Share(known * part, variance, known * part / matching if matching else 0)

    def _by_ids(self, matching: int) -> _Share:
        """Ids are uniform, so the part of their range that was seen is the part of the devices that was seen."""
        # The last device of the sample marks its end, so it is not counted itself: that keeps the estimate unbiased.
        seen = self.found("seen")
        scale = max(1.0, (seen - 1) * _ALL_IDS / self.last_id / seen)
        return _Share(matching * scale, (matching + 1) * scale * (scale - 1), scale)


async def _sampled(conn: Connection, question: Question, base: Mapping[int, int] | None) -> Estimate:
    looked = _weighted(question.app_ids, base)
    await _look_repeatedly(conn, question, looked)
    usual = _usual(looked.values())
    found, variance = Tally(), 0.0
    for app_id, app in looked.items():
        share = app.share(None if base is None else base[app_id], usual)
        variance += share.variance
        found.by_app[app_id] = share.devices
        for row in app.rows:
            n = row["matching"] * share.scale
            found.add(None, platform=row["platform"], country=row["country"], lang=row["lang"], n=n)
    exact = all(app.complete for app in looked.values())
    return found.estimate(exact=exact, margin=_CONFIDENCE * sqrt(variance))


def _usual(looked: Iterable[_Looked]) -> float:
    """The part that matches of what meets the base, over all apps; for want of any, one half."""
    matching, base = 0, 0
    for app in looked:
        matching += app.found("matching")
        base += app.found("base")
    return matching / base if base else 0.5


async def _look_repeatedly(conn: Connection, question: Question, looked: Mapping[int, _Looked]) -> None:
    begun = before = time.monotonic()
    await _look_first(conn, question, looked, number=ROUNDS[0])
    for last, number in pairwise(ROUNDS):
        now = time.monotonic()
        left = SAMPLE_MS - (now - begun) * 1000
        if (now - before) * 1000 * number / last > left:
            return
        before = now
        if not await _look(conn, question, looked, number=number, ms=left):
            return


def _weighted(app_ids: Sequence[int], base: Mapping[int, int] | None) -> dict[int, _Looked]:
    """Apps by how much of each is looked at: as much as it has of those that may be meant; none where it has none."""
    if base is None:
        return {app_id: _Looked(1 / len(app_ids)) for app_id in app_ids}
    total = sum(base.values())
    return {app_id: _Looked(n / total) for app_id, n in base.items()}


async def _look_first(conn: Connection, question: Question, looked: Mapping[int, _Looked], *, number: int) -> None:
    """The round without which there is no answer; `Unavailable` if even that takes too long."""
    if not await _look(conn, question, looked, number=number, ms=FIRST_ROUND_MS):
        raise Unavailable("the database is too busy for an estimate")


async def _look(conn: Connection, question: Question, looked: Mapping[int, _Looked], *, number: int, ms: float) -> bool:
    """Look at so many more devices, in id order in each app; False if that takes too long."""
    sizes = {app_id: app.size(number) for app_id, app in looked.items() if not app.complete}
    if not sizes:
        return True
    statement = SQL.sample.where(sendable(question.conditions), base=sendable(question.base))
    reading = statement.fetch(
        conn,
        account_id=question.account_id,
        app_ids=list(sizes),
        sizes=list(sizes.values()),
        after=[looked[app_id].last_id for app_id in sizes],
    )
    rows = await _patiently(conn, reading, ms=ms, way=_Way.IN_ORDER)
    if rows is None:
        return False
    by_app: dict[int, list[Record]] = {app_id: [] for app_id in sizes}
    for row in rows:
        by_app[row["app_id"]].append(row)
    for app_id, size in sizes.items():
        looked[app_id].take(by_app[app_id], size)
    return True


def _count(counts: dict[_Key, float], key: _Key | None, n: float) -> None:
    if key is not None:
        counts[key] = counts.get(key, 0) + n


def _rounded(counts: Mapping[_Key, float]) -> dict[_Key, int]:
    return {key: round(n) for key, n in counts.items() if round(n)}

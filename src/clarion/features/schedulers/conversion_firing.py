"""Firing auto-pushes: from triggers whose moment has come to deliveries that workers claim.

One transaction holds some triggers of one scheduler, judges each by what holds now, and leaves either a waiting
delivery or nothing in its place. So any number of workers can do it, and a kill changes nothing. Rules (quiet hours,
caps, pacing) are asked when a worker claims the delivery.
"""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import NamedTuple, Protocol

import msgspec
import structlog

from clarion.db import Connection, Database, load
from clarion.features import triggers
from clarion.features.audiences import AudienceService, Filter
from clarion.features.deliveries.queueing import Message, enqueue
from clarion.features.pushes import PushContent, PushService
from clarion.features.schedulers.conversion import ROUND_LIMIT, Fate, Means, Target, fate_of
from clarion.features.sends import rolling
from clarion.features.triggers import Claimed, Key
from clarion.features.triggers.store import due_schedulers, skip_due, sweep
from clarion.foundation.errors import Unavailable
from clarion.providers.registry import TRANSPORTS

SQL = load(__package__, "conversion.sql")

BATCH = 1000
"""Triggers of one scheduler that a transaction takes on."""
_SCHEDULERS_AT_ONCE = 200
_SIDE_BY_SIDE = 3
"""Transactions, and so connections, that one call uses at once."""
_SWEEP = 5000

Device = tuple[int, int]
"""(app, device)."""

log = structlog.get_logger("clarion.autopush")


class Providers(Protocol):
    """Where an app's credentials are known."""

    async def providers_of(
        self, account_id: int, app_ids: Sequence[int], within: Connection | None = None
    ) -> Mapping[int, Collection[str]]:
        """For each app that has credentials: their providers."""


class _Shot(NamedTuple):
    """A trigger that goes."""

    key: Key
    target: Target
    number: int
    """Of the round that it belongs to."""


@dataclass(frozen=True, slots=True)
class _Scheduler:
    id: int
    account_id: int
    filter: Filter
    means: Means
    pushes: Sequence[PushContent]


class AutoPushService:
    """The system side of auto-push."""

    def __init__(self, *, database: Database, audiences: AudienceService, pushes: PushService, apps: Providers) -> None:
        self._database = database
        self._audiences = audiences
        self._pushes = pushes
        self._apps = apps

    async def fire_due(self, now: datetime) -> int:
        """Settle what is due; how many triggers this call took care of (call again at once unless it is 0).

        Safe from any number of workers at once. A scheduler that fails is logged and tried again by the next call.
        """
        async with self._database.acquire() as conn:
            scheduler_ids = await due_schedulers(conn, now=now, limit=_SCHEDULERS_AT_ONCE)
        left = iter(scheduler_ids)
        lines = (self._fire_each(left, now) for _ in range(_SIDE_BY_SIDE))
        done = await asyncio.gather(*lines, return_exceptions=True)
        for result in done:
            if isinstance(result, BaseException):
                raise result
        return sum(result for result in done if isinstance(result, int))

    async def _fire_each(self, scheduler_ids: Iterator[int], now: datetime) -> int:
        """Fire one scheduler after the other, as long as there are any that nobody else has taken."""
        done = 0
        for scheduler_id in scheduler_ids:
            try:
                done += await self._database.run(partial(self._fire, scheduler_id=scheduler_id, now=now))
            except Unavailable:
                raise
            except Exception:
                # The edge of the loop: one scheduler that cannot fire must not hold back the others.
                log.exception("auto-push could not be fired", scheduler_id=scheduler_id)
        return done

    async def sweep(self, now: datetime) -> int:
        """Remove some triggers that nothing will ever fire; how many (call again at once unless it is 0)."""
        return await self._database.run(partial(sweep, now=now, limit=_SWEEP))

    async def skip_due(self, *, within: Connection) -> int:
        """Drop every trigger of the installation whose moment has passed; how many there were."""
        return await skip_due(within)

    async def _fire(self, conn: Connection, *, scheduler_id: int, now: datetime) -> int:
        held = await SQL.hold.fetchrow(conn, scheduler_id=scheduler_id)
        if held is None:
            return 0
        claimed = await triggers.claim(conn, scheduler_id, now=now, limit=BATCH)
        if not claimed:
            return 0
        filter_ = msgspec.convert(held["filter"], Filter)
        scheduler = await self._read(conn, scheduler_id, account_id=held["account_id"], filter_=filter_)
        fates, shots = await self._judge(conn, scheduler, claimed, now)
        left_open = await _put(conn, scheduler, shots, now)
        waiting = {key for key, fate in fates.items() if fate is Fate.AWAITS_TOKEN}
        await triggers.let_wait(conn, sorted(waiting))
        await triggers.remove(conn, [key for key in fates if key not in waiting and key not in left_open])
        log.debug("auto_push", scheduler_id=scheduler_id, fates=Counter(fates.values()))
        return len(claimed)

    async def _read(self, conn: Connection, scheduler_id: int, *, account_id: int, filter_: Filter) -> _Scheduler:
        app_ids = await self._audiences.resolve_apps(account_id, filter_, within=conn)
        providers = await self._apps.providers_of(account_id, app_ids, conn)
        push_ids = await self._pushes.bound_active(account_id, scheduler_id, within=conn)
        contents = await self._pushes.load(push_ids, within=conn)
        means = Means(frozenset(app_ids), providers, push_ids)
        return _Scheduler(scheduler_id, account_id, filter_, means, [contents[push_id] for push_id in push_ids])

    async def _judge(
        self, conn: Connection, scheduler: _Scheduler, claimed: Sequence[Claimed], now: datetime
    ) -> tuple[dict[Key, Fate], list[_Shot]]:
        """What becomes of each trigger, and those that go."""
        targets = await self._targets(conn, scheduler, claimed, now)
        fates: dict[Key, Fate] = {}
        shots: list[_Shot] = []
        further: Counter[Device] = Counter()
        for key, due_at in claimed:
            device = key.app_id, key.device_id
            target = targets.get(device)
            fate = fate_of(key.app_id, due_at, target, means=scheduler.means, now=now)
            if fate is Fate.FIRED and target is not None:
                number = target.earlier + further[device]
                further[device] += 1
                if number < ROUND_LIMIT:
                    shots.append(_Shot(key, target, number))
                else:
                    fate = Fate.TOO_MANY
            fates[key] = fate
        return fates, shots

    async def _targets(
        self, conn: Connection, scheduler: _Scheduler, claimed: Sequence[Claimed], now: datetime
    ) -> dict[Device, Target]:
        day, account_id = _day(now), scheduler.account_id
        conditions = await self._audiences.conditions(account_id, scheduler.filter, within=conn)
        devices = sorted({(item.key.app_id, item.key.device_id) for item in claimed})
        rows = await SQL.targets.where(conditions).fetch(
            conn,
            account_id=account_id,
            app_ids=[app_id for app_id, _ in devices],
            device_ids=[device_id for _, device_id in devices],
            day=day,
            send_ids=await rolling.rounds(conn, account_id, scheduler.id, day=day),
        )
        return {(row["app_id"], row["id"]): Target(*row[2:]) for row in rows}


async def _put(conn: Connection, scheduler: _Scheduler, shots: Iterable[_Shot], now: datetime) -> set[Key]:
    """Let messages wait for a worker; the keys of those that somebody else's message to the device stood in for, to be
    judged again."""
    rounds: defaultdict[int, list[tuple[_Shot, PushContent]]] = defaultdict(list)
    for shot in shots:
        rounds[shot.number].append((shot, random.choice(scheduler.pushes)))  # noqa: S311 - a fair share, not a secret
    left_open: set[Key] = set()
    for number, loaded in sorted(rounds.items()):
        opening = rolling.Opening(
            scheduler.account_id,
            scheduler.id,
            _day(now),
            number,
            push_ids=[push.id for _, push in loaded],
            places={(shot.key.app_id, TRANSPORTS[shot.target.transport]) for shot, _ in loaded},
            messages=len(loaded),
        )
        send_id = await rolling.open_round(conn, opening, now=now)
        messages = {shot.key: _message(shot, push, send_id) for shot, push in loaded}
        new = await enqueue(conn, scheduler.account_id, _day(now), list(messages.values()))
        left_open |= {key for key, message in messages.items() if message.key not in new}
    return left_open


def _message(shot: _Shot, push: PushContent, send_id: int) -> Message:
    target = shot.target
    return Message(
        shot.key.app_id,
        send_id,
        shot.key.device_id,
        push.id,
        TRANSPORTS[target.transport],
        push.language_for(target.lang),
        target.country,
        target.platform,
        target.token_hash or b"",
    )


def _day(now: datetime) -> date:
    return now.astimezone(UTC).date()

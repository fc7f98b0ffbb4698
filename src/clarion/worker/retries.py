"""Further attempts of waiting deliveries: claimed row by row, sent through the same lanes."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from uuid import UUID

import structlog

from clarion.features.deliveries.bundles import SavedBundle
from clarion.features.deliveries.claiming import DueGroup, Wanted, of_lanes, wanted_of
from clarion.features.deliveries.decide import Decision
from clarion.features.deliveries.model import POSTPONED, Attempt, Reason, State, WaitingDelivery
from clarion.features.pushes import PushContent
from clarion.foundation.clock import Clock
from clarion.foundation.errors import Unavailable
from clarion.providers.contract import Outcome, Verdict
from clarion.providers.transport import Request
from clarion.worker.bundle_lane import BundleLane
from clarion.worker.bundles import Bundler, bundle_of
from clarion.worker.content import dimensions
from clarion.worker.kit import Kit
from clarion.worker.lane import Lane, LaneBlocked
from clarion.worker.plans import OpenSend
from clarion.worker.recorder import Recorder
from clarion.worker.regime import UNSENT, Regime, out_of_turn
from clarion.worker.slice_run import lease_clock
from clarion.worker.window import LaneKey
from clarion.worker.wording import refusal

log = structlog.get_logger()

LEASE = 60.0
"""Seconds; longer than a request may take plus the flush."""
SAFE_LEFT = 40.0
"""Seconds of lease that must be left for a hand-over: wait for a stream, request timeout, flush and margin."""
CLAIM = 500
MAX_LANES = 64
"""Credentials whose retries are under way at once; some may wait for providers that do not answer."""
_SPREAD = 10
"""Retries that go out per waiting time at least; what waits is spread accordingly."""
_SOON = 1.0
_LONG = 900.0
_Row = tuple[WaitingDelivery, Attempt]


class RetryJob:
    """Waiting deliveries of one send, app and provider; a `Job`."""

    def __init__(
        self, row: WaitingDelivery, opened: OpenSend, regime: Regime | None, *, recorder: Recorder, clock: Clock
    ) -> None:
        self.account_id: int = row.account_id
        self.app_id: int = row.app_id
        self.send_id: int = row.send_id
        self.day: date = row.day
        self.provider: str = row.provider
        self.cutoff_at = row.own_time or opened.plan.cutoff_at
        self.expires_at = regime.expiry(row.expires_at, self.cutoff_at) if regime else row.expires_at
        self.capped = regime is not None and regime.capped
        self.regime = regime
        self._recorder = recorder
        self._clock = clock
        self._codes: dict[int, str] = {}

    def settled(self, count: int) -> None:
        """See `Job.settled`: nobody waits for a retry."""

    def give_back(self, attempt: Attempt, wait: float) -> None:
        """See `Job.give_back`: the row waits on, and the attempt does not count."""
        self.postpone(attempt, wait)

    def began_at(self, row: WaitingDelivery) -> datetime:
        """When the row's first attempt was made; its hour for retries counts from then."""
        return self._clock.now() if row.first else row.own_time or row.created_at

    def note(self, rows: Iterable[WaitingDelivery]) -> None:
        """Remember the rows' last answers."""
        self._codes.update((row.device_id, row.code) for row in rows if row.code)

    def postpone(self, attempt: Attempt, wait: float) -> None:
        """Let the row wait `wait` seconds more (at least one) without using up an attempt; it keeps its last answer."""
        now = self._clock.now()
        moment = now + timedelta(seconds=min(max(wait, _SOON), _LONG))
        if moment >= self.expires_at:
            decision = Decision(State.FAILED, Reason.EXPIRED)
        else:
            decision = Decision(State.WAITING, next_attempt_at=moment, counted=False)
        code = self._codes.get(attempt.device_id, POSTPONED)
        self._recorder.settle(attempt, Verdict(Outcome.UNSENT, code), decision, now)


class Retries:
    """The retry loop's one step, and the retries under way."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._busy: Counter[LaneKey] = Counter()
        self.changed = asyncio.Event()
        """Set when there may be more to claim, so that nothing waits for the next look."""

    async def step(self, tasks: asyncio.TaskGroup) -> int:
        """Claim what is due, as much as fits, and start to hand it over or settle it; how many rows that was.

        Each credential's rows are a task of their own: one that must wait delays no other.
        """
        limit, room = min(CLAIM, self._kit.window.free), MAX_LANES - self._busy.total()
        if limit <= 0 or room <= 0:
            return 0
        wanted = self._wanted(await self._kit.store.due(), room)
        if not wanted:
            return 0
        claimed_at = lease_clock()
        rows = await self._kit.store.claim(wanted, limit=limit, seconds=LEASE)
        groups: defaultdict[LaneKey, list[WaitingDelivery]] = defaultdict(list)
        for row in rows:
            groups[row.app_id, row.provider].append(row)
        for key, group in groups.items():
            self._busy[key] += 1
            tasks.create_task(self._serve(key, group, claimed_at + LEASE - SAFE_LEFT))
        return len(rows)

    def _wanted(self, due: Sequence[DueGroup], room: int) -> list[Wanted]:
        """What can be served now. Beside the one task of a lane, another may take out what must end."""
        crowded = {lane for lane, tasks in self._busy.items() if tasks > 1}
        return of_lanes(wanted_of(due, closed={*self._busy, *self._kit.lanes.blocked()}, crowded=crowded), room)

    async def _serve(self, key: LaneKey, rows: Sequence[WaitingDelivery], until: float) -> None:
        """Work through the rows of one credential; leases of what is left when the database goes away run out."""
        try:
            lane, wait = await self._lane(key)
            for (send_id, *_), group in groupby(sorted(rows, key=_moment), key=_moment):
                part = list(group)
                opened = await self._kit.plans.open(send_id, push_ids={row.push_id for row in part})
                await self._serve_send(_Way(lane, wait, until), opened, part)
        except Unavailable as error:
            log.warning("retries_left", app=key[0], provider=key[1], error=str(error))
        finally:
            self._busy[key] -= 1
            self._busy += Counter()
            self.changed.set()

    async def _lane(self, key: LaneKey) -> tuple[Lane | None, float]:
        """The lane, or None with the seconds until there may be one."""
        try:
            return await self._kit.lanes.open(*key), _LONG
        except LaneBlocked as error:
            return None, error.seconds

    async def _serve_send(self, way: "_Way", opened: OpenSend, rows: Sequence[WaitingDelivery]) -> None:
        regime = opened.regime(rows[0].app_id)
        job = RetryJob(rows[0], opened, regime, recorder=self._kit.recorder, clock=self._kit.clock)
        key = (job.app_id, job.provider)
        while rows:
            cap = None if way.lane is None else way.lane.cap
            count = await self._kit.window.take(key, min(len(rows), self._kit.window.portion), cap=cap)
            await self._serve_part(way, job, opened, rows[:count])
            rows = rows[count:]

    async def _serve_part(self, way: "_Way", job: RetryJob, opened: OpenSend, rows: Sequence[WaitingDelivery]) -> None:
        """Settle or send rows that have their places in the window."""
        job.note(rows)
        now = self._kit.clock.now()
        left: list[_Row] = []
        for row in rows:
            attempt = _attempt(job, row)
            over = _over(row, job.expires_at, now, push=opened.all_pushes.get(row.push_id))
            if over is None:
                left.append((row, attempt))
            else:
                self._kit.recorder.settle(attempt, Verdict(Outcome.UNSENT, over[1]), over[0], now)
        if left and job.regime is not None and job.regime.orders:
            left = await self._under_rules(job, job.regime, opened, left)
        if isinstance(way.lane, BundleLane) and way.lane.whole:
            await self._serve_whole(way, way.lane, job, opened, left)
            return
        granted, wait = await way.granted(len(left), first=_first_attempts(left))
        for number, (_, attempt) in enumerate(left[granted:], start=1):
            job.postpone(attempt, wait * (1 + number / max(_SPREAD, granted)))
        if way.lane is not None and granted:
            self._send(way.lane, job, left[:granted], opened)

    async def _under_rules(self, job: RetryJob, regime: Regime, opened: OpenSend, rows: list[_Row]) -> list[_Row]:
        """Those that the rules let go; what becomes of the others is written down."""
        now = self._kit.clock.now()
        due_at = opened.plan.due_at
        due = {row.device_id: row.created_at if row.rolling else due_at for row, _ in rows}
        try:
            found = await regime.judge(due, now)
            going = [(row, attempt) for row, attempt in rows if found.may_leave(row.device_id)]
            waiting = [attempt for row, attempt in going if row.first and row.reason != Reason.PACING]
            turns, _ = await regime.take_turns(len(waiting)) if regime.paced and waiting else (len(waiting), 0.0)
        except Unavailable:
            for _, attempt in rows:
                job.postpone(attempt, _SOON)
            return []
        for row, attempt in rows:
            if not found.may_leave(row.device_id):
                self._kit.recorder.settle(attempt, UNSENT, regime.decision(found, row.device_id), now)
        late = set(map(id, waiting[turns:]))
        for attempt in waiting[turns:]:
            self._kit.recorder.settle(attempt, UNSENT, out_of_turn(now), now)
        return [(row, attempt) for row, attempt in going if id(attempt) not in late]

    def _send(self, lane: Lane, job: RetryJob, rows: Sequence[_Row], opened: OpenSend) -> None:
        renderer, now = lane.renderer(self._kit.ids), self._kit.clock.now()
        renderer.set_moment(job, now)
        requests, refused = renderer.further(rows, opened.all_pushes)
        self._settle_refused(refused, now)
        lane.submit(requests)

    def _settle_refused(self, refused: Sequence[tuple[Attempt, Verdict]], now: datetime) -> None:
        for attempt, verdict in refused:
            self._kit.recorder.settle(attempt, verdict, refusal(verdict), now)

    async def _serve_whole(
        self, way: "_Way", lane: BundleLane, job: RetryJob, opened: OpenSend, rows: Sequence[_Row]
    ) -> None:
        """The same where bundles are repeated whole: what is granted and postponed are requests."""
        try:
            requests = await self._whole_requests(lane, job, opened, rows)
        except Unavailable:
            for _, attempt in rows:
                job.postpone(attempt, _SOON)
            return
        first = min(len(requests), _first_attempts(rows))
        granted, wait = await way.granted(len(requests), first=first)
        for number, request in enumerate(requests[granted:], start=1):
            for attempt in bundle_of(request).attempts:
                job.postpone(attempt, wait * (1 + number / max(_SPREAD, granted)))
        if granted:
            lane.submit(requests[:granted])

    async def _whole_requests(
        self, lane: BundleLane, job: RetryJob, opened: OpenSend, rows: Sequence[_Row]
    ) -> list[Request]:
        """Repetitions of kept bundles, and fresh ones, which are kept now. Raises `Unavailable`."""
        kept = await lane.kept(job, [row.device_id for row, _ in rows])
        bundler, now = lane.renderer(self._kit.ids), self._kit.clock.now()
        bundler.set_moment(job, now)
        repeats: defaultdict[UUID, list[_Row]] = defaultdict(list)
        for row, attempt in rows:
            if row.device_id in kept:
                repeats[kept[row.device_id].key].append((row, attempt))
        requests = [_repetition(bundler, kept, group, opened) for group in repeats.values()]
        fresh, refused = bundler.further([row for row in rows if row[0].device_id not in kept], opened.all_pushes)
        await lane.keep(fresh)
        self._settle_refused(refused, now)
        return requests + fresh


@dataclass(frozen=True, slots=True)
class _Way:
    """How retries of one credential can go."""

    lane: Lane | None
    wait: float
    """Seconds until there may be a lane where there is none."""
    until: float
    """By the lease clock: nothing claimed before may be handed over later."""

    async def granted(self, wanted: int, *, first: int) -> tuple[int, float]:
        """How many of the wanted may go now, and how long the others wait (seconds); `first` are no retries."""
        if self.lane is None:
            return 0, self.wait
        if not wanted or lease_clock() >= self.until:
            return 0, _SOON
        return await self.lane.take_retries(wanted, first=first)


def _repetition(bundler: Bundler, kept: Mapping[int, SavedBundle], rows: Sequence[_Row], opened: OpenSend) -> Request:
    """One kept bundle again, for the messages in `rows`. A verdict on a token that the device has no more changes
    nothing at the device."""
    saved = kept[rows[0][0].device_id]
    tokens = dict(zip(saved.device_ids, saved.tokens, strict=True))
    for row, attempt in rows:
        if (row.token or "").lower() != tokens[row.device_id].lower():
            attempt.token_hash = b""
    push, facts = opened.all_pushes[saved.push_id], rows[0][0].facts
    return bundler.repeat(saved, [attempt for _, attempt in rows], push, facts)


def _moment(row: WaitingDelivery) -> tuple[int, datetime, datetime]:
    """Deliveries that one job can carry: of one send, and with one beginning and end of their time."""
    return row.send_id, row.expires_at, row.released_at or row.expires_at


def _first_attempts(rows: Iterable[_Row]) -> int:
    """How many are no retries to the retry budget: providers asked for none of them again."""
    return sum(row.unanswered for row, _ in rows)


def _attempt(job: RetryJob, row: WaitingDelivery) -> Attempt:
    return Attempt(
        job,
        dimensions(job, row.push_id, row.lang, row.country, row.platform),
        row.device_id,
        row.token_hash or b"",
        job.began_at(row),
        number=row.attempt,
        has_row=True,
        may_be_sent=row.may_be_sent,
    )


def _over(
    row: WaitingDelivery, expires_at: datetime, now: datetime, *, push: PushContent | None
) -> tuple[Decision, str] | None:
    """How a waiting delivery ends without another attempt, with the code to keep; None when it goes on."""
    if row.send_state == "cancelled" or push is None or (row.first and not push.active):
        return Decision(State.CANCELLED), "cancelled"
    if expires_at <= now:
        return Decision(State.FAILED, Reason.EXPIRED), "expired"
    if row.token is None:
        return Decision(State.FAILED, Reason.TOKEN), "no_valid_token"
    return None

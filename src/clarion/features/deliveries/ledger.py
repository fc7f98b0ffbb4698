"""Writing outcomes down: deliveries, counts, token drops and credential results in one transaction per batch.

The usual batch holds nothing but messages that were accepted at once: one statement writes it, in one round trip. When
that fails because a row exists already (a lease was lost, or a commit's answer was), the batch is written again in the
careful form, and only what was really inserted is counted.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

import asyncpg

from clarion.db import Connection, Database, load
from clarion.features.deliveries.announcing import announce_drops, announce_failures, announce_pauses
from clarion.features.deliveries.bundles import SavedBundle, forget_settled
from clarion.features.deliveries.columns import columns_of
from clarion.features.deliveries.guard import USUAL, Shares, Window, judge
from clarion.features.deliveries.model import Entry, State, TokenDrop, Whereabouts
from clarion.features.deliveries.rotation import Rotations
from clarion.features.rules.books import take_back
from clarion.features.sends import SendService
from clarion.features.statistics import StatisticsService, StatRow
from clarion.features.statistics.model import hour_of
from clarion.features.statistics.service import FOLD, fold_parameters
from clarion.features.webhooks import Listeners
from clarion.foundation.errors import Unavailable
from clarion.providers.registry import transports_of

SQL = load(__package__)
_Key = tuple[int, int, int]
_RETRY_PAUSE = 0.5
_COUNT_RESULTS = SQL.count_in_minute.beside(SQL.count_of_credential)
# The order of the steps of other batches, or two workers would wait for each other's rows.
_WRITE_PLAIN = SQL.insert.beside(FOLD, SQL.count_in_minute, SQL.count_of_credential)
_PLAIN = ("entries", "results")
_OUTCOMES: dict[int, str] = {State.SENT: "sent", State.CANCELLED: "cancelled"}
_BY_REASON: dict[int, str] = {State.FAILED: "failed", State.SKIPPED: "skipped"}


@dataclass(slots=True)
class Batch:
    """What one write records."""

    entries: list[Entry] = field(default_factory=list)
    """First outcomes: new rows."""
    settlements: list[Entry] = field(default_factory=list)
    """Outcomes of waiting rows."""
    uncounted: set[_Key] = field(default_factory=set)
    """(app, send, device) of settlements whose attempt does not count."""
    drops: list[TokenDrop] = field(default_factory=list)
    found: list[Whereabouts] = field(default_factory=list)
    bundles: list[SavedBundle] = field(default_factory=list)
    """Kept bundles that may be settled now."""
    holds: dict[int, datetime] = field(default_factory=dict)
    """Until when rules hold messages back, by send; the latest of each."""
    parked: list[Entry] = field(default_factory=list)
    """These messages."""
    unsent: list[tuple[int, int]] = field(default_factory=list)
    """(send, device) of messages that count in no cap, because they did not leave."""
    results: Counter[tuple[int, str, int]] = field(default_factory=Counter)
    """Provider answers per (app, provider, version of the credential)."""

    @property
    def size(self) -> int:
        """Messages recorded by this batch."""
        return len(self.entries) + len(self.settlements)

    @property
    def plain(self) -> bool:
        """Nothing but messages that were accepted at once, and how many answers came."""
        others = (getattr(self, one.name) for one in fields(self) if one.name not in _PLAIN)
        return not any(others) and all(entry.result.state == State.SENT for entry in self.entries)


@dataclass(slots=True)
class Rulings:
    """What the mass guard did about a batch, as (app, provider) pairs."""

    tripped: list[tuple[int, str]] = field(default_factory=list)
    """Its tokens are suspects from now on."""
    paused: list[tuple[int, str]] = field(default_factory=list)
    """Nothing is sent with it any more."""


class Ledger:
    """The only writer of deliveries."""

    def __init__(
        self, *, database: Database, statistics: StatisticsService, sends: SendService, guard: Shares = USUAL
    ) -> None:
        self._database = database
        self._guard = guard
        self._statistics = statistics
        self._sends = sends
        self._listeners = Listeners()
        self._rotations = Rotations()

    async def record(self, batch: Batch) -> Rulings:
        """Write a batch; returns when it is committed, however long the database is away.

        The result names the credentials that the mass guard has ruled about.
        A lost connection leaves the commit's fate unknown, so every repetition uses the careful form.
        """
        careful = False
        while True:
            try:
                return await self._write(batch, careful=careful)
            except (Unavailable, asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.QueryCanceledError):
                careful = True
                await asyncio.sleep(_RETRY_PAUSE)
            except asyncpg.UniqueViolationError:
                careful = True

    async def _write(self, batch: Batch, *, careful: bool) -> Rulings:
        if batch.plain and not careful and self._rotations.untouched(batch.entries):
            await self._write_plain(batch)
            return Rulings()
        async with self._database.transaction() as connection:
            inserted = await self._insert(connection, batch.entries, careful=careful)
            settled = await self._settle(connection, batch)
            await self._rotations.advance(connection, inserted)
            counts = _stat_rows((*inserted, *settled))
            await self._statistics.fold(connection, counts)
            await self._sends.outlive(batch.holds, within=connection)
            await _park(connection, batch.parked)
            await take_back(connection, batch.unsent)
            if any(row.outcome.startswith("failed") for row in counts):
                await announce_failures(connection, self._listeners, (*inserted, *settled))
            if batch.results:
                await _COUNT_RESULTS.execute(connection, **_results_of(batch))
            await _remember(connection, batch.found)
            await forget_settled(connection, batch.bundles)
            return await self._drop_tokens(connection, batch.drops)

    async def _write_plain(self, batch: Batch) -> None:
        """Write the usual batch: one statement, hence one round trip and a transaction of its own."""
        parameters = columns_of(batch.entries) | fold_parameters(_stat_rows(batch.entries)) | _results_of(batch)
        async with self._database.acquire() as connection:
            await _WRITE_PLAIN.execute(connection, **parameters)

    async def _insert(self, connection: Connection, entries: list[Entry], *, careful: bool) -> list[Entry]:
        """Insert new rows; returns those that were inserted."""
        if not entries:
            return []
        if not careful:
            await SQL.insert.execute(connection, **columns_of(entries))
            return entries
        columns = zip(*((*entry.dimensions, *entry.result, *entry[2:]) for entry in entries), strict=True)
        rows = await SQL.insert_missing.fetch(
            connection, **{f"c{no}": list(values) for no, values in enumerate(columns)}
        )
        inserted = {(row["app_id"], row["send_id"], row["device_id"]) for row in rows}
        return [entry for entry in entries if entry.key in inserted]

    async def _settle(self, connection: Connection, batch: Batch) -> list[Entry]:
        """Update waiting rows; returns those that still waited for this attempt."""
        entries = batch.settlements
        if not entries:
            return []
        rows = await SQL.settle.fetch(
            connection,
            days=[entry.dimensions.day for entry in entries],
            app_ids=[entry.dimensions.app_id for entry in entries],
            send_ids=[entry.dimensions.send_id for entry in entries],
            device_ids=[entry.device_id for entry in entries],
            states=[entry.result.state for entry in entries],
            reasons=[entry.result.reason for entry in entries],
            codes=[entry.result.code for entry in entries],
            provider_ids=[entry.provider_id for entry in entries],
            token_hashes=[entry.token_hash for entry in entries],
            attempts=[entry.result.attempt for entry in entries],
            maybes=[entry.result.may_be_sent for entry in entries],
            nexts=[entry.next_attempt_at for entry in entries],
            settled=[entry.settled_at for entry in entries],
            uncounted=[entry.key in batch.uncounted for entry in entries],
        )
        settled = {(row["app_id"], row["send_id"], row["device_id"]) for row in rows}
        return [entry for entry in entries if entry.key in settled]

    async def _drop_tokens(self, connection: Connection, drops: list[TokenDrop]) -> Rulings:
        """Invalidate tokens: certain codes always, guarded ones as the mass guard rules."""
        certain = [drop for drop in drops if not drop.guarded]
        await self._mark(connection, certain, suspects=False)
        guarded = sorted((drop for drop in drops if drop.guarded), key=_credential)
        rulings = Rulings()
        for (app_id, provider), group in groupby(guarded, key=_credential):
            await self._rule(connection, app_id, provider, list(group), rulings)
        return rulings

    async def _rule(
        self, connection: Connection, app_id: int, provider: str, drops: list[TokenDrop], rulings: Rulings
    ) -> None:
        """Apply the mass guard's ruling, and add it to `rulings`."""
        row = await SQL.window_counts.fetchrow(connection, app_id=app_id, provider=provider)
        if row is None:
            return
        ruling = judge(Window(row["results"], row["guarded"], row["seen"], row["tripped"]), self._guard)
        await self._mark(connection, drops, suspects=ruling.suspects_only)
        if not (ruling.trip or ruling.pause):
            return
        code = Counter(drop.code for drop in drops).most_common(1)[0][0]
        if await SQL.trip_guard.execute(connection, app_id=app_id, provider=provider, code=code):
            rulings.tripped.append((app_id, provider))
        await SQL.restore_tokens.execute(connection, app_id=app_id, transports=transports_of(provider))
        if not ruling.pause:
            return
        reason = f"almost every device answers {code}: check environment, project and key"
        paused = await SQL.pause_by_guard.fetch(connection, app_id=app_id, provider=provider, reason=reason)
        await announce_pauses(connection, paused)
        await self._requeue(connection, app_id, provider)
        rulings.paused.append((app_id, provider))

    async def _mark(self, connection: Connection, drops: Sequence[TokenDrop], *, suspects: bool) -> None:
        """Invalidate the drops' tokens, or only mark them as suspects."""
        if not drops:
            return
        columns = {
            "app_ids": [drop.app_id for drop in drops],
            "hashes": [drop.token_hash for drop in drops],
            "codes": [drop.code for drop in drops],
        }
        if suspects:
            await SQL.suspect_tokens.execute(connection, **columns)
        else:
            more = {"guarded": [drop.guarded for drop in drops], "sinces": [drop.since for drop in drops]}
            dropped = await SQL.drop_tokens.fetch(connection, **more, **columns)
            await announce_drops(connection, self._listeners, dropped)

    async def _requeue(self, connection: Connection, app_id: int, provider: str) -> None:
        """Deliveries that failed by guarded codes wait again, and are no longer counted as failed."""
        rows = await SQL.requeue_guarded.fetch(connection, app_id=app_id, provider=provider)
        await self._statistics.fold(connection, [StatRow._make((*row, -1)) for row in rows])
        await self._sends.reopen({row["send_id"] for row in rows}, within=connection)


def _results_of(batch: Batch) -> dict[str, list[Any]]:
    """Answers per credential, and how many of them would drop a token if the mass guard lets them."""
    guarded = Counter((drop.app_id, drop.provider) for drop in batch.drops if drop.guarded)
    keys = sorted(batch.results)
    return {
        "result_apps": [app_id for app_id, _, _ in keys],
        "result_providers": [provider for _, provider, _ in keys],
        "result_versions": [version for _, _, version in keys],
        "results": [batch.results[key] for key in keys],
        "guardeds": [guarded.pop((app_id, provider), 0) for app_id, provider, _ in keys],
    }


def _credential(drop: TokenDrop) -> tuple[int, str]:
    return drop.app_id, drop.provider


async def _park(connection: Connection, entries: Sequence[Entry]) -> None:
    """Put messages where only their send finds them (docs/adr/0010-rules.md)."""
    if entries:
        await SQL.park.execute(
            connection,
            days=[entry.dimensions.day for entry in entries],
            app_ids=[entry.dimensions.app_id for entry in entries],
            send_ids=[entry.dimensions.send_id for entry in entries],
            device_ids=[entry.device_id for entry in entries],
        )


async def _remember(connection: Connection, found: Sequence[Whereabouts]) -> None:
    """Keep the environments of tokens, for the next message."""
    if found:
        await SQL.remember_environments.execute(
            connection,
            app_ids=[one.app_id for one in found],
            hashes=[one.token_hash for one in found],
            environments=[one.environment for one in found],
        )


_COUNTED = itemgetter(0, 1, 3)
"""Dimensions, result and settled_at of an entry."""


def _stat_rows(entries: Iterable[Entry]) -> list[StatRow]:
    """Counts of the terminal outcomes among `entries`."""
    rows = []
    for (one, result, settled_at), n in Counter(map(_COUNTED, entries)).items():
        if settled_at is not None:
            kind = _BY_REASON.get(result.state)
            outcome = f"{kind}:{result.reason}" if kind else _OUTCOMES[result.state]
            rows.append(
                StatRow(
                    one.account_id,
                    one.app_id,
                    one.send_id,
                    one.push_id,
                    one.country,
                    one.lang,
                    one.platform,
                    hour_of(settled_at),
                    outcome,
                    n,
                )
            )
    return rows

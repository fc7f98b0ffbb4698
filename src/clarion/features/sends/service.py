"""Planning sends, leasing their slices, and changing one's mind about them."""

import dataclasses
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from clarion.db import Conditions, Connection, Database, load
from clarion.features.audiences.service import AudienceService
from clarion.features.rules import SendRules
from clarion.features.rules.books import rules_of
from clarion.features.sends.model import TIME_TO_LIVE, WHOLE, LeasedSlice, Part, SendPlan, slice_ranges, slice_target
from clarion.features.sends.telling import tell_finished, tell_started
from clarion.features.sends.zones import AppZone, Occurrence, apps_with_moved, part_conditions, zones_of
from clarion.foundation.errors import NotFound
from clarion.providers.registry import SENDERS, transports_of

if TYPE_CHECKING:
    from clarion.features.apps.service import AppService

SQL = load(__package__)


@dataclasses.dataclass(frozen=True, slots=True)
class _Share:
    app_id: int
    provider: str
    matches: int


class SendService:
    """Sends and slices."""

    def __init__(self, *, database: Database, apps: "AppService", audiences: AudienceService) -> None:
        self._database = database
        self._apps = apps
        self._audiences = audiences

    async def plan(
        self,
        *,
        account_id: int,
        scheduler_id: int,
        occurrence: datetime,
        due_at: datetime,
        cutoff_at: datetime,
        push_ids: Sequence[int],
        app_ids: Sequence[int],
        conditions: Conditions,
        within: Connection,
        part: Part = WHOLE,
        rotates: bool = False,
        shares: Sequence[int] | None = None,
    ) -> int | None:
        """Insert the send and its slices in the caller's transaction; its id, or None if it exists already.

        Costs a bounded sample per app, never a scan of its devices. `conditions` are those of the scheduler's filter,
        which a test has none of; the send narrows them to its part.
        """
        rules = await rules_of(within, account_id, scheduler_id)
        send_id: int | None = await SQL.insert_send.fetchval(
            within,
            account_id=account_id,
            scheduler_id=scheduler_id,
            occurrence=occurrence,
            zone_bucket=part.bucket,
            cutoff_at=cutoff_at,
            due_at=due_at,
            expires_at=cutoff_at + TIME_TO_LIVE,
            push_ids=list(push_ids),
            zones=part.zones,
            zone_apps=part.zone_apps,
            rotates=rotates,
            device_ids=part.device_ids,
            shares=shares,
            sample=part.sample,
            paced=any(rules.rate(app_id) is not None for app_id in app_ids),
        )
        if send_id is None:
            return None
        narrowed = conditions.and_(part_conditions(part, Occurrence(scheduler_id, occurrence, cutoff_at)))
        expected = await self._shares(account_id, app_ids, narrowed, within)
        await self._insert_slices(send_id, account_id, expected, rules, within)
        estimate = sum(share.matches for share in expected)
        lasts = rules.lasts(_by_app(expected))
        await SQL.set_estimate.execute(within, send_id=send_id, estimate=estimate, lasts=lasts)
        await tell_started(
            within,
            account_id,
            send_id=send_id,
            scheduler_id=scheduler_id,
            due_at=due_at,
            estimate=estimate,
            test=part.device_ids is not None,
        )
        await tell_finished(within, await SQL.complete_if_empty.fetch(within, send_id=send_id))
        return send_id

    async def _shares(
        self, account_id: int, app_ids: Sequence[int], conditions: Conditions, within: Connection
    ) -> list[_Share]:
        providers = await self._apps.providers_of(account_id, app_ids, within)
        shares = []
        for app_id in app_ids:
            for provider in sorted(SENDERS.keys() & providers.get(app_id, ())):
                matches = await self._audiences.matches(account_id, app_id, conditions, transports_of(provider), within)
                shares.append(_Share(app_id, provider, matches))
        return shares

    async def _insert_slices(
        self, send_id: int, account_id: int, shares: Sequence[_Share], rules: SendRules, within: Connection
    ) -> None:
        planned = [
            (share, low, high)
            for share in shares
            for low, high in slice_ranges(share.matches, slice_target(rules.rate(share.app_id)))
        ]
        await SQL.insert_slices.execute(
            within,
            send_id=send_id,
            account_id=account_id,
            numbers=list(range(len(planned))),
            app_ids=[share.app_id for share, _, _ in planned],
            providers=[share.provider for share, _, _ in planned],
            froms=[low for _, low, _ in planned],
            tos=[high for _, _, high in planned],
        )

    async def lease(
        self, *, owner: str, limit: int, seconds: float, blocked: Collection[tuple[int, str]]
    ) -> list[LeasedSlice]:
        """Lease up to `limit` slices for `seconds`, none of the `blocked` (app, provider) pairs.

        Committed when it returns: nothing is sent before.
        """
        async with self._database.acquire() as connection:
            rows = await SQL.lease.fetch(
                connection,
                owner=owner,
                limit=limit,
                seconds=seconds,
                blocked_apps=[app_id for app_id, _ in blocked],
                blocked_providers=[provider for _, provider in blocked],
            )
        return [LeasedSlice(*row) for row in rows]

    async def extend(self, slices: Collection[LeasedSlice], *, seconds: float) -> set[tuple[int, int]]:
        """Renew leases; returns the keys that are still ours."""
        held = list(slices)
        async with self._database.acquire() as connection:
            rows = await SQL.extend.fetch(
                connection,
                seconds=seconds,
                send_ids=[item.send_id for item in held],
                numbers=[item.no for item in held],
                attempts=[item.attempt for item in held],
            )
        return {(row["send_id"], row["no"]) for row in rows}

    async def strike(self, item: LeasedSlice, device_id: int) -> int:
        """Note the device with which a slice goes on after a lost lease; how often in a row it was this one before."""
        async with self._database.acquire() as connection:
            found: int | None = await SQL.strike.fetchval(
                connection, send_id=item.send_id, no=item.no, attempt=item.attempt, device_id=device_id
            )
        return found or 0

    async def leave(self, item: LeasedSlice, state: str, *, rests: float = 0.0) -> bool:
        """End a lease: `ready` (somebody goes on, after it has rested for so many seconds), `done` or `cancelled`.

        False when it was lost already.
        """
        async with self._database.acquire() as connection:
            count = await SQL.leave.execute(
                connection, send_id=item.send_id, no=item.no, attempt=item.attempt, state=state, rests=rests
            )
        return count == 1

    async def open(self, send_id: int) -> SendPlan:
        """What a worker needs to know of a send; `NotFound` if it does not exist."""
        async with self._database.acquire() as connection:
            row = await SQL.plan.fetchrow(connection, send_id=send_id)
        if row is None:
            raise NotFound(f"send {send_id} does not exist")
        return SendPlan(*row)

    async def stops(self, slices: Collection[LeasedSlice]) -> dict[tuple[int, int], str]:
        """Which of these slices must not go on (cancelled, paused, archived …), with the state to leave them in."""
        held = list(slices)
        async with self._database.acquire() as connection:
            rows = await SQL.stops.fetch(
                connection,
                send_ids=[item.send_id for item in held],
                numbers=[item.no for item in held],
                app_ids=[item.app_id for item in held],
                providers=[item.provider for item in held],
            )
        return {(row["send_id"], row["no"]): row["leave_as"] for row in rows}

    async def release_owners(self, owners: Collection[str]) -> int:
        """Free the slices of processes that are certainly dead; how many there were."""
        async with self._database.acquire() as connection:
            return await SQL.release_owners.execute(connection, owners=list(owners))

    async def finish(self) -> list[int]:
        """Complete what is complete and clear what can never run; returns the completed sends."""

        async def work(connection: Connection) -> list[int]:
            await SQL.sweep_cancelled.execute(connection)
            await SQL.sweep_undeliverable.execute(connection)
            rows = await SQL.finish.fetch(connection)
            await tell_finished(connection, rows)
            return [row["id"] for row in rows]

        return await self._database.run(work)

    async def left_of(self, account_id: int, scheduler_id: int, within: Connection) -> tuple[int, int]:
        """Devices that the scheduler's sends were planned for, and about how many of those the open ones have left."""
        row = await SQL.left_of.fetchrow(within, account_id=account_id, scheduler_id=scheduler_id)
        return (row["planned"], row["left_over"]) if row else (0, 0)

    async def cancel_of(self, account_id: int, scheduler_id: int, within: Connection) -> int:
        """Cancel the open sends of a scheduler; how many there were. Workers obey within a second."""
        rows = await SQL.cancel_sends.fetch(within, account_id=account_id, scheduler_id=scheduler_id)
        await tell_finished(within, rows)
        await SQL.cancel_slices.execute(within, send_ids=[row["id"] for row in rows])
        return len(rows)

    async def pause_of(self, account_id: int, scheduler_id: int, within: Connection) -> int:
        """Pause the running sends of a scheduler; how many there were."""
        return await SQL.pause_sends.execute(within, account_id=account_id, scheduler_id=scheduler_id)

    async def resume_of(self, account_id: int, scheduler_id: int, within: Connection) -> int:
        """Let the paused sends of a scheduler go on; how many there were."""
        return await SQL.resume_sends.execute(within, account_id=account_id, scheduler_id=scheduler_id)

    async def pause(self, send_id: int, *, reason: str) -> bool:
        """Pause one send because the system must (a push that every device refuses); False if it does not run."""
        async with self._database.acquire() as connection:
            return await SQL.pause_send.execute(connection, send_id=send_id, reason=reason) == 1

    async def zones_of(self, account_id: int, app_ids: Sequence[int], within: Connection) -> list[AppZone]:
        """The zones of the reachable devices of apps."""
        return await zones_of(account_id, app_ids, within=within)

    async def apps_with_moved(
        self, account_id: int, app_ids: Sequence[int], since: datetime, within: Connection
    ) -> list[int]:
        """Those of the apps where some device changed its zone since then."""
        return await apps_with_moved(account_id, app_ids, since=since, within=within)

    async def open_parts(self, account_id: int, scheduler_id: int, occurrence: datetime, within: Connection) -> int:
        """How many sends of an occurrence are not over."""
        count: int = await SQL.open_parts.fetchval(
            within, account_id=account_id, scheduler_id=scheduler_id, occurrence=occurrence
        )
        return count

    async def reopen(self, send_ids: Collection[int], *, within: Connection) -> None:
        """Let complete sends go on, because some of their deliveries wait again."""
        await SQL.reopen.execute(within, send_ids=list(send_ids))

    async def outlive(self, holds: Mapping[int, datetime], *, within: Connection) -> None:
        """Let sends live for a day after the moments until which rules hold some of their messages back."""
        if holds:
            send_ids = sorted(holds)
            await SQL.outlive.execute(within, send_ids=send_ids, untils=[holds[send_id] for send_id in send_ids])

    async def expire_open(self, *, within: Connection) -> int:
        """Expire what is left of every open send of the installation; how many sends that concerns."""
        return await SQL.expire_open.execute(within)

    async def states_of(self, account_id: int, scheduler_id: int) -> dict[int, str]:
        """The states of a scheduler's sends, by id."""
        async with self._database.acquire() as connection:
            rows = await SQL.states_of.fetch(connection, account_id=account_id, scheduler_id=scheduler_id)
        return {row["id"]: row["state"] for row in rows}


def _by_app(shares: Sequence[_Share]) -> dict[int, int]:
    """Matches by app."""
    found: Counter[int] = Counter()
    for share in shares:
        found[share.app_id] += share.matches
    return found

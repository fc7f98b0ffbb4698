"""What dispatch reads and claims: recipients of a slice, waiting deliveries, credentials that pause and resume."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass

from clarion.db import Conditions, Connection, Database, load
from clarion.features.deliveries.announcing import announce_pauses
from clarion.features.deliveries.bundles import BundleStore
from clarion.features.deliveries.claiming import DueGroup, Share, Wanted, share_out
from clarion.features.deliveries.model import Recipient, WaitingDelivery
from clarion.features.deliveries.rotation import had_by
from clarion.features.sends import LeasedSlice, SendPlan
from clarion.providers.contract import Credential
from clarion.providers.registry import transports_of

SQL = load(__package__)
PAGE = 2500
"""Recipients read at once: short transactions, and a bounded share of memory for each slice."""


@dataclass(frozen=True, slots=True)
class CredentialState:
    """How a credential stands."""

    version: int
    paused: bool
    rests_for: float
    """Seconds until a paused credential may be probed; 0 = now, or not paused."""
    unproven: bool
    """No provider has answered anything to this version yet."""


@dataclass(frozen=True, slots=True)
class Parked:
    """Messages that wait for their turn: of one send, app and provider."""

    send_id: int
    app_id: int
    provider: str
    count: int


class DispatchStore:
    """The dispatch side of deliveries."""

    def __init__(self, *, database: Database) -> None:
        self._database = database
        self.bundles = BundleStore(database=database)

    async def recipients(
        self, item: LeasedSlice, plan: SendPlan, conditions: Conditions, *, personal: bool
    ) -> AsyncIterator[Sequence[Recipient]]:
        """The slice's recipients in pages. A slice that was leased before leaves out whoever has a delivery.

        With what placeholders ask of a device if `personal`.
        """
        first = item.attempt == 1
        statement = (SQL.recipients if first else SQL.recipients_left).where(conditions)
        more = {} if first else {"day": plan.day, "send_id": plan.id}
        id_from = item.id_from
        while True:
            async with self._database.acquire() as connection:
                page = await statement.fetch(
                    connection,
                    app_id=item.app_id,
                    id_from=id_from,
                    id_to=item.id_to,
                    transports=transports_of(item.provider),
                    cutoff_at=plan.cutoff_at,
                    limit=PAGE,
                    personal=personal,
                    **more,
                )
            if page:
                yield page  # type: ignore[misc]  # a record reads like the Recipient it is selected as
            if len(page) < PAGE:
                return
            id_from = page[-1][0] + 1

    async def had_of(self, plan: SendPlan, app_id: int, device_ids: Sequence[int]) -> Mapping[int, Sequence[int]]:
        """What devices of an app have had of the pushes of the send's scheduler (`rotation.had_by`)."""
        return await had_by(self._database, app_id=app_id, scheduler_id=plan.scheduler_id, device_ids=device_ids)

    async def due(self) -> list[DueGroup]:
        """Whatever waits and is due, as far as it may go or must end; the oldest first."""
        async with self._database.acquire() as connection:
            return [DueGroup(*row) for row in await SQL.due.fetch(connection)]

    async def claim(self, wanted: Sequence[Wanted], *, limit: int, seconds: float) -> list[WaitingDelivery]:
        """Lease up to `limit` waiting deliveries whose moment has come; committed when it returns.

        All get equal parts; what some leave goes to those that have more.
        """
        async with self._database.transaction() as connection:
            await SQL.go_by_indexes.fetch(connection)
            shares = share_out(wanted, limit)
            rows = await _claim(connection, shares, seconds)
            more = _with_more(wanted, shares, rows)
            if len(wanted) > 1 and more and len(rows) < limit:
                rows += await _claim(connection, share_out(more, limit - len(rows)), seconds)
        return rows

    async def parked(self, *, limit: int, blocked: Collection[tuple[int, str]] = ()) -> list[Parked]:
        """What may be let go so that no more than `limit` messages of a send, app and provider are due at once.

        None of the `blocked` (app, provider) pairs.
        """
        async with self._database.acquire() as connection:
            rows = await SQL.parked.fetch(
                connection,
                limit=limit,
                blocked_apps=[app_id for app_id, _ in blocked],
                blocked_providers=[provider for _, provider in blocked],
            )
        return [Parked(*row) for row in rows]

    async def unpark(self, parked: Parked, count: int, *, paced: bool) -> int:
        """It is the turn of up to `count` of them, those that wait the longest; how many that was.

        `paced`: it was a pace that gave them their turn.
        """
        async with self._database.acquire() as connection:
            return await SQL.unpark.execute(
                connection,
                send_id=parked.send_id,
                app_id=parked.app_id,
                provider=parked.provider,
                limit=count,
                paced=paced,
            )

    async def pause_credential(self, credential: Credential, reason: str) -> None:
        """Stop using a credential that its provider refuses; one probe every 15 minutes."""
        async with self._database.transaction() as connection:
            paused = await SQL.pause_credential.fetch(connection, **_version(credential), reason=reason)
            await SQL.probe_failed.execute(connection, **_version(credential), reason=reason)
            await announce_pauses(connection, paused)

    async def resume_credential(self, credential: Credential) -> None:
        """A probe succeeded: use the credential again."""
        async with self._database.acquire() as connection:
            await SQL.resume_credential.execute(
                connection, app_id=credential.app_id, provider=credential.provider, version=credential.version
            )

    async def note_unknown(self, credential: Credential, *, count: int, text: str) -> None:
        """So many answers more that no table explains; `text` is the last one, redacted."""
        async with self._database.acquire() as connection:
            await SQL.note_unknown.execute(connection, **_version(credential), count=count, text=text)

    async def note_hindrance(self, credential: Credential, *, reason: str, seconds: float) -> None:
        """A worker sends nothing with the credential for so long; the longest of all workers counts."""
        async with self._database.acquire() as connection:
            await SQL.note_hindrance.execute(connection, **_version(credential), reason=reason, seconds=seconds)

    async def credential_state(self, app_id: int, provider: str) -> CredentialState | None:
        """How a credential stands now; None when the app has none for the provider."""
        async with self._database.acquire() as connection:
            row = await SQL.credential_state.fetchrow(connection, app_id=app_id, provider=provider)
        return (
            None
            if row is None
            else CredentialState(row["version"], row["paused"], row["rests_for"], row["results"] == 0)
        )

    async def hasten_cancelled(self) -> int:
        """Make some of what waits in cancelled sends due, so that it is settled now; how many deliveries."""
        async with self._database.acquire() as connection:
            return await SQL.hasten_cancelled.execute(connection)


async def _claim(within: Connection, shares: Sequence[Share], seconds: float) -> list[WaitingDelivery]:
    groups = [share.wanted.group for share in shares]
    rows = await SQL.claim.fetch(
        within,
        seconds=seconds,
        days=[group.day for group in groups],
        send_ids=[group.send_id for group in groups],
        app_ids=[group.app_id for group in groups],
        providers=[group.provider for group in groups],
        counts=[share.count for share in shares],
        only_aged=[share.wanted.only_aged for share in shares],
    )
    return [WaitingDelivery(*row) for row in rows]


def _with_more(wanted: Sequence[Wanted], shares: Sequence[Share], rows: Sequence[WaitingDelivery]) -> list[Wanted]:
    """Those that used all of their share, or had none."""
    taken = Counter((row.send_id, row.app_id, row.provider) for row in rows)
    spent = {share.wanted for share in shares if taken[share.wanted.group[1:4]] < share.count}
    return [item for item in wanted if item not in spent]


def _version(credential: Credential) -> dict[str, object]:
    """Names one version of a credential: remarks on an older one are void."""
    return {"app_id": credential.app_id, "provider": credential.provider, "version": credential.version}

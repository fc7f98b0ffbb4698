"""Regular care: saying that this process lives, freeing what dead processes held, making partitions."""

import asyncpg
import structlog

from clarion.db import Database, load
from clarion.features.devices.privacy import PrivacyService
from clarion.features.devices.service import DeviceService
from clarion.features.idempotency import IdempotencyService
from clarion.features.sends import SendService
from clarion.worker.identity import dead_owners
from clarion.worker.lanes import Lanes

SQL = load(__package__)

log = structlog.get_logger()


class Housekeeping:
    """Care that any worker may do at any time, in any number."""

    def __init__(
        self,
        *,
        owner: str,
        database: Database,
        sends: SendService,
        devices: DeviceService,
        privacy: PrivacyService,
        idempotency: IdempotencyService,
        lanes: Lanes,
    ) -> None:
        self._owner = owner
        self._devices = devices
        self._privacy = privacy
        self._idempotency = idempotency
        self._database = database
        self._sends = sends
        self._lanes = lanes

    async def heartbeat(self) -> None:
        """Say that we live, count the others, and free at once what dead processes of this machine held."""
        async with self._database.acquire() as connection:
            await SQL.seen.execute(connection, id=self._owner)
            rows = await SQL.others.fetch(connection)
        dead = dead_owners(row["id"] for row in rows)
        if dead:
            await self._sends.release_owners(dead)
            async with self._database.acquire() as connection:
                await SQL.gone.execute(connection, ids=dead)
        alive = [row for row in rows if row["alive"] and row["id"] not in dead]
        self._lanes.set_share(len(alive))

    async def hourly(self) -> None:
        """Partitions for the days to come, and an end to what nobody needs. One process at a time."""
        try:
            async with self._database.transaction() as connection:
                if await SQL.claim_hour.fetchval(connection):
                    await SQL.ensure_partitions.fetch(connection)
                    await SQL.drop_old_partitions.fetch(connection)
                    await SQL.forget.execute(connection)
                    await SQL.forget_minutes.execute(connection)
                    await SQL.forget_bundles.execute(connection)
                    await SQL.forget_rotations.execute(connection)
                    await SQL.forget_jwts.execute(connection)
        except (asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError) as error:
            log.warning("housekeeping_postponed", reason=str(error))
        await self._idempotency.forget()
        await self._devices.forget_postbacks()
        await self._devices.forget_unreachable()
        while await self._privacy.look_again():
            pass

    async def farewell(self) -> None:
        """A clean end: nobody has to wait for our leases."""
        await self._sends.release_owners([self._owner])
        async with self._database.acquire() as connection:
            await SQL.gone.execute(connection, ids=[self._owner])

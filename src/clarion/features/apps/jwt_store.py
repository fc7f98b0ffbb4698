"""Provider tokens of APNs in the database: the same for all processes, and still there after a restart."""

from datetime import datetime

from clarion.db import Connection, Database, load
from clarion.foundation.secrets import Keeper
from clarion.providers.apns.auth import SKEW, ProviderToken

SQL = load(__package__, "jwt.sql")


class DatabaseJwtStore:
    """`auth.JwtStore` on PostgreSQL; tokens are stored sealed."""

    def __init__(self, *, database: Database, keeper: Keeper) -> None:
        self._database = database
        self._keeper = keeper

    async def agree(self, key: bytes, offer: ProviderToken, *, after: datetime) -> ProviderToken:
        """See `JwtStore.agree`."""
        context = f"apns jwt:{key.hex()}"

        async def work(connection: Connection) -> ProviderToken:
            await SQL.offer.execute(
                connection,
                cache_key=key,
                sealed=self._keeper.seal(offer.text, context),
                issued_at=offer.issued_at,
                after=after,
                latest=offer.issued_at + SKEW,
            )
            (row,) = await SQL.present.fetch(connection, cache_key=key)
            return ProviderToken(self._keeper.open(row["sealed"], context).decode(), row["issued_at"])

        return await self._database.run(work)

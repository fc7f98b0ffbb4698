"""Whether this process may be sent requests: the database answers and has seen all migrations of this release."""

from clarion.db.migrator import available
from clarion.db.pool import Database
from clarion.foundation.errors import Unavailable


async def check_ready(database: Database) -> None:
    """Raises `Unavailable` with the reason when the database cannot be reached or its schema is older."""
    async with database.acquire() as connection:
        if not await connection.fetchval("select to_regclass('schema_migration') is not null"):
            raise Unavailable("the database has no schema yet; run: clarion migrate")
        applied = {row["name"] for row in await connection.fetch("select name from schema_migration")}
    missing = [name for name in available() if name not in applied]
    if missing:
        raise Unavailable(f"{len(missing)} migrations are pending; run: clarion migrate")

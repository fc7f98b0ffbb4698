"""The shared database fixtures themselves."""

import pytest

from clarion.db import Database
from clarion.db.migrator import available, pending

pytestmark = pytest.mark.anyio


async def test_every_test_gets_a_migrated_empty_database(dsn: str, database: Database) -> None:
    assert await pending(dsn) == []
    async with database.acquire() as connection:
        assert await connection.fetchval("select count(*) from account") == 0
        assert await connection.fetchval("select count(*) from schema_migration") == len(available())

"""The installation's row: one root key for everybody, and the hold on sending."""

import asyncio
import os

import pytest

from clarion.db import Database
from clarion.db.installation import SQL, held_since, open_keeper, resume
from clarion.foundation.errors import ConfigurationError

pytestmark = pytest.mark.anyio

MASTER = os.urandom(32)


async def test_processes_that_come_first_at_once_get_the_same_root_key(database: Database) -> None:
    keepers = await asyncio.gather(*(open_keeper(database, MASTER) for _ in range(5)))
    sealed = keepers[0].seal("text", "context")
    assert {keeper.open(sealed, "context") for keeper in keepers} == {b"text"}


async def test_another_master_key_is_refused_and_changes_nothing(database: Database) -> None:
    keeper = await open_keeper(database, MASTER)
    with pytest.raises(ConfigurationError, match="not the key this database was made with"):
        await open_keeper(database, os.urandom(32))
    again = await open_keeper(database, MASTER)
    assert again.message_key == keeper.message_key


async def test_a_hold_lasts_until_it_is_ended_once(database: Database) -> None:
    await open_keeper(database, MASTER)
    async with database.acquire() as connection:
        assert await held_since(connection) is None
        await SQL.set_hold.execute(connection)
        assert await held_since(connection) is not None
        assert await resume(connection)
        assert await held_since(connection) is None
        assert not await resume(connection)

"""What commands share that use the database: an up-to-date installation for one piece of work."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from clarion.bootstrap import Installation, open_installation
from clarion.cli.local import local_installation
from clarion.db.migrator import migrate
from clarion.settings import Settings

T = TypeVar("T")

CONNECTIONS = 2


def use_installation(settings: Settings, work: Callable[[Installation], Awaitable[T]]) -> T:
    """Run `work` on the installation that `settings` name; it is migrated first and closed afterwards."""
    with local_installation(settings) as local:
        return asyncio.run(_run(local.settings, local.dsn, work))


async def _run(settings: Settings, dsn: str, work: Callable[[Installation], Awaitable[T]]) -> T:
    await migrate(dsn)
    async with open_installation(settings, connections=CONNECTIONS) as installation:
        return await work(installation)

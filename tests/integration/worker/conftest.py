"""Fixtures of dispatch tests."""

from collections.abc import AsyncIterator

import pytest
from tests.integration.worker.harness import World, make_world

from clarion.db import Database
from clarion.foundation.secrets import Keeper
from clarion.simulator import Simulator


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    """A pool as large as a worker process has."""
    opened = await Database.connect(dsn, max_size=10)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
async def world(database: Database, keeper: Keeper) -> AsyncIterator[World]:
    """An account with one FCM app on a simulator of this test's own."""
    async with Simulator() as sim:
        yield await make_world(database, keeper, sim)

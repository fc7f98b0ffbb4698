"""Fixtures of dispatch tests."""

from collections.abc import AsyncIterator

import pytest

from clarion.db import Database
from clarion.foundation.secrets import Keeper
from clarion.simulator import Simulator
from tests.integration.worker.harness import World, make_world


@pytest.fixture
async def world(database: Database, keeper: Keeper) -> AsyncIterator[World]:
    """An account with one FCM app on a simulator of this test's own."""
    async with Simulator() as sim:
        yield await make_world(database, keeper, sim)

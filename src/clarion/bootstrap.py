"""The composition root: the only module that knows every concrete class of the core; opens and closes everything."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from clarion.db import Database
from clarion.db.installation import open_keeper
from clarion.foundation.clock import SystemClock
from clarion.foundation.errors import ConfigurationError
from clarion.foundation.secrets import Keeper, parse_master_key
from clarion.services import Services
from clarion.settings import Settings


@dataclass(frozen=True, slots=True)
class Installation:
    """What one process of an installation works with."""

    settings: Settings
    database: Database
    keeper: Keeper
    services: Services


@asynccontextmanager
async def open_installation(settings: Settings, *, connections: int = 10) -> AsyncIterator[Installation]:
    """Connect this process to the installation that `settings` name; at most `connections` to the database.

    The schema must be up to date. Raises `ConfigurationError` when the database or the master key is not named or the
    key is the wrong one, `Unavailable` when the database cannot be reached.
    """
    if settings.database_url is None:
        raise ConfigurationError("CLARION_DATABASE_URL is not set; it names the PostgreSQL database to use")
    if settings.master_key is None:
        raise ConfigurationError(
            "CLARION_MASTER_KEY is not set; make one with `openssl rand -base64 32` and keep it outside the database"
        )
    master_key = parse_master_key(settings.master_key.reveal())
    database = await Database.connect(settings.database_url.reveal(), max_size=connections)
    try:
        keeper = await open_keeper(database, master_key)
        yield Installation(settings, database, keeper, build_services(settings, database=database, keeper=keeper))
    finally:
        await database.close()

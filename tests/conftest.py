"""Fixtures that many tests share: one PostgreSQL server per run, one fresh database per test.

`CLARION_TEST_DATABASE_URL` names a PostgreSQL ≥15 on which the suite may create databases; without it the suite starts
the embedded one in a temporary folder.
"""

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from tests.folders import quick_folder

from clarion.db import Database
from clarion.db.embedded import EmbeddedPostgres
from clarion.db.migrator import migrate
from clarion.foundation.secrets import Keeper


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL server of the test run."""

    dsn: str
    """Connects as a role that may create databases."""

    def database(self, name: str) -> str:
        """The connection string of another database on this server."""
        return urlsplit(self.dsn)._replace(path=f"/{name}").geturl()

    def run(self, statement: str) -> None:
        """Run one statement outside a transaction."""
        asyncio.run(_run(self.dsn, statement))


async def _run(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The server on which every test gets its own database."""
    given = os.environ.get("CLARION_TEST_DATABASE_URL")
    if given:
        yield Server(given)
        return
    folder = Path(tempfile.mkdtemp(prefix="clarion-test-", dir=quick_folder()))
    folder.chmod(0o711)  # the server's unprivileged user must reach it when root runs the suite
    try:
        with EmbeddedPostgres.start(folder) as embedded:
            yield Server(embedded.dsn)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def _template(postgres: Server) -> Iterator[str]:
    """The name of a migrated database from which the others are copied."""
    name = f"clarion_template_{secrets.token_hex(4)}"
    postgres.run(f"create database {name}")
    try:
        asyncio.run(migrate(postgres.database(name)))
        yield name
    finally:
        postgres.run(f"drop database if exists {name} with (force)")


@pytest.fixture
def dsn(postgres: Server, _template: str) -> Iterator[str]:
    """A fresh, migrated database of this test's own."""
    name = f"clarion_test_{secrets.token_hex(6)}"
    postgres.run(f"create database {name} template {_template}")
    try:
        yield postgres.database(name)
    finally:
        postgres.run(f"drop database if exists {name} with (force)")


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    """A pool on this test's database."""
    opened = await Database.connect(dsn, max_size=5)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
def keeper() -> Keeper:
    """Seals secrets under a root key of this test's own."""
    return Keeper(os.urandom(32))

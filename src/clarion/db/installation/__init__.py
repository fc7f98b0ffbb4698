"""Facts about the installation as a whole: its root key, and whether sending is held.

Owns the table `installation` with its only row. Why there is one root key: docs/adr/0004-root-key.md. Why sending can
be held: docs/how-to/production/backup-and-restore.md.
"""

import os
from datetime import datetime

from clarion.db.pool import Connection, Database
from clarion.db.statements import load
from clarion.foundation.secrets import Keeper, unwrap_root_key, wrap_root_key

SQL = load(__package__)
_ROOT_KEY_BYTES = 32


async def open_keeper(database: Database, master_key: bytes) -> Keeper:
    """The keeper of this installation's secrets; the first process to come makes the root key.

    `ConfigurationError` when the master key is not the one the installation was made with.
    """
    async with database.transaction() as conn:
        wrapped = await SQL.find_root_key.fetchval(conn)
        if wrapped is None:
            wrapped = await _make_root_key(conn, master_key)
    return Keeper(unwrap_root_key(wrapped, master_key))


async def _make_root_key(conn: Connection, master_key: bytes) -> bytes:
    new = wrap_root_key(os.urandom(_ROOT_KEY_BYTES), master_key)
    await SQL.insert_root_key.execute(conn, root_key=new)
    kept: bytes = await SQL.find_root_key.fetchval(conn)
    return kept


async def held_since(conn: Connection) -> datetime | None:
    """When sending was put on hold, or None while messages go out."""
    since: datetime | None = await SQL.find_hold.fetchval(conn)
    return since


async def resume(conn: Connection) -> bool:
    """Let messages go out again; False when nothing was held."""
    return await SQL.clear_hold.execute(conn) > 0

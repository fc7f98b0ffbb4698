"""Rows for tests, written straight into the tables: what a test needs to exist without going through its feature."""

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clarion.db import Connection
from clarion.foundation.ids import new_device_id

_numbers = itertools.count(1)

SYSTEM_BITS = {"install": 0, "reg": 1, "dep": 2}


@dataclass(frozen=True, slots=True)
class EventCodes:
    """Event bits as a feature's collaborator: the system codes and some more."""

    custom: Mapping[str, int]

    async def bits(self, account_id: int, *, within: Connection | None = None) -> Mapping[str, int]:
        """The same codes for every account."""
        return {**SYSTEM_BITS, **self.custom}


async def new_account(conn: Connection, name: str = "account") -> int:
    """An account with its system events."""
    account_id: int = await conn.fetchval("insert into account (name) values ($1) returning id", name)
    await conn.executemany(
        "insert into event_definition (account_id, code, name, type, bit) values ($1, $2, $2, 'SYSTEM', $3)",
        [(account_id, code, bit) for code, bit in SYSTEM_BITS.items()],
    )
    return account_id


async def new_app(conn: Connection, account_id: int, *, archived: bool = False, deleted: bool = False) -> int:
    """An app without credentials."""
    app_id: int = await conn.fetchval(
        """
        insert into app (account_id, push_provider, name, vapid_public, archived_at, deleted_at)
        values ($1, 'firebase', 'app', 'public', case when $2 then now() end, case when $3 then now() end)
        returning id
        """,
        account_id,
        archived,
        deleted,
    )
    return app_id


async def new_group(
    conn: Connection, account_id: int, *app_ids: int, all_apps: bool = False, archived: bool = False
) -> int:
    """An app group with these members."""
    group_id: int = await conn.fetchval(
        """
        insert into app_group (account_id, name, all_apps, archived_at)
        values ($1, 'group', $2, case when $3 then now() end) returning id
        """,
        account_id,
        all_apps,
        archived,
    )
    await conn.executemany(
        "insert into app_group_member (group_id, app_id, account_id) values ($1, $2, $3)",
        [(group_id, app_id, account_id) for app_id in app_ids],
    )
    return group_id


async def new_device(conn: Connection, account_id: int, app_id: int, **columns: Any) -> int:
    """A reachable FCM device; `columns` override."""
    number = next(_numbers)
    row = {
        "app_id": app_id,
        "id": new_device_id(),
        "account_id": account_id,
        "ic_token_hash": b"ic-%d" % number,
        "ic_token": b"sealed",
        "transport": "fcm",
        "token": f"token-{number:08d}",
        "token_hash": b"token-%d" % number,
        "token_state": 1,
        **columns,
    }
    row = {name: json.dumps(value) if name == "tags" else value for name, value in row.items()}
    places = ", ".join(f"${place}" for place in range(1, len(row) + 1))
    await conn.execute(f"insert into device ({', '.join(row)}) values ({places})", *row.values())
    return int(row["id"])


async def new_onesend(conn: Connection, account_id: int) -> int:
    """An active scheduler for all apps, due in a year."""
    timing = {"date": "2031-05-04", "time": "18:30", "timezone": "+00:00"}
    scheduler_id: int = await conn.fetchval(
        """
        insert into scheduler (account_id, type, name, timing, filter, next_due_at)
        values ($1, 'onesend', 'sending', $2, '{"all_apps": true}', now() + interval '1 year') returning id
        """,
        account_id,
        json.dumps(timing),
    )
    return scheduler_id

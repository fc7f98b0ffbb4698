"""Devices and people told in full, and erased (reliability.md GD-1, GD-2)."""

import json
import re
from typing import Any

import pytest
from tests.factories import new_account, new_app, new_device, new_onesend

from clarion.db import Connection, Database
from clarion.features.accounts import Caller
from clarion.features.devices.privacy import ELSEWHERE, KEPT, PrivacyService
from clarion.foundation.errors import InvalidInput, NotFound
from clarion.foundation.secrets import Keeper

pytestmark = pytest.mark.anyio

TOKEN = "0190c8a0-0000-7000-8000-00000000f00d"


@pytest.fixture
def privacy(database: Database, keeper: Keeper) -> PrivacyService:
    return PrivacyService(database=database, keeper=keeper)


class World:
    """An account whose devices have left traces in every table."""

    def __init__(self, conn: Connection, keeper: Keeper, account_id: int, app_id: int, send_id: int) -> None:
        self.conn, self.keeper = conn, keeper
        self.account_id, self.app_id, self.send_id = account_id, app_id, send_id
        self.caller = Caller(account_id, "key:test")

    @classmethod
    async def made(cls, conn: Connection, keeper: Keeper) -> "World":
        account_id = await new_account(conn)
        app_id, scheduler_id = await new_app(conn, account_id), await new_onesend(conn, account_id)
        await conn.execute("update scheduler set type = 'weekly' where id = $1", scheduler_id)
        send_id = await conn.fetchval(
            """
            insert into send (account_id, scheduler_id, occurrence, day, push_ids, cutoff_at, due_at, expires_at)
            values ($1, $2, now(), (now() at time zone 'UTC')::date, '{1}', now(), now(), now() + interval '1 day')
            returning id
            """,
            account_id,
            scheduler_id,
        )
        await conn.execute(
            "insert into webhook (account_id, url, events, secret) values ($1, 'https://x.example', '{}', '')",
            account_id,
        )
        return cls(conn, keeper, account_id, app_id, send_id)

    async def device(self, ext_id: str) -> int:
        """A device with a row in every table that names devices."""
        device = await new_device(self.conn, self.account_id, self.app_id, ext_id=ext_id, country="PT", lang="pt")
        sealed = self.keeper.seal(TOKEN, f"ic_token:{self.app_id}:{device}")
        await self.conn.execute("update device set ic_token = $1, tags = $2 where id = $3", sealed, {"a": "b"}, device)
        await self.conn.execute(
            "insert into device_event (app_id, device_id, at, bit) values ($1, $2, now(), 2)", self.app_id, device
        )
        await self.deliver(device)
        for insert in (
            "insert into trigger select $1, $2, scheduler_id, 2, 1, account_id, now() from send where id = $3",
            "insert into rotation select $1, scheduler_id, $2, '{1}' from send where id = $3",
            """
            insert into contact (send_id, device_id, subject, account_id, app_id, scheduler_id, at)
            select id, $2, v.subject, account_id, $1, scheduler_id, now()
            from send, lateral (select -1 - (hashtextextended(ext_id, account_id) & 4611686018427387903) as subject
                                from device where id = $2 union all select $2) v
            where id = $3
            """,
            "update send set device_ids = coalesce(device_ids, '{}') || $2::bigint where id = $3 and $1::bigint > 0",
        ):
            await self.conn.execute(insert, self.app_id, device, self.send_id)
        for name, body in (
            (f"device:{device}", {"device_id": str(device)}),
            ("app:1", {"tokens": [{"device_id": str(device), "ext_id": ext_id}, {"device_id": "5"}]}),
        ):
            await self.conn.execute(
                """
                insert into webhook_message (webhook_id, account_id, type, object, body)
                select id, account_id, 'x', $1, $2 from webhook where account_id = $3
                """,
                name,
                body,
                self.account_id,
            )
        return device

    async def deliver(self, device: int) -> None:
        """A message that was sent to it."""
        await self.conn.execute(
            """
            insert into delivery (day, app_id, send_id, device_id, account_id, push_id, provider, lang, country,
                                  platform, state, provider_id, token_hash, attempt, settled_at)
            select day, $1, id, $2, account_id, 1, 'fcm', 'pt', 'PT', 'android', 2, 'p-1', 'hash', 1, now()
            from send where id = $3
            """,
            self.app_id,
            device,
            self.send_id,
        )

    async def dump(self) -> str:
        """Every row of every table as text."""
        tables = await self.conn.fetch("select tablename from pg_tables where schemaname = 'public'")
        rows = [await self.conn.fetch(f"select t::text from {row['tablename']} t") for row in tables]
        return "\n".join(str(row[0]) for found in rows for row in found)


async def test_every_column_about_devices_is_classified(database: Database) -> None:
    async with database.acquire() as conn:
        rows = await conn.fetch(
            """
            select c.table_name, c.column_name
            from information_schema.columns c
            join pg_class t on t.relname = c.table_name and t.relnamespace = 'public'::regnamespace
            where c.table_schema = 'public' and not t.relispartition
            """
        )
    columns: dict[str, set[str]] = {}
    for row in rows:
        columns.setdefault(row["table_name"], set()).add(row["column_name"])
    for table, kept in KEPT.items():
        made_up = {"code"} if "bit" in kept.left_out else set()
        assert not set(kept.told) & set(kept.left_out), table
        assert (set(kept.told) - made_up) | set(kept.left_out) == columns[table], f"classify every column of {table}"
    naming = {table for table, names in columns.items() if any(re.search("device|ext_id", name) for name in names)}
    assert naming <= {*KEPT, *ELSEWHERE}, "say what exports tell of these tables"


async def test_an_export_tells_everything(database: Database, keeper: Keeper, privacy: PrivacyService) -> None:
    async with database.acquire() as conn:
        world = await World.made(conn, keeper)
        device = await world.device("ana@example.com")
        stranger = Caller(await new_account(conn), "key:other")
    [record] = await privacy.export_user(world.caller, "ana@example.com")
    assert [record] == await privacy.export_device(world.caller, device)
    assert record.device["id"] == str(device)
    assert (record.device["installation_token"], record.device["tags"]) == (TOKEN, {"a": "b"})
    assert record.device["token"].startswith("token-")
    assert [event["code"] for event in record.events] == ["dep"]
    assert record.deliveries[0]["provider_id"] == "p-1"
    assert (record.waiting[0]["code"], record.rotations[0]["had"], len(record.contacts)) == ("dep", [1], 2)
    json.dumps(record.device)
    with pytest.raises(NotFound):
        await privacy.export_device(stranger, device)
    with pytest.raises(NotFound):
        await privacy.export_user(stranger, "ana@example.com")
    with pytest.raises(InvalidInput):
        await privacy.export_user(stranger, "")


async def test_an_erased_person_is_nowhere_and_the_counts_stay(
    database: Database, keeper: Keeper, privacy: PrivacyService
) -> None:
    async with database.acquire() as conn:
        world = await World.made(conn, keeper)
        gone = [await world.device("ana@example.com") for _ in range(2)]
        stays = await world.device("bob@example.com")
        other = await World.made(conn, keeper)
        theirs = await other.device("ana@example.com")
        assert await privacy.erase_user(world.caller, "ana@example.com") == 2
        assert await privacy.erase_user(world.caller, "ana@example.com") == 0, "repeating is fine"
        with pytest.raises(NotFound):
            await privacy.erase_user(world.caller, "never@example.com")
        await conn.execute("delete from reach_change")  # folded within seconds
        await world.deliver(gone[0])  # what was on its way
        assert await privacy.look_again() == 0, "not yet"
        await conn.execute("update erasure set erased_at = now() - interval '3 hours'")
        assert await privacy.look_again() == 2
        text = await world.dump()
        assert not [device for device in gone if str(device) in text]
        assert text.count("ana@example.com") == 2, "the other account's device, and what its webhook is told"
        left = await conn.fetch("select * from delivery where account_id = $1 order by device_id", world.account_id)
        assert [row["device_id"] == stays for row in left] == [False, False, True]
        assert all(row["device_id"] < 0 and row["provider_id"] is None for row in left[:2])
        assert len({row["device_id"] for row in left[:2]}) == 2
        kept: list[Any] = await privacy.export_device(world.caller, stays)
        assert (len(kept[0].events), len(kept[0].contacts), len(kept[0].rotations)) == (1, 2, 1)
        assert (await privacy.export_device(other.caller, theirs))[0].deliveries
        actions = await conn.fetch("select action, detail from audit_entry where account_id = $1", world.account_id)
    assert ("user.erase", {"devices": 2}) in [tuple(row) for row in actions]


async def test_one_device_is_erased_and_its_siblings_stay(
    database: Database, keeper: Keeper, privacy: PrivacyService
) -> None:
    async with database.acquire() as conn:
        world = await World.made(conn, keeper)
        first, second = await world.device("ana"), await world.device("ana")
        stranger = Caller(await new_account(conn), "key:other")
    with pytest.raises(NotFound):
        await privacy.erase_device(stranger, first)
    await privacy.erase_device(world.caller, first)
    await privacy.erase_device(world.caller, first)
    with pytest.raises(NotFound):
        await privacy.export_device(world.caller, first)
    with pytest.raises(NotFound):
        await privacy.erase_device(stranger, first)
    [record] = await privacy.export_user(world.caller, "ana")
    assert record.device["id"] == str(second)
    assert len(record.contacts) == 2

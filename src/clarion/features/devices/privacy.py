"""Everything on a device or a person, told in full or erased (reliability.md GD-1, GD-2).

Owns table `erasure`. `KEPT` says for each table that names devices what an export tells of it; a test holds it against
the schema, so that a new column is classified before it is used. docs/how-to/erase-and-export.md is for owners.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from clarion.db import Connection, Database, load
from clarion.db.statements import Statement
from clarion.features.accounts import Caller, audit
from clarion.features.devices.model import DeviceKey
from clarion.foundation.errors import InvalidInput, NotFound
from clarion.foundation.ids import new_device_id
from clarion.foundation.secrets import Keeper

SQL = load(__package__, "privacy.sql")

SECOND_LOOK_HOURS = 2
"""After this time nothing of an erased device can still be on its way: leases of slices end within minutes."""
USER_LIMIT = 1_000
"""Devices of one external id that an export tells."""
_PORTION = 50
"""Devices erased in one transaction."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What an export tells of one table, and why it leaves the other columns out."""

    told: tuple[str, ...]
    left_out: Mapping[str, str]


_OWNER = {"account_id": "names the owner, not the person"}
_PLACE = {"app_id": "told with the device", "device_id": "told with the device"}
_KEY = {**_OWNER, **_PLACE}
KEPT: Mapping[str, Kept] = {
    "device": Kept(
        (
            *("app_id", "id", "ext_id", "active", "transport", "token", "token_state", "token_reason", "token_at"),
            *("token_state_at", "suspect_code", "suspect_at", "apns_environment", "platform", "platform_name"),
            *("agent", "country", "lang", "lang_tag", "tz_name", "tz_sec", "zone_at", "tags", "audiences"),
            *("onscreen_count", "onscreen_sec", "onscreen_start_at", "onscreen_stop_at", "notif_perm_granted"),
            *("created_at", "updated_at", "last_seen_at"),
        ),
        {
            **_OWNER,
            "ic_token": "sealed; told open as installation_token",
            "ic_token_hash": "a hash of the installation token",
            "token_hash": "a hash of the token",
            "events": "told as events",
            "events_high": "told as events",
        },
    ),
    "device_event": Kept(("at", "code", "number"), {**_PLACE, "bit": "told as code"}),
    "delivery": Kept(
        (
            *("day", "send_id", "push_id", "provider", "lang", "country", "platform", "state", "reason", "code"),
            *("provider_id", "attempt", "may_be_sent", "next_attempt_at", "created_at", "settled_at"),
            *("released_at", "parked_at", "delivered_at", "clicked_at"),
        ),
        {**_KEY, "token_hash": "a hash of the token", "lease_until": "of a worker, not of the person"},
    ),
    "trigger": Kept(("scheduler_id", "code", "number", "due_at", "awaits_token"), {**_KEY, "bit": "told as code"}),
    "rotation": Kept(("scheduler_id", "had"), _PLACE),
    "contact": Kept(("send_id", "scheduler_id", "at"), {**_KEY, "subject": "the device or a hash of the external id"}),
}
"""Table → what is told of it."""
ELSEWHERE: Mapping[str, str] = {
    "webhook_message": "copies of facts above for the owner's servers, gone 7 days after they were told; erased, too",
    "send": "test sends name devices; replaced by the pseudonym when erased",
    "provider_batch": "requests on their way, gone when their send is over",
    "reach_change": "notes that are folded into counts within seconds",
    "erasure": "what is left of an erased device: a hash, and for two hours its id",
    "device_cohort": "counts",
}
"""Other tables with columns named after devices, and why exports tell nothing of them."""


class DeviceRecord(msgspec.Struct, frozen=True):
    """Everything that is kept on one device."""

    device: dict[str, Any]
    """What it told, with its tokens in full."""
    events: list[dict[str, Any]]
    deliveries: list[dict[str, Any]]
    """Messages of the last 30 days; the states are those of docs/explanation/delivery-lifecycle.md."""
    waiting: list[dict[str, Any]]
    """Auto-push messages that wait for their moment."""
    rotations: list[dict[str, Any]]
    """Pushes that it had of weekly schedulers."""
    contacts: list[dict[str, Any]]
    """When it was contacted, as far as caps and gaps ask for it."""


class PrivacyService:
    """Exports and erases. What belongs to another account behaves like what never existed: `NotFound`."""

    def __init__(self, *, database: Database, keeper: Keeper) -> None:
        self._database = database
        self._keeper = keeper

    async def export_device(self, caller: Caller, device_id: int) -> list[DeviceRecord]:
        """All on a device; more than one record only where two apps know the same id."""
        async with self._database.transaction() as conn:
            keys = await _keys_of_id(conn, caller.account_id, device_id)
            await self._note(conn, caller, "device.export", self._hash_of_device(device_id))
            return [await self._record(conn, caller.account_id, key) for key in _some(keys)]

    async def export_user(self, caller: Caller, ext_id: str) -> list[DeviceRecord]:
        """All on every device of an external id, at most 1000 of them."""
        async with self._database.transaction() as conn:
            keys = await _keys_of_user(conn, caller.account_id, ext_id, limit=USER_LIMIT)
            await self._note(conn, caller, "user.export", self._hash_of_user(ext_id))
            return [await self._record(conn, caller.account_id, key) for key in _some(keys)]

    async def erase_device(self, caller: Caller, device_id: int) -> None:
        """Erase a device; repeating is fine. Running sends skip it; its messages stay without a name."""
        hashed = self._hash_of_device(device_id)

        async def work(conn: Connection) -> None:
            keys = await _keys_of_id(conn, caller.account_id, device_id)
            if not keys and not await SQL.buried.fetchval(conn, account_id=caller.account_id, hash=hashed):
                raise _not_found()
            await self._erase(conn, caller.account_id, keys)
            if keys:
                await self._note(conn, caller, "device.erase", hashed)

        await self._database.run(work)

    async def erase_user(self, caller: Caller, ext_id: str) -> int:
        """Erase every device of an external id; how many there were. Repeating is fine."""
        hashed, erased = self._hash_of_user(ext_id), 0

        async def work(conn: Connection) -> int:
            keys = await _keys_of_user(conn, caller.account_id, ext_id, limit=_PORTION)
            await self._erase(conn, caller.account_id, keys)
            return len(keys)

        while portion := await self._database.run(work):
            erased += portion
        async with self._database.transaction() as conn:
            if not erased and not await SQL.buried.fetchval(conn, account_id=caller.account_id, hash=hashed):
                raise _not_found()
            if erased:
                await _bury(conn, caller.account_id, hashed)
                await self._note(conn, caller, "user.erase", hashed, detail={"devices": erased})
        return erased

    async def look_again(self) -> int:
        """Erase what was on its way when devices were erased, and forget their ids; how many devices, at most 50."""

        async def work(conn: Connection) -> int:
            rows = await SQL.open_erasures.fetch(conn, hours=SECOND_LOOK_HOURS, limit=_PORTION)
            for row in rows:
                key = DeviceKey(row["app_id"], row["device_id"])
                await _clean(conn, row["account_id"], key, pseudonym=row["pseudonym"], subjects=[key.device_id])
                await SQL.close.execute(conn, account_id=row["account_id"], hash=row["subject_hash"])
            return len(rows)

        return await self._database.run(work)

    async def _erase(self, conn: Connection, account_id: int, keys: Sequence[DeviceKey]) -> None:
        for key in keys:
            scope = {"account_id": account_id, "app_id": key.app_id, "device_id": key.device_id}
            user = await SQL.lock.fetchval(conn, **scope)
            await SQL.delete.execute(conn, **scope)
            pseudonym = -new_device_id()  # real ids are positive
            subjects = [key.device_id] if user is None else [key.device_id, user]
            await _clean(conn, account_id, key, pseudonym=pseudonym, subjects=subjects)
            await _bury(conn, account_id, self._hash_of_device(key.device_id), key, pseudonym=pseudonym)

    async def _record(self, conn: Connection, account_id: int, key: DeviceKey) -> DeviceRecord:
        scope = {"account_id": account_id, "app_id": key.app_id, "device_id": key.device_id}
        row = await SQL.device.fetchrow(conn, **scope)
        if row is None:
            raise _not_found()
        token = self._keeper.open(row["ic_token"], f"ic_token:{key.app_id}:{key.device_id}").decode()
        device = {**_told("device", row["row"]), "id": str(key.device_id), "installation_token": token}
        subjects = [key.device_id, row["user"]]
        return DeviceRecord(
            device,
            await _rows(conn, "device_event", SQL.events, **scope),
            await _rows(conn, "delivery", SQL.deliveries, **scope),
            await _rows(conn, "trigger", SQL.triggers, **scope),
            await _rows(conn, "rotation", SQL.rotations, **scope),
            await _rows(
                conn, "contact", SQL.contacts, account_id=account_id, device_id=key.device_id, subjects=subjects
            ),
        )

    async def _note(
        self, conn: Connection, caller: Caller, action: str, hashed: bytes, *, detail: dict[str, Any] | None = None
    ) -> None:
        """An audit entry that names nobody: the log is never changed. The same subject has the same name in it."""
        await audit(conn, caller, action=action, target=f"subject:{hashed.hex()[:16]}", detail=detail)

    def _hash_of_device(self, device_id: int) -> bytes:
        return self._keeper.lookup_hash(f"device:{device_id}", "erasure")

    def _hash_of_user(self, ext_id: str) -> bytes:
        return self._keeper.lookup_hash(f"user:{ext_id}", "erasure")


async def _clean(conn: Connection, account_id: int, key: DeviceKey, *, pseudonym: int, subjects: Sequence[int]) -> None:
    """Take a device out of everything beside its own row."""
    scope = {"account_id": account_id, "app_id": key.app_id, "device_id": key.device_id}
    await SQL.delete_events.execute(conn, **scope)
    await SQL.delete_triggers.execute(conn, **scope)
    await SQL.delete_rotations.execute(conn, **scope)
    await SQL.delete_contacts.execute(conn, account_id=account_id, device_id=key.device_id, subjects=subjects)
    await SQL.delete_messages.execute(conn, account_id=account_id, object=f"device:{key.device_id}")
    await SQL.leave_messages.execute(conn, account_id=account_id, id=str(key.device_id))
    await SQL.leave_tests.execute(conn, account_id=account_id, device_id=key.device_id, pseudonym=pseudonym)
    for row in await SQL.messages.fetch(conn, **scope):
        of_day = {**scope, "day": row["day"], "send_ids": row["send_ids"], "pseudonym": pseudonym}
        await SQL.drop_replays.execute(conn, **of_day)
        await SQL.pseudonymise.execute(conn, **of_day)


async def _bury(
    conn: Connection, account_id: int, hashed: bytes, key: DeviceKey | None = None, *, pseudonym: int | None = None
) -> None:
    await SQL.bury.execute(
        conn,
        account_id=account_id,
        hash=hashed,
        app_id=key.app_id if key else None,
        device_id=key.device_id if key else None,
        pseudonym=pseudonym,
    )


async def _keys_of_id(conn: Connection, account_id: int, device_id: int) -> list[DeviceKey]:
    rows = await SQL.by_id.fetch(conn, account_id=account_id, device_id=device_id)
    return [DeviceKey(*row) for row in rows]


async def _keys_of_user(conn: Connection, account_id: int, ext_id: str, *, limit: int) -> list[DeviceKey]:
    if not ext_id or "\0" in ext_id:
        raise InvalidInput("external_id is required")
    rows = await SQL.by_ext_id.fetch(conn, account_id=account_id, ext_id=ext_id, limit=limit)
    return [DeviceKey(*row) for row in rows]


async def _rows(conn: Connection, table: str, statement: Statement, **parameters: Any) -> list[dict[str, Any]]:
    return [_told(table, row["row"]) for row in await statement.fetch(conn, **parameters)]


def _told(table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in KEPT[table].told}


def _some(keys: Sequence[DeviceKey]) -> Sequence[DeviceKey]:
    if not keys:
        raise _not_found()
    return keys


def _not_found() -> NotFound:
    return NotFound("not found: no device is known by this")

"""The device API's use cases, each for a batch of calls: one transaction serves many devices.

Batches come from the micro-batcher of `api/r_v2`. An answer stands only after the commit (reliability.md P6, ID-9).
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import asyncpg

from clarion.db import Connection, Database, load
from clarion.features import triggers
from clarion.features.devices import claims
from clarion.features.devices.arrays import bytes_array, plain_array, text_array
from clarion.features.devices.claims import Claim
from clarion.features.devices.happening import Happening, happen
from clarion.features.devices.model import (
    DEVICE_ID_LIMIT,
    Created,
    DeviceKey,
    Info,
    Report,
    Session,
    merge,
)
from clarion.features.events import history
from clarion.foundation.errors import NotFound
from clarion.foundation.ids import new_device_id
from clarion.foundation.secrets import Keeper

SQL = load(__package__)

T = TypeVar("T")

MATCH_LIMIT = 1000
"""Devices that one postback can reach: one person's installations."""
_RACES = 4


class DeviceService:
    """Registers devices and keeps what they tell."""

    def __init__(self, *, database: Database, keeper: Keeper) -> None:
        self._database = database
        self._keeper = keeper

    async def account_of_app(self, app_id: int) -> int | None:
        """The account that owns an app, archived or not; None if there is no such app."""
        async with self._database.acquire() as connection:
            account: int | None = await SQL.account_of_app.fetchval(connection, app_id=app_id)
            return account

    async def create(self, sessions: Sequence[Session]) -> list[Created]:
        """Get or create the devices of sessions, and wake deactivated ones (sdk-api.md §2).

        Exactly one call of all that name a new session gets `just_created`, over all processes.
        """
        distinct = list(dict.fromkeys(sessions))
        hashes = [self._keeper.lookup_hash(session.ic_token, "ic_token") for session in distinct]
        async with self._database.acquire() as connection:
            found = await _find_sessions(connection, distinct, hashes)
        created: dict[Session, int] = {}
        if any(session not in found or not found[session][1] for session in distinct):
            found, created = await self._settled(lambda within: self._create(within, distinct, hashes))
        answers = []
        for session in sessions:
            just_created = created.pop(session, None) is not None
            answers.append(Created(found[session][0], just_created))
        return answers

    async def report(self, reports: Sequence[Report]) -> list[bool]:
        """Apply info calls; False for a device that does not exist. Later calls of one device win field by field."""
        merged: dict[DeviceKey, Info] = {}
        for key, info in reports:
            earlier = merged.pop(key, None)
            merged[key] = merge(earlier, info) if earlier else info
        rows = [(self._claim(key, info), info) for key, info in merged.items()]
        existing = await self._report(rows)
        return [report.key in existing for report in reports]

    async def touch(self, keys: Sequence[DeviceKey]) -> list[bool]:
        """Note activity, at most once a minute; False for a device that does not exist."""
        distinct = sorted(set(keys))
        columns = _key_columns(distinct)
        async with self._database.acquire() as connection:
            if await SQL.touch.execute(connection, **columns) == len(distinct):
                return [True] * len(keys)
            rows = await SQL.existing.fetch(connection, **columns)
        existing = {(row["app_id"], row["id"]) for row in rows}
        return [key in existing for key in keys]

    async def find_installations(self, installations: Sequence[tuple[int, str]]) -> list[int | None]:
        """The device id of each (app, installation token); of several sessions the one used last."""
        hashes = [self._keeper.lookup_hash(ic_token, "ic_token") for _, ic_token in installations]
        app_ids = [app_id for app_id, _ in installations]
        async with self._database.acquire() as connection:
            rows = await SQL.find_installations.fetch(connection, app_ids=app_ids, hashes=hashes)
        found: dict[int, int] = {row["n"]: row["id"] for row in rows}
        return [found.get(number) for number in range(1, len(installations) + 1)]

    async def deactivate(self, calls: Sequence[tuple[DeviceKey, str]]) -> list[bool | None]:
        """Deactivate devices that show their installation token.

        True = inactive now, False = the token is not the device's, None = no such device.
        """
        hashes = [self._keeper.lookup_hash(ic_token, "ic_token") for _, ic_token in calls]
        columns = {**_key_columns([key for key, _ in calls]), "hashes": hashes}

        async def work(within: Connection) -> list[asyncpg.Record]:
            await SQL.deactivate.execute(within, **columns)
            return await SQL.match_installations.fetch(within, **columns)

        matches: dict[int, bool] = {row["n"]: row["matches"] for row in await self._database.run(work)}
        return [matches.get(number) for number in range(1, len(calls) + 1)]

    async def postback(
        self, account_id: int, code: str, *, reference: str, txid: str | None = None, fires: bool = True
    ) -> int:
        """Record an event on every active device that `reference` names; returns how many.

        `reference` is an external id, else an installation token, else a device id (sdk-api.md §7). Each call counts,
        unless it repeats a `txid`. A second deposit is also an event of the code `dep2` where there is one, a third of
        `dep3`, and so on. Auto-pushes answer, if it `fires`. A code that is switched off is ignored: 0. `NotFound` for
        an unknown code or reference.
        """
        return await self._database.run(
            lambda within: self._postback(within, account_id, code, reference=reference, txid=txid, fires=fires)
        )

    async def forget_postbacks(self, *, days: int = 30) -> int:
        """Drop transaction ids of postbacks older than `days`; returns how many."""
        async with self._database.transaction() as connection:
            return await SQL.forget_postbacks.execute(connection, days=days)

    async def forget_unreachable(self) -> int:
        """Delete devices that never told a token and were silent for 30 days (reliability.md DV-11); how many.

        At most 5 000 at once, so that it never holds anybody up.
        """
        async with self._database.acquire() as connection:
            return await SQL.forget_unreachable.execute(connection)

    async def _create(
        self, within: Connection, sessions: Sequence[Session], hashes: Sequence[bytes]
    ) -> tuple[dict[Session, tuple[int, bool]], dict[Session, int]]:
        found = await _find_sessions(within, sessions, hashes)
        missing = [pair for pair in zip(sessions, hashes, strict=True) if pair[0] not in found]
        created = await self._insert(within, missing)
        if len(created) < len(missing):
            found = await _find_sessions(within, sessions, hashes)
        found |= {session: (device_id, True) for session, device_id in created.items()}
        asleep = [DeviceKey(session.app_id, found[session][0]) for session in sessions if not found[session][1]]
        await _reactivate(within, asleep)
        return found, created

    async def _insert(self, within: Connection, missing: Sequence[tuple[Session, bytes]]) -> dict[Session, int]:
        """Insert what is missing, in key order; what another process inserted first is left out of the answer."""
        if not missing:
            return {}
        rows = {}
        for session, hashed in sorted(missing, key=lambda pair: (pair[0].app_id, pair[1], pair[0].ext_id)):
            device_id = new_device_id()
            sealed = self._keeper.seal(session.ic_token, f"ic_token:{session.app_id}:{device_id}")
            row = (session.app_id, device_id, session.account_id, hashed, sealed, session.ext_id)
            rows[session.app_id, device_id] = (session, row)
        app_ids, ids, account_ids, hashes, seals, ext_ids = zip(*(row for _, row in rows.values()), strict=True)
        inserted = await SQL.insert.fetch(
            within,
            app_ids=app_ids,
            ids=ids,
            account_ids=account_ids,
            hashes=hashes,
            sealed=seals,
            ext_ids=ext_ids,
            events=1 << history.INSTALL_BIT,
        )
        keys = [(row["app_id"], row["id"]) for row in inserted]
        await history.record_installs(within, keys)
        await triggers.arm_installs(within, keys)
        return {rows[key][0]: key[1] for key in keys}

    def _claim(self, key: DeviceKey, info: Info) -> Claim:
        hashed = self._keeper.lookup_hash(info.token.text, "token") if info.token else None
        return Claim(key, info.ext_id, info.token, hashed)

    async def _report(self, rows: Sequence[tuple[Claim, Info]]) -> set[DeviceKey]:
        """Write all rows if no token or session changes hands, else settle that first. The devices that exist."""
        columns = _info_columns(rows)
        async with self._database.acquire() as connection:
            if await SQL.write_info.execute(connection, **columns) == len(rows):
                return {claim.key for claim, _ in rows}
            known, fresh = await claims.read(connection, [claim.key for claim, _ in rows])
            changing = [row for row in rows if row[0].key in known and _changes(row[0], known[row[0].key])]
            # A device that fits now, yet was written just now, may not have fitted when its row was tried.
            again = [row for row in rows if row[0].key in fresh and row not in changing]
            if again:
                await SQL.write_info.execute(connection, **_info_columns(again))
        if changing:
            await self._settled(lambda within: _report_changes(within, changing))
        return set(known)

    async def _postback(
        self, within: Connection, account_id: int, code: str, *, reference: str, txid: str | None, fires: bool
    ) -> int:
        event = await history.find_code(within, account_id=account_id, code=code)
        if event is None:
            raise NotFound("no such event code or device")
        if not event.active:
            return 0
        keys = await self._find_referenced(within, account_id, reference)
        if not keys:
            raise NotFound("no such event code or device")
        if txid and not await self._is_new(within, account_id, text=f"{code}\0{reference}\0{txid}"):
            return 0
        await claims.lock(within, keys)
        await happen(within, Happening(account_id, code, event.bit, fires), keys)
        return len(keys)

    async def _find_referenced(self, within: Connection, account_id: int, reference: str) -> list[DeviceKey]:
        rows = await SQL.find_by_ext_id.fetch(within, account_id=account_id, ext_id=reference, limit=MATCH_LIMIT)
        if not rows:
            hashed = self._keeper.lookup_hash(reference, "ic_token")
            rows = await SQL.find_by_ic_token.fetch(within, account_id=account_id, hash=hashed, limit=MATCH_LIMIT)
        if not rows and reference.isascii() and reference.isdigit() and int(reference[:20]) <= DEVICE_ID_LIMIT:
            rows = await SQL.find_by_id.fetch(within, account_id=account_id, device_id=int(reference[:20]))
        return [DeviceKey(row["app_id"], row["id"]) for row in rows]

    async def _is_new(self, within: Connection, account_id: int, *, text: str) -> bool:
        hashed = self._keeper.lookup_hash(text, "postback")
        return bool(await SQL.note_postback.fetchval(within, account_id=account_id, hash=hashed))

    async def _settled(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work` in a transaction; start again if another process took a token or session first."""
        for _ in range(_RACES - 1):
            try:
                return await self._database.run(work)
            except asyncpg.UniqueViolationError:
                continue
        return await self._database.run(work)


def _changes(claim: Claim, identity: claims.Identity) -> bool:
    return claims.changes_token(claim, identity) or claims.changes_session(claim, identity)


async def _report_changes(within: Connection, rows: Sequence[tuple[Claim, Info]]) -> None:
    await claims.apply(within, [claim for claim, _ in rows])
    await SQL.write_info.execute(within, **_info_columns(rows))


async def _find_sessions(
    within: Connection, sessions: Sequence[Session], hashes: Sequence[bytes]
) -> dict[Session, tuple[int, bool]]:
    """Session → (device id, active) of those that exist."""
    rows = await SQL.find_sessions.fetch(
        within,
        app_ids=[session.app_id for session in sessions],
        hashes=hashes,
        ext_ids=[session.ext_id for session in sessions],
    )
    return {sessions[row["n"] - 1]: (row["id"], row["active"]) for row in rows}


async def _reactivate(within: Connection, keys: Sequence[DeviceKey]) -> None:
    if not keys:
        return
    held = await claims.lock(within, keys)
    asleep = [identity for identity in held.values() if not identity.active]
    await claims.silence_others(within, asleep)
    await SQL.reactivate.execute(within, **_key_columns([identity.key for identity in asleep]))


def _key_columns(keys: Sequence[DeviceKey]) -> dict[str, list[int]]:
    return {"app_ids": [key.app_id for key in keys], "ids": [key.device_id for key in keys]}


_INFO_COLUMNS: tuple[tuple[str, Callable[[Any], str]], ...] = (
    ("app_ids", plain_array),
    ("ids", plain_array),
    ("token_hashes", bytes_array),
    ("token_states", plain_array),
    ("transports", text_array),
    ("platforms", text_array),
    ("ext_ids", text_array),
    ("platform_names", text_array),
    ("agents", text_array),
    ("countries", text_array),
    ("langs", text_array),
    ("lang_tags", text_array),
    ("tz_names", text_array),
    ("tz_secs", plain_array),
    ("tags", text_array),
    ("audiences", text_array),
    ("onscreen_counts", plain_array),
    ("onscreen_secs", plain_array),
    ("onscreen_starts", plain_array),
    ("onscreen_stops", plain_array),
    ("permissions", plain_array),
)


def _info_columns(rows: Sequence[tuple[Claim, Info]]) -> dict[str, str]:
    """The rows as one array per column, in key order; the token itself is written by its claim."""
    flat = sorted(
        (*claim.key, claim.token_hash, info.token and int(info.token.state), info.transport, info.platform, *info[3:])
        for claim, info in rows
    )
    columns = zip(*flat, strict=True)
    return {name: encode(values) for (name, encode), values in zip(_INFO_COLUMNS, columns, strict=True)}

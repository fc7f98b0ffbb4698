"""Use cases of pushes: content, state, and binding to a scheduler."""

from collections.abc import Iterable, Sequence

import msgspec

from clarion.db import Connection, Database, load
from clarion.db.statements import Record
from clarion.features.accounts import Caller, audit
from clarion.features.pushes.content import LargestSize, SizeWarning, Words, largest, personal, warnings
from clarion.features.pushes.model import (
    BOUND_LIMIT,
    BoundTo,
    PushBody,
    PushContent,
    PushCreated,
    PushLine,
    PushView,
    TranslationRef,
    TranslationView,
    normalised,
)
from clarion.foundation.errors import InvalidInput, NotFound, UnknownReference
from clarion.providers.contract import Content
from clarion.providers.options import NO_OPTIONS, Options

SQL = load(__package__)
_NEWEST = 2**63 - 1


class PushService:
    """Pushes of an account. An id of another account behaves like one that never existed."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def create(self, caller: Caller, body: PushBody, *, within: Connection | None = None) -> PushCreated:
        """A new active push, bound to nothing. `InvalidInput` if its content breaks a rule."""
        push = normalised(body)
        too_large = warnings(_words(push))
        account_id = caller.account_id
        async with self._database.joined(within) as conn:
            push_id = await SQL.insert_push.fetchval(
                conn,
                account_id=account_id,
                default_lang=push.default_lang,
                options=msgspec.to_builtins(push.options or NO_OPTIONS),
            )
            translations = await _save_translations(conn, account_id, push_id=push_id, push=push)
            await audit(conn, caller, action="push.create", target=f"push:{push_id}")
        return PushCreated(push_id, translations, too_large or msgspec.UNSET)

    async def replace(self, caller: Caller, push_id: int, *, body: PushBody) -> list[SizeWarning]:
        """Replace the whole content and its options; a language that stays keeps its id. `NotFound`, `InvalidInput`."""
        push = normalised(body)
        too_large = warnings(_words(push))
        account_id = caller.account_id
        languages = [item.language for item in push.translations]
        async with self._database.transaction() as conn:
            found = await SQL.update_push.fetchval(
                conn,
                account_id=account_id,
                push_id=push_id,
                default_lang=push.default_lang,
                options=msgspec.to_builtins(push.options or NO_OPTIONS),
            )
            if found is None:
                raise _not_found(push_id)
            await SQL.drop_translations.execute(conn, account_id=account_id, push_id=push_id, languages=languages)
            await _save_translations(conn, account_id, push_id=push_id, push=push)
            await audit(conn, caller, action="push.update", target=f"push:{push_id}")
        return too_large

    async def delete(self, caller: Caller, push_id: int) -> None:
        """Unbind and delete. `NotFound` also when it is deleted already."""
        async with self._database.transaction() as conn:
            if await SQL.delete_push.fetchval(conn, account_id=caller.account_id, push_id=push_id) is None:
                raise _not_found(push_id)
            await audit(conn, caller, action="push.delete", target=f"push:{push_id}")

    async def activate(self, caller: Caller, push_id: int) -> None:
        """Let the push be picked for sending; repeating is fine. `NotFound`."""
        await self._set_active(caller, push_id, active=True)

    async def deactivate(self, caller: Caller, push_id: int) -> None:
        """Never pick the push for sending; repeating is fine. `NotFound`."""
        await self._set_active(caller, push_id, active=False)

    async def _set_active(self, caller: Caller, push_id: int, *, active: bool) -> None:
        account_id = caller.account_id
        async with self._database.transaction() as conn:
            before = await SQL.lock_active.fetchval(conn, account_id=account_id, push_id=push_id)
            if before is None:
                raise _not_found(push_id)
            if before != active:
                await SQL.set_active.execute(conn, account_id=account_id, push_id=push_id, active=active)
                action = "push.activate" if active else "push.deactivate"
                await audit(conn, caller, action=action, target=f"push:{push_id}")

    async def get(self, account_id: int, push_id: int, *, within: Connection | None = None) -> PushView:
        """The push with its content and the scheduler it is bound to. `NotFound`."""
        async with self._database.joined(within) as conn:
            row = await SQL.get_push.fetchrow(conn, account_id=account_id, push_id=push_id)
            if row is None:
                raise _not_found(push_id)
            translations = await SQL.translations.fetch(conn, account_id=account_id, push_id=push_id)
        return PushView(
            id=row["id"],
            default_lang=row["default_lang"],
            translations=[TranslationView(**dict(item)) for item in translations],
            status=int(row["active"]),
            scheduler=BoundTo(row["scheduler_type"], row["scheduler_id"]) if row["scheduler_id"] else None,
            options=msgspec.convert(row["options"], Options) if row["options"] else msgspec.UNSET,
        )

    def sizes(self, body: PushBody) -> Sequence[LargestSize]:
        """The size of its longest language at each provider. `InvalidInput` if its content breaks a rule."""
        return largest(_words(normalised(body)))

    async def bind(self, account_id: int, scheduler_id: int, *, push_ids: Sequence[int], within: Connection) -> None:
        """Make exactly these pushes the scheduler's, in this order; the caller holds the scheduler's row lock.

        `UnknownReference` for a push that does not exist, `InvalidInput` for one bound to another scheduler.
        """
        wanted = list(dict.fromkeys(push_ids))
        if len(wanted) > BOUND_LIMIT:
            raise InvalidInput(f"more than {BOUND_LIMIT} pushes")
        rows = await SQL.lock_pushes.fetch(within, account_id=account_id, push_ids=wanted)
        _check_free(wanted, rows, scheduler_id)
        await SQL.unbind_others.execute(within, account_id=account_id, scheduler_id=scheduler_id, push_ids=wanted)
        await SQL.bind.execute(within, account_id=account_id, scheduler_id=scheduler_id, push_ids=wanted)

    async def bound(self, account_id: int, scheduler_ids: Sequence[int], *, within: Connection) -> dict[int, list[int]]:
        """Ids of each scheduler's pushes in their order, active or not."""
        found: dict[int, list[int]] = {scheduler_id: [] for scheduler_id in scheduler_ids}
        for row in await SQL.bound.fetch(within, account_id=account_id, scheduler_ids=list(scheduler_ids)):
            found[row["scheduler_id"]].append(row["id"])
        return found

    async def bound_active(self, account_id: int, scheduler_id: int, *, within: Connection) -> list[int]:
        """Ids of the scheduler's pushes that may be picked for sending, in their order."""
        rows = await SQL.bound.fetch(within, account_id=account_id, scheduler_ids=[scheduler_id])
        return [row["id"] for row in rows if row["active"]]

    async def load(self, push_ids: Iterable[int], *, within: Connection | None = None) -> dict[int, PushContent]:
        """The content of pushes for dispatch, by id; deleted ones are there but not active."""
        async with self._database.joined(within) as conn:
            rows = await SQL.load.fetch(conn, push_ids=list(push_ids))
        return _contents(rows)

    async def titles(self, account_id: int, push_ids: Iterable[int]) -> dict[int, str]:
        """The titles of the account's pushes in their default languages, also of deleted ones."""
        async with self._database.acquire() as conn:
            rows = await SQL.titles.fetch(conn, account_id=account_id, push_ids=list(push_ids))
        return {row["id"]: row["title"] for row in rows}

    async def list(
        self, account_id: int, *, limit: int, before: int | None = None, free: bool = False
    ) -> list[PushLine]:
        """Up to `limit` pushes older than the id `before`, newest first; `free`: only those bound to no scheduler."""
        async with self._database.acquire() as conn:
            rows = await SQL.page.fetch(
                conn, account_id=account_id, before=_NEWEST if before is None else before, free=free, limit=limit
            )
        return [PushLine(**dict(row)) for row in rows]


async def _save_translations(
    conn: Connection, account_id: int, *, push_id: int, push: PushBody
) -> list[TranslationRef]:
    items = push.translations
    rows = await SQL.save_translations.fetch(
        conn,
        account_id=account_id,
        push_id=push_id,
        languages=[item.language for item in items],
        titles=[item.title for item in items],
        texts=[item.text for item in items],
        images=[item.image for item in items],
        icons=[item.icon for item in items],
        links=[item.link for item in items],
    )
    return [TranslationRef(row["id"], row["language"]) for row in rows]


def _words(push: PushBody) -> list[Words]:
    options = push.options or NO_OPTIONS
    return [
        Words(
            item.language, Content(item.title, item.text, item.image or "", item.icon or "", item.link or "", options)
        )
        for item in push.translations
    ]


def _contents(rows: Iterable[Record]) -> dict[int, PushContent]:
    contents: dict[int, PushContent] = {}
    translations: dict[int, dict[str, Content]] = {}
    for row in rows:
        options = msgspec.convert(row["options"], Options)
        own = translations.setdefault(row["id"], {})
        content = Content(row["title"], row["text"], row["image"], row["icon"], row["link"], options)
        own[row["language"]] = personal(Words(row["language"], content))
        contents[row["id"]] = PushContent(row["id"], row["default_lang"], row["active"], own, options.ttl)
    return contents


def _check_free(wanted: Sequence[int], rows: Iterable[Record], scheduler_id: int) -> None:
    bound_to = {row["id"]: row["scheduler_id"] for row in rows}
    for push_id in wanted:
        if push_id not in bound_to:
            raise UnknownReference(f"push {push_id} does not exist")
        if bound_to[push_id] not in (None, scheduler_id):
            raise InvalidInput(f"push {push_id} is bound to another scheduler")


def _not_found(push_id: int) -> NotFound:
    return NotFound(f"push {push_id} does not exist")

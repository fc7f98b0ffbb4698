"""Reading the audit log of an account."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clarion.db import Database, load

SQL = load(__package__, "audit_log.sql")

_NEWEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change: who did what to which object."""

    id: int
    at: datetime
    actor: str
    """`key:<public id>`, `member:<id>`, `operator` or `system`."""
    action: str
    object: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """What is asked for; None narrows nothing."""

    actor: str | None = None
    action: str | None = None
    """`scheduler.cancel`, or `scheduler` for everything done to schedulers."""
    object: str | None = None
    begin: datetime | None = None
    end: datetime | None = None
    """Exclusive."""


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some entries, newest first; `next_before` continues the list, None at its end."""

    items: Sequence[AuditEntry]
    next_before: int | None


class AuditService:
    """The audit log. Entries are written by `audit`, in the transactions of the changes, and never changed."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def page(
        self, account_id: int, query: AuditQuery, *, before: int | None = None, limit: int = 50
    ) -> AuditPage:
        """Up to `limit` entries with ids below `before`."""
        async with self._database.acquire() as conn:
            rows = await SQL.page.fetch(
                conn,
                account_id=account_id,
                actor=query.actor,
                action=query.action,
                object=query.object,
                begin=query.begin,
                end=query.end,
                before=before or _NEWEST,
                limit=limit + 1,
            )
        items = [AuditEntry(**dict(row)) for row in rows[:limit]]
        return AuditPage(items, items[-1].id if len(rows) > limit else None)

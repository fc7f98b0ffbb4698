"""The audit log: who did what to which object, and when."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from clarion.api.auth import CurrentCaller
from clarion.api.binding import QueryNumber
from clarion.api.v1.arguments import before_id, optional_text, page_size
from clarion.features.accounts.audit_log import AuditQuery, AuditService
from clarion.foundation.errors import InvalidInput

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})")
_FIRST, _LAST = 1970, 9000
"""Years that every offset and whole day stay within the calendar of."""


class AuditEntryView(msgspec.Struct, frozen=True):
    """One change."""

    id: int
    at: datetime
    actor: str
    """`key:<public id>`, `member:<id>`, `operator` (the command line) or `system` (Clarion itself)."""
    action: str
    """Such as `scheduler.cancel`."""
    object: str
    """Such as `scheduler:71`."""
    detail: dict[str, Any]


class AuditLog(msgspec.Struct, frozen=True):
    """Some entries, newest first; `next_cursor` is null at the end of the list."""

    entries: list[AuditEntryView]
    next_cursor: str | None


@get("/audit", summary="Read the audit log", tags=["audit"])
async def read_audit(
    caller: CurrentCaller,
    audit_log: NamedDependency[AuditService],
    actor: FromQuery[str | None] = None,
    action: FromQuery[str | None] = None,
    target: Annotated[str | None, QueryParameter(name="object")] = None,
    begin: Annotated[str | None, QueryParameter(name="from")] = None,
    end: Annotated[str | None, QueryParameter(name="to")] = None,
    cursor: FromQuery[str | None] = None,
    limit: FromQuery[QueryNumber | None] = None,
) -> AuditLog:
    """Newest first. `action=scheduler` stands for everything that is done to schedulers; `from` and `to` are dates
    (whole days in UTC) or instants with an offset.
    """
    query = AuditQuery(
        actor=optional_text("actor", actor),
        action=optional_text("action", action),
        object=optional_text("object", target),
        begin=_moment("from", begin, days=0),
        end=_moment("to", end, days=1),
    )
    page = await audit_log.page(caller.account_id, query, before=before_id(cursor), limit=page_size(limit))
    following = None if page.next_before is None else str(page.next_before)
    entries = [
        AuditEntryView(item.id, item.at, item.actor, item.action, item.object, item.detail) for item in page.items
    ]
    return AuditLog(entries, following)


def _moment(name: str, text: str | None, *, days: int) -> datetime | None:
    """A date (its beginning, or that of `days` later) or an instant."""
    if text is None:
        return None
    try:
        if _DATE.fullmatch(text):
            return _checked(name, datetime.combine(date.fromisoformat(text), time(), UTC)) + timedelta(days=days)
        if _INSTANT.fullmatch(text):
            return _checked(name, datetime.fromisoformat(text))
    except ValueError:
        raise InvalidInput(f"{name} is not a moment of the calendar") from None
    raise InvalidInput(f"{name} must be a date (2026-03-01) or an instant with offset (2026-03-01T12:00:00Z)")


def _checked(name: str, moment: datetime) -> datetime:
    if not _FIRST <= moment.year < _LAST:
        raise InvalidInput(f"{name} must lie between the years {_FIRST} and {_LAST}")
    return moment

"""The audit log: who did what, with filters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from litestar import Response, get
from litestar.di import NamedDependency

from clarion.console.audit_words import ACTIONS, OBJECTS
from clarion.console.texts import N_
from clarion.console.visit import CurrentVisit, Visit
from clarion.features.accounts.audit_log import AuditEntry, AuditQuery, AuditService
from clarion.features.accounts.keys import KeyService
from clarion.features.accounts.members import MemberService

ROWS = 50
_LONGEST_DETAIL = 300
_FORMER_MEMBER = N_("Former member %(number)s")
_REVOKED_KEY = N_("Revoked key %(number)s")
ACTORS = {"operator": N_("Operator (command line)"), "system": N_("Clarion")}


@dataclass(frozen=True, slots=True)
class Line:
    """An entry in words."""

    at: datetime
    actor: str
    action: str
    object: str
    detail: str


@get("/audit")
async def audit_page(
    visit: CurrentVisit,
    audit_log: NamedDependency[AuditService],
    members: NamedDependency[MemberService],
    keys: NamedDependency[KeyService],
) -> Response[str]:
    """Newest first."""
    people = {f"member:{person.id}": person.name or person.email for person in await members.list(visit.account_id)}
    keyed = {f"key:{key.public_id}": key.name for key in await keys.list(visit.account_id)}
    fixed = {actor: visit.text(text) for actor, text in ACTORS.items()}
    names = people | keyed | fixed
    found = await audit_log.page(visit.account_id, _query(visit), before=_before(visit), limit=ROWS)
    return visit.page(
        "audit/audit.html",
        fragment="rows",
        lines=_lines(visit, found.items, names=names),
        next_before=found.next_before,
        names=names,
        objects={name: visit.text(text) for name, text in OBJECTS.items()},
    )


def _query(visit: Visit) -> AuditQuery:
    begin, end = _day(visit, "from"), _day(visit, "to")
    return AuditQuery(
        actor=visit.query("actor")[:100] or None,
        action=visit.query("kind")[:100] or None,
        object=visit.query("object")[:100] or None,
        begin=begin,
        end=end + timedelta(days=1) if end else None,
    )


def _day(visit: Visit, name: str) -> datetime | None:
    """The beginning of a day in the visitor's zone; what is no day narrows nothing."""
    try:
        day = date.fromisoformat(visit.query(name))
    except ValueError:
        return None
    if not 1970 <= day.year < 9000:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(visit.member.zone))


def _before(visit: Visit) -> int | None:
    text = visit.query("before")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _lines(visit: Visit, entries: Sequence[AuditEntry], *, names: Mapping[str, str]) -> list[Line]:
    return [
        Line(
            at=entry.at,
            actor=_actor(visit, entry.actor, names),
            action=visit.text(ACTIONS[entry.action]) if entry.action in ACTIONS else entry.action,
            object=_object(visit, entry.object, names),
            detail=", ".join(f"{name}: {value}" for name, value in entry.detail.items())[:_LONGEST_DETAIL],
        )
        for entry in entries
    ]


def _actor(visit: Visit, actor: str, names: Mapping[str, str]) -> str:
    kind, _, number = actor.partition(":")
    if actor in names:
        return names[actor]
    if kind in {"member", "key"}:
        return visit.text(_FORMER_MEMBER if kind == "member" else _REVOKED_KEY, number=number)
    return actor


def _object(visit: Visit, text: str, names: Mapping[str, str]) -> str:
    kind, _, number = text.partition(":")
    if kind not in OBJECTS:
        return text
    return f"{visit.text(OBJECTS[kind])} {names.get(text, number)}"


ROUTES = [audit_page]

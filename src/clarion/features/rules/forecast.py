"""When messages that are due at some moment will leave under rules, before anything is sent. Pure.

Caps and gaps depend on what devices get until then; a forecast leaves them out (`RuleBooks.capped` counts who is at a
limit now).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from clarion.features.rules.limits import Level
from clarion.features.rules.model import Effective, SendRules
from clarion.features.rules.pace import Course, Pace


@dataclass(frozen=True, slots=True)
class Arrival:
    """Messages that are due at one moment, to devices of one app in one zone."""

    due_at: datetime
    app_id: int
    zone: tzinfo
    devices: int


@dataclass(frozen=True, slots=True)
class Leaving:
    """When they leave."""

    arrival: Arrival
    allowed_at: datetime
    """When quiet hours let them go: the due moment or later."""
    first_at: datetime | None
    last_at: datetime | None
    """With pacing; both None when the messages are skipped."""
    skipped: int
    """Of the devices, how many would get it too late (those at the end)."""


def forecast(rules: SendRules, arrivals: Iterable[Arrival]) -> list[Leaving]:
    """What becomes of arrivals, by the moments at which they may leave. The last `last_at` is when all is finished."""
    judged = []
    for arrival in arrivals:
        effective = rules.of_app(arrival.app_id)
        judged.append((_allowed_at(arrival, effective), arrival, effective))
    judged.sort(key=_moment)
    queue = _Queue()
    return [queue.leave(allowed_at, arrival, effective) for allowed_at, arrival, effective in judged]


def _moment(judged: tuple[datetime, Arrival, Effective]) -> datetime:
    return judged[0]


def _allowed_at(arrival: Arrival, effective: Effective) -> datetime:
    if effective.quiet_hours is None or effective.urgent:
        return arrival.due_at
    return effective.quiet_hours.next_allowed(arrival.due_at, arrival.zone)


class _Queue:
    """Where paced streams have come to."""

    def __init__(self) -> None:
        self._courses: dict[tuple[Level, int], Course] = {}

    def leave(self, allowed_at: datetime, arrival: Arrival, effective: Effective) -> Leaving:
        """Add messages at the end of the queue."""
        last_moment = effective.last_moment(arrival.due_at)
        held = allowed_at > arrival.due_at
        if (held and allowed_at > last_moment) or not arrival.devices:
            return Leaving(arrival, allowed_at, None, None, arrival.devices)
        count, skipped = arrival.devices, 0
        if effective.too_late is not None:
            count = min(count, self._until(allowed_at, arrival.app_id, effective.paces, last_moment, count))
            skipped = arrival.devices - count
        if not count:
            return Leaving(arrival, allowed_at, None, None, skipped)
        first, last = self._pass(allowed_at, arrival.app_id, effective.paces, count)
        return Leaving(arrival, allowed_at, first, last, skipped)

    def _course(self, level: Level, app_id: int, pace: Pace, moment: datetime) -> tuple[tuple[Level, int], Course]:
        key = (level, app_id if level is Level.APP else 0)
        course = self._courses.get(key, Course(moment))
        return key, course.caught_up(pace, moment) if course.next_at(pace) < moment else course

    def _until(
        self, moment: datetime, app_id: int, paces: Sequence[tuple[Level, Pace]], end: datetime, wanted: int
    ) -> int:
        """How many can leave until `end`."""
        count = wanted
        for level, pace in paces:
            _, course = self._course(level, app_id, pace, moment)
            count = min(count, pace.left_after((end - course.began_at).total_seconds()) - course.granted)
        return max(0, count)

    def _pass(
        self, moment: datetime, app_id: int, paces: Sequence[tuple[Level, Pace]], count: int
    ) -> tuple[datetime, datetime]:
        """The moments of the first and the last of `count` messages."""
        first = last = moment
        for level, pace in paces:
            key, course = self._course(level, app_id, pace, moment)
            first = max(first, course.next_at(pace))
            after = self._courses[key] = course.advanced(count)
            last = max(last, after.began_at + timedelta(seconds=pace.leaves_after(after.granted - 1)))
        return first, last

"""Pacing: how fast messages leave, with a ramp at the beginning. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

import msgspec

from clarion.foundation.errors import InvalidInput

AHEAD = 0.25
"""Seconds that messages may leave before their moment, so that they can be handed over in portions."""
SLACK = 1.0
"""Seconds of delay that are made up for; nothing more is saved up."""
IDLE = 60.0
"""Seconds of silence (or as long as the ramp, if that is longer) after which a ramp begins anew."""
_SECONDS = {"second": 1, "minute": 60}


class Per(StrEnum):
    """The unit of a pace."""

    SECOND = "second"
    MINUTE = "minute"


class Ramp(msgspec.Struct, frozen=True):
    """Begin with `start` messages per unit, and reach the full pace evenly after `minutes`."""

    start: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    minutes: Annotated[int, msgspec.Meta(ge=1, le=24 * 60)]


class Pace(msgspec.Struct, frozen=True):
    """So many messages per second or minute."""

    messages: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    per: Per = Per.SECOND
    ramp: Ramp | None = None

    def check(self) -> None:
        """`InvalidInput` for a ramp that does not rise."""
        if self.ramp is not None and self.ramp.start >= self.messages:
            raise InvalidInput("pace.ramp.start must be less than pace.messages")

    @property
    def rate(self) -> float:
        """Messages per second at full pace."""
        return self.messages / _SECONDS[self.per]

    def _ramp(self) -> tuple[float, float]:
        """The rate at the beginning, and the seconds until the full one."""
        if self.ramp is None:
            return self.rate, 0.0
        return self.ramp.start / _SECONDS[self.per], self.ramp.minutes * 60.0

    @property
    def _in_ramp(self) -> float:
        start, length = self._ramp()
        return (start + self.rate) / 2 * length

    def leaves_after(self, number: int) -> float:
        """Seconds from the beginning to the moment of message `number`, the first being 0."""
        start, length = self._ramp()
        if number >= self._in_ramp:
            return length + (number - self._in_ramp) / self.rate
        growth = (self.rate - start) / length
        return (math.sqrt(start * start + 2 * growth * number) - start) / growth

    def left_after(self, seconds: float) -> int:
        """How many messages have their moment within so many seconds from the beginning."""
        if seconds < 0:
            return 0
        start, length = self._ramp()
        if seconds >= length:
            count = self._in_ramp + (seconds - length) * self.rate
        else:
            count = start * seconds + (self.rate - start) / length * seconds * seconds / 2
        return math.floor(count + 1e-9) + 1

    @property
    def idle(self) -> float:
        """Seconds of silence after which the ramp begins anew."""
        return max(IDLE, self._ramp()[1])


@dataclass(frozen=True, slots=True)
class Course:
    """How far a paced stream has come."""

    began_at: datetime
    granted: int = 0

    def next_at(self, pace: Pace) -> datetime:
        """The moment of the next message."""
        return self.began_at + timedelta(seconds=pace.leaves_after(self.granted))

    def caught_up(self, pace: Pace, now: datetime) -> "Course":
        """The course as it goes on now: pace that was not used is lost, and after a long silence it begins anew."""
        behind = (now - self.next_at(pace)).total_seconds()
        if behind > pace.idle:
            return Course(now)
        if behind > SLACK:
            return replace(self, began_at=self.began_at + timedelta(seconds=behind - SLACK))
        return self

    def open(self, pace: Pace, now: datetime) -> int:
        """How many messages may leave now; the course must be caught up."""
        return max(0, pace.left_after((now - self.began_at).total_seconds() + AHEAD) - self.granted)

    def advanced(self, count: int) -> "Course":
        """The course after `count` messages more."""
        return replace(self, granted=self.granted + count)


@dataclass(frozen=True, slots=True)
class Grant:
    """What several paces together allow."""

    count: int
    courses: Sequence[Course]
    """As they go on, in the order of the paces."""
    wait: float
    """Seconds until something may leave; 0 when something may now."""


def grant(courses: Sequence[tuple[Pace, Course]], wanted: int, now: datetime) -> Grant:
    """How many of `wanted` messages may leave now under all of the paces."""
    caught_up = [(pace, course.caught_up(pace, now)) for pace, course in courses]
    count = min([wanted, *(course.open(pace, now) for pace, course in caught_up)])
    wait = 0.0
    if not count:
        nexts = [course.next_at(pace) for pace, course in caught_up]
        wait = max(0.001, max((moment - now).total_seconds() for moment in nexts) - AHEAD) if nexts else 0.0
    return Grant(count, [course.advanced(count) for _, course in caught_up], wait)

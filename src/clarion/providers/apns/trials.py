"""How often tokens that are bad in one environment are tried in the other one.

Many bad tokens make Apple close connections (providers.md §3.6); when every try is in vain, the fault lies elsewhere.
"""

from enum import Enum, auto

_MOST_IN_VAIN = 100
_REST = 600.0
"""Seconds without tries after that many."""


class Admission(Enum):
    """Whether one more try may begin."""

    BEGIN = auto()
    WAIT = auto()
    """Those under way will tell."""
    REFUSE = auto()


class Trials:
    """Counts tries under way, and those in vain since the last one that helped."""

    __slots__ = ("_in_vain", "_last", "_under_way")

    def __init__(self) -> None:
        self._in_vain = self._under_way = 0
        self._last = float("-inf")

    def admit(self, now: float) -> Admission:
        """What becomes of one more try; one that begins must be reported to `ended`."""
        if self._in_vain >= _MOST_IN_VAIN:
            if now - self._last < _REST:
                return Admission.REFUSE
            self._in_vain = 0
        if self._in_vain + self._under_way >= _MOST_IN_VAIN:
            return Admission.WAIT
        self._under_way += 1
        self._last = now
        return Admission.BEGIN

    def ended(self, *, helped: bool | None) -> None:
        """A try is over; None when it showed nothing."""
        self._under_way -= 1
        if helped is not None:
            self._in_vain = 0 if helped else self._in_vain + 1

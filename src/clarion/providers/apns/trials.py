"""How often tokens that are bad in one environment are tried in the other one.

Many bad tokens make Apple close connections (providers.md §3.6); when every try is in vain, the fault lies elsewhere.
"""

_MOST_IN_VAIN = 100
_REST = 600.0
"""Seconds without tries after that many."""


class Trials:
    """Counts tries since the last one that helped, those under way included."""

    __slots__ = ("_in_vain", "_last")

    def __init__(self) -> None:
        self._in_vain = 0
        self._last = 0.0

    def begin(self, now: float) -> bool:
        """Whether one more try may begin; it counts as in vain until it succeeds."""
        if self._in_vain >= _MOST_IN_VAIN:
            if now - self._last < _REST:
                return False
            self._in_vain = 0
        self._in_vain += 1
        self._last = now
        return True

    def succeeded(self) -> None:
        """A try has helped."""
        self._in_vain = 0

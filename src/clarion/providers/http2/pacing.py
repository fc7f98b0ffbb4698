"""When the next connection may be opened: at once after success, ever later after failures."""

_LARGEST_GROWTH = 16


class Pacing:
    """Distance between two connection attempts of one channel. Times are the event loop's."""

    __slots__ = ("_earliest", "_failures", "_interval", "_opened", "_pause")

    def __init__(self, pause: float, interval: float) -> None:
        self._pause = pause
        self._interval = interval
        self._failures = 0
        self._earliest = self._opened = float("-inf")

    def wait(self, now: float, *, others: bool) -> float:
        """Seconds until an attempt is allowed; `others`: another connection is usable meanwhile."""
        earliest = max(self._earliest, self._opened + self._interval) if others else self._earliest
        return max(0.0, earliest - now)

    def attempted(self, now: float) -> None:
        """An attempt begins."""
        self._opened = now

    def failed(self, now: float) -> None:
        """An attempt, or a connection before its first answer, has failed."""
        self._earliest = now + self._pause * min(_LARGEST_GROWTH, 1 << min(self._failures, 4))
        self._failures += 1

    def succeeded(self) -> None:
        """A connection has proven good."""
        self._failures = 0

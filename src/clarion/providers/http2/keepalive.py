"""When a silent connection is asked for a sign of life, and when it is given up (providers.md §3.6)."""

from enum import Enum, auto

from clarion.providers.transport import ChannelOptions


class Step(Enum):
    """What is to be done about a connection now."""

    NOTHING = auto()
    PING = auto()
    GIVE_UP = auto()
    CLOSE_IDLE = auto()


class KeepAlive:
    """Remembers signs of life. Times are the event loop's.

    Only frames of answers and PING acknowledgements count as life: a peer that still talks but no longer hears us
    is as dead as a silent one.
    """

    __slots__ = ("_heard", "_options", "_pinged", "_used")

    def __init__(self, options: ChannelOptions, now: float) -> None:
        self._options = options
        self._heard = self._used = now
        self._pinged: float | None = None

    @property
    def in_doubt(self) -> bool:
        """A PING is unanswered."""
        return self._pinged is not None

    def heard(self, now: float) -> None:
        """Something of an answer has arrived."""
        self._heard = now

    def acknowledged(self, now: float) -> None:
        """Our PING has been answered."""
        self._pinged = None
        self._heard = now

    def step(self, now: float, *, in_flight: bool) -> Step:
        """Decide; after PING the caller sends one."""
        if in_flight:
            self._used = now
        if now - self._used >= self._options.idle_close:
            return Step.CLOSE_IDLE
        if self._pinged is not None:
            return Step.GIVE_UP if now - self._pinged >= self._options.ping_timeout else Step.NOTHING
        silence = self._options.ping_after if in_flight else self._options.idle_ping
        if now - self._heard < silence:
            return Step.NOTHING
        self._pinged = now
        return Step.PING

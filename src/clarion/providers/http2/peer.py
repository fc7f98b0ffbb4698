"""What the peer's SETTINGS allow us (RFC 9113 §6.5.2)."""

from clarion.providers.http2.flow import SendFlow
from clarion.providers.http2.frames import (
    DEFAULT_FRAME_SIZE,
    LARGEST_FRAME_SIZE,
    ErrorCode,
    ProtocolViolation,
    Setting,
    read_settings,
)


class PeerSettings:
    """The limits in force; they may change at any time, up and down."""

    __slots__ = ("frame_size", "greeted", "streams")

    def __init__(self) -> None:
        self.greeted = False
        """The first SETTINGS have come."""
        self.streams: int | None = None
        """Streams open at the same time; None: no limit."""
        self.frame_size = DEFAULT_FRAME_SIZE

    def take(self, payload: bytes, flow: SendFlow) -> None:
        """Put a SETTINGS payload in force; unknown settings are ignored.

        Raises:
            ProtocolViolation: A value that the RFC forbids.
        """
        for key, value in read_settings(payload):
            if key == Setting.MAX_CONCURRENT_STREAMS:
                self.streams = value
            elif key == Setting.INITIAL_WINDOW_SIZE:
                flow.set_initial(value)
            elif key == Setting.MAX_FRAME_SIZE:
                self._set_frame_size(value)
            elif key == Setting.ENABLE_PUSH and value:
                raise ProtocolViolation(ErrorCode.PROTOCOL_ERROR, "SETTINGS_ENABLE_PUSH from a server")
        self.greeted = True

    def _set_frame_size(self, value: int) -> None:
        if not DEFAULT_FRAME_SIZE <= value <= LARGEST_FRAME_SIZE:
            raise ProtocolViolation(ErrorCode.PROTOCOL_ERROR, "SETTINGS_MAX_FRAME_SIZE out of range")
        self.frame_size = value

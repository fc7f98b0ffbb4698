"""What the two sides tell each other first: our greeting, and what the peer's SETTINGS allow us (RFC 9113 §6.5.2)."""

from clarion.providers.http2.flow import SendFlow
from clarion.providers.http2.frames import (
    DEFAULT_FRAME_SIZE,
    DEFAULT_WINDOW,
    LARGEST_FRAME_SIZE,
    PREFACE,
    ErrorCode,
    ProtocolViolation,
    Setting,
    read_settings,
    settings_frame,
    window_update,
)
from clarion.providers.http2.headers import HEADER_LIST_LIMIT

RECEIVE_WINDOW = 1 << 24
"""Bytes of bodies the peer may have on the way over one connection."""


def greeting(body_limit: int) -> bytes:
    """The first bytes on a connection: preface, SETTINGS, and a wide connection window.

    A stream's window outlasts the bytes we keep of its body, so it never has to grow.
    """
    settings = {
        Setting.HEADER_TABLE_SIZE: 0,
        Setting.ENABLE_PUSH: 0,
        Setting.INITIAL_WINDOW_SIZE: max(DEFAULT_WINDOW, body_limit + DEFAULT_FRAME_SIZE),
        Setting.MAX_HEADER_LIST_SIZE: HEADER_LIST_LIMIT,
    }
    return PREFACE + settings_frame(settings) + window_update(0, RECEIVE_WINDOW - DEFAULT_WINDOW)


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

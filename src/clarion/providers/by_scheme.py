"""Which transport an address gets: the engine speaks HTTP/2 over TLS only; an operator may also name a plain relay."""

from clarion.providers.transport import Channel, ChannelOptions, Sink, Transport


class BySchemeTransport:
    """`transport.Transport` that leaves `http` origins to another one."""

    def __init__(self, secure: Transport, plain: Transport) -> None:
        self._secure = secure
        self._plain = plain

    def open(self, origin: str, sink: Sink, options: ChannelOptions) -> Channel:
        """See `Transport.open`."""
        chosen = self._plain if origin.startswith("http://") else self._secure
        return chosen.open(origin, sink, options)

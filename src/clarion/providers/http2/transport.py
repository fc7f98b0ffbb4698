"""Opens channels of the engine and adds up what they count."""

import ssl
from dataclasses import replace

from clarion.providers.http2.channel import Counters, Http2Channel
from clarion.providers.http2.dialling import tls_context
from clarion.providers.resolving import Resolve, look_up
from clarion.providers.transport import ChannelOptions, Sink

REQUESTS_PER_CONNECTION = (1 << 30) - 1
"""Stream ids are odd numbers of 31 bits; the last one stays unused."""


class Http2Transport:
    """`transport.Transport` over our own HTTP/2 engine."""

    def __init__(self, *, requests_per_connection: int = REQUESTS_PER_CONNECTION, resolve: Resolve = look_up) -> None:
        """`resolve` is asked for channels that connect to the public internet only."""
        self._resolve = resolve
        self._requests_per_connection = requests_per_connection
        self._contexts: dict[str | None, ssl.SSLContext] = {}
        self._channels: set[Http2Channel] = set()
        self._past = Counters()

    def open(self, origin: str, sink: Sink, options: ChannelOptions) -> Http2Channel:
        """Make a channel to `https://host[:port]`; connections are opened when there is work.

        Raises:
            ValueError: `origin` is something else.
            OSError: The CA file or client certificate cannot be read.
        """
        channel = Http2Channel(
            origin,
            sink,
            options,
            context=self._context(options),
            requests_per_connection=self._requests_per_connection,
            closed=self._forget,
            resolve=self._resolve,
        )
        self._channels.add(channel)
        return channel

    @property
    def counters(self) -> Counters:
        """The sum over all channels, closed ones included; for metrics."""
        return sum((channel.counters for channel in self._channels), self._past)

    def _context(self, options: ChannelOptions) -> ssl.SSLContext:
        # Client certificates come and go under the same path (/proc/self/fd/N); only contexts without one are kept.
        if options.client_certificate:
            return tls_context(options)
        if options.ca_file not in self._contexts:
            self._contexts[options.ca_file] = tls_context(options)
        return self._contexts[options.ca_file]

    def _forget(self, channel: Http2Channel) -> None:
        if channel in self._channels:
            self._channels.remove(channel)
            counted = channel.counters
            self._past += replace(counted, connections=0, in_flight=0, queued=0, stream_limit=0)

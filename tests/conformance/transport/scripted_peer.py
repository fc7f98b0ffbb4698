"""A TLS peer whose every frame is written by the test. Knows frames and HPACK, but obeys no rule by itself."""

import asyncio
import ssl
import struct
from dataclasses import dataclass, field

from hpack import Decoder, Encoder, NeverIndexedHeaderTuple

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM = ACK = 1
END_HEADERS, PADDED, WITH_PRIORITY = 4, 8, 32
OK = b"\x88"
PATIENCE = 5.0


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def settings(**values: int) -> bytes:
    names = {"header_table": 1, "push": 2, "streams": 3, "window": 4, "frame_size": 5, "header_list": 6}
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", names[name], value) for name, value in values.items()))


def window(stream: int, increment: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def reset(stream: int, code: int) -> bytes:
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def goaway(last: int, code: int = 0, debug: bytes = b"") -> bytes:
    return frame(GOAWAY, 0, 0, struct.pack(">II", last, code) + debug)


def block(status: int, *headers: tuple[str, str]) -> bytes:
    """A header block that uses no dynamic table."""
    encoder = Encoder()
    encoder.header_table_size = 0
    fields = [NeverIndexedHeaderTuple(":status", str(status))]
    fields += [NeverIndexedHeaderTuple(name, value) for name, value in headers]
    return encoder.encode(fields)


def answer(stream: int, status: int = 200, body: bytes = b"", *headers: tuple[str, str]) -> bytes:
    head = frame(HEADERS, END_HEADERS | (0 if body else END_STREAM), stream, block(status, *headers))
    return head + (frame(DATA, END_STREAM, stream, body) if body else b"")


@dataclass
class Frame:
    kind: int
    flags: int
    stream: int
    payload: bytes


@dataclass
class Received:
    """A complete request."""

    stream: int
    fields: list[tuple[str, str]]
    body: bytes = b""
    raw: bytes = field(default=b"", repr=False)

    @property
    def path(self) -> str:
        return dict(self.fields)[":path"]

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.fields)


class Link:
    """One accepted connection, from the server's side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.decoder = Decoder()
        self.settings: dict[int, int] = {}
        self._partial: dict[int, Received] = {}
        self.others: list[Frame] = []
        """Frames that `request` came across and does not belong to one."""

    async def greeting(self) -> None:
        """Read preface and SETTINGS; leave the rest."""
        async with asyncio.timeout(PATIENCE):
            assert await self.reader.readexactly(len(PREFACE)) == PREFACE
        first = await self.frame()
        assert first.kind == SETTINGS
        self.settings = dict(struct.iter_unpack(">HI", first.payload))

    async def greet(self, **values: int) -> None:
        """Both greetings, with acknowledgement."""
        await self.greeting()
        self.send(settings(**values), frame(SETTINGS, ACK))

    async def frame(self) -> Frame:
        async with asyncio.timeout(PATIENCE):
            head = await self.reader.readexactly(9)
            size = int.from_bytes(head[:3], "big")
            stream = int.from_bytes(head[5:], "big")
            return Frame(head[3], head[4], stream, await self.reader.readexactly(size))

    async def expect(self, kind: int, *, stream: int | None = None) -> Frame:
        """The next frame of a kind; others are kept aside."""
        while True:
            got = await self.frame()
            if got.kind == kind and stream in (None, got.stream):
                return got
            self.others.append(got)

    async def expect_error(self, code: int) -> None:
        """The client says goodbye with this error code and closes."""
        last = await self.expect(GOAWAY)
        assert struct.unpack(">II", last.payload[:8])[1] == code
        await self.closed()

    async def request(self) -> Received:
        """The next request that is complete; several may arrive interleaved."""
        while True:
            got = await self.frame()
            if got.kind == HEADERS:
                await self._open(got)
            elif got.kind == DATA:
                self._partial[got.stream].body += got.payload
            else:
                self.others.append(got)
                continue
            if got.flags & END_STREAM:
                return self._partial.pop(got.stream)

    async def _open(self, first: Frame) -> None:
        raw, flags = first.payload, first.flags
        while not flags & END_HEADERS:
            more = await self.frame()
            assert (more.kind, more.stream) == (CONTINUATION, first.stream)
            raw, flags = raw + more.payload, more.flags
        fields = [(str(name), str(value)) for name, value in self.decoder.decode(raw)]
        self._partial[first.stream] = Received(first.stream, fields, raw=raw)

    async def requests(self, count: int) -> list[Received]:
        return [await self.request() for _ in range(count)]

    async def ping(self) -> list[Frame]:
        """Wait until the client has done all that follows from what was sent so far; the frames it sent meanwhile.

        Two rounds: what a read leads to may be written after the acknowledgement of a PING in the same read.
        """
        seen: list[Frame] = []
        for _ in range(2):
            self.send(frame(PING, 0, 0, b"sequence"))
            while (got := await self.frame()).kind != PING or not got.flags & ACK:
                seen.append(got)
        return seen

    def send(self, *pieces: bytes) -> None:
        self.writer.write(b"".join(pieces))

    async def closed(self) -> None:
        """The client has closed."""
        async with asyncio.timeout(PATIENCE):
            try:
                while await self.reader.read(65536):
                    pass
            except OSError:
                return

    def drop(self) -> None:
        """Reset the connection."""
        self.writer.transport.abort()

    def close(self) -> None:
        self.writer.close()


class ScriptedPeer:
    """Listens on loopback; the test accepts connections one by one."""

    def __init__(self, context: ssl.SSLContext | None, *, port: int = 0) -> None:
        self._context = context
        self._links: asyncio.Queue[Link] = asyncio.Queue()
        self._all: list[Link] = []
        self._server: asyncio.Server | None = None
        self.accepted = 0
        self.port = port

    @property
    def origin(self) -> str:
        return f"https://localhost:{self.port}"

    async def __aenter__(self) -> "ScriptedPeer":
        self._server = await asyncio.start_server(
            self._arrived,
            "127.0.0.1",
            self.port,
            ssl=self._context,
            ssl_shutdown_timeout=0.2 if self._context else None,
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        for link in self._all:
            link.drop()
        assert self._server is not None
        self._server.close()

    async def _arrived(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(reader, writer)
        self.accepted += 1
        self._all.append(link)
        self._links.put_nowait(link)

    async def accept(self) -> Link:
        async with asyncio.timeout(PATIENCE):
            return await self._links.get()

    async def welcome(self, **values: int) -> Link:
        """Accept and exchange greetings."""
        link = await self.accept()
        await link.greet(**values)
        return link

"""A provider stand-in that costs as little as Python allows: every POST gets the same answer, nothing is decoded.

Usage: stand_in.py PORT PEM_FILE_OF_CERTIFICATE_AND_KEY
"""

import asyncio
import ssl
import struct
import sys
from typing import cast

import uvloop

ANSWER = b'{"name":"projects/bench/messages/0:1700000000000000%25cafe"}'
STREAMS = 1000
_head = struct.Struct(">BHBBI").unpack_from


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


GREETING = _frame(4, 0, 0, struct.pack(">HI", 3, STREAMS)) + _frame(8, 0, 0, struct.pack(">I", 1 << 30))
ACKNOWLEDGEMENT = _frame(4, 1, 0, b"")
BEFORE, BETWEEN = _frame(1, 4, 0, b"\x88")[:5], b"\x88" + _frame(0, 1, 0, ANSWER)[:5]


class StandIn(asyncio.Protocol):
    """One connection: counts ends of streams, answers them in one write for each read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.rest, self.greeted, self.unreturned = b"", False, 0
        self.transport.write(GREETING)

    def data_received(self, data: bytes) -> None:
        data, at = self.rest + data, 0
        if not self.greeted:
            if len(data) < 24:
                self.rest = data
                return
            self.greeted, at = True, 24
        end, out = len(data), []
        while end - at >= 9:
            high, low, kind, flags, _ = _head(data, at)
            size = high << 16 | low
            if end - at < 9 + size:
                break
            if kind == 0:
                self.unreturned += size
                if flags & 1:
                    stream = data[at + 5 : at + 9]
                    out += (BEFORE, stream, BETWEEN, stream, ANSWER)
            elif kind == 4 and not flags & 1:
                out.append(ACKNOWLEDGEMENT)
            at += 9 + size
        self.rest = data[at:]
        if self.unreturned > 1 << 20:
            out.append(_frame(8, 0, 0, struct.pack(">I", self.unreturned)))
            self.unreturned = 0
        if out:
            self.transport.write(b"".join(out))


async def main(port: int, bundle: str) -> None:
    """Listen until the process is ended; says so on standard output."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bundle)
    context.set_alpn_protocols(["h2"])
    server = await asyncio.get_running_loop().create_server(StandIn, "127.0.0.1", port, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))

"""The encrypting process: batches in on standard input, bodies out on standard output, until the input ends.

A frame is a length (4 bytes, big-endian) and a MessagePack array: (p256dh, auth, text) per message one way, a body per
message the other way. Nothing secret but the messages themselves comes here.
"""

import sys
from typing import BinaryIO

import msgspec

from clarion.providers.webpush.encryption import Plain, encrypt

_batches = msgspec.msgpack.Decoder(list[Plain])
_encoder = msgspec.msgpack.Encoder()


def encrypt_all(batch: list[Plain]) -> list[bytes]:
    """The body of each message; an empty one where it cannot be encrypted."""
    return [_body(message) for message in batch]


def _body(message: Plain) -> bytes:
    try:
        return encrypt(message)
    except ValueError:
        return b""


def serve(source: BinaryIO, target: BinaryIO) -> None:
    """Answer batches until there are no more."""
    while size := source.read(4):
        content = _encoder.encode(encrypt_all(_batches.decode(source.read(int.from_bytes(size, "big")))))
        target.write(len(content).to_bytes(4, "big") + content)
        target.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
